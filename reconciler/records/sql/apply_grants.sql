-- The least rights `elmify apply`, `gc`, `rollback` and `merge` need. Run by the owner once schema elmify exists:
--     psql "$DATABASE_URL" -v role=elmify_apply -f apply_grants.sql
-- A role that only has these can neither alter a table nor rewrite the audit log.

grant temporary on database :"DBNAME" to :"role";  -- sets of rows travel through temporary tables
grant usage on schema elmify, public to :"role";
grant select on all tables in schema elmify, public to :"role";

-- What elmify remembers.
grant update (state, keys_lost) on elmify.identity to :"role";
grant update on elmify.lease, elmify.audit_head to :"role";
grant insert, update on elmify.run, elmify.run_total, elmify.object to :"role";
grant insert, update, delete on elmify.resource, elmify.alias to :"role";
grant insert on elmify.step, elmify.audit to :"role";

-- The library.
grant insert, update, delete on public.speakers, public.collections, public.lectures to :"role";
grant usage on sequence public.speakers_id_seq, public.collections_id_seq, public.lectures_id_seq to :"role";

-- Categories; leave these out where the deployment has none. Triggers keep the counts in the caller's name.
grant insert, update, delete on public.lecture_categories, public.collection_categories to :"role";
grant update (lecture_count, collection_count) on public.categories to :"role";

-- A rollback puts back the users' rows that a delete took along, and a merge moves them. Add the tables of newer
-- features of the app.
grant insert, update on public.favorites, public.playback_positions, public.user_saved_lectures,
    public.listening_stats, public.lecture_play_credits to :"role";
