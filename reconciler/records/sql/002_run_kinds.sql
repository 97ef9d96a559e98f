-- Version 2: runs by kind and subject, with their counts, and sums over all runs that have ended. `:runs_of_version_1`
-- is the query in the file of that name. Run once, under elmify's advisory transaction lock, while nobody holds the lease.

alter table elmify.run
    add column kind text,
    add column subject text[] not null default '{}',
    add column commit_entry bigint,
    add column changes bigint not null default 0 check (changes >= 0),
    add column uploaded_files bigint default 0 check (uploaded_files >= 0),
    add column uploaded_bytes bigint not null default 0 check (uploaded_bytes >= 0),
    add column user_rows_lost bigint not null default 0 check (user_rows_lost >= 0),
    add column result text not null generated always as (
        case when state = 'done' and coalesce(outcome, 'ok') = 'ok' then 'ok'
             when state in ('done', 'committed') then 'unfinished'
             else state
        end) stored;

update elmify.run
set kind = old.kind,
    subject = old.subject,
    commit_entry = old.commit_entry,
    changes = old.changes,
    uploaded_files = old.uploaded_files,
    uploaded_bytes = old.uploaded_bytes,
    user_rows_lost = old.user_rows_lost
from (:runs_of_version_1) as old
where old.id = run.id;

alter table elmify.run
    alter column kind set not null,
    drop column command,
    add constraint known_kinds check (kind in ('apply', 'rollback', 'merge', 'gc', 'other')),
    add constraint subjects_of_their_kind check (
        cardinality(subject) = case kind when 'rollback' then 1 when 'merge' then 2 when 'other' then 1 else 0 end);

comment on column elmify.run.subject is
    'the run that a rollback takes back; the lectures of a merge, first the one that goes; the text of another kind';
comment on column elmify.run.result is 'ok, failed, unfinished or begun: what the run counts as';
comment on column elmify.run.commit_entry is 'the entry of the audit log that tells of the commit';
comment on column elmify.run.changes is 'committed steps that changed something';
comment on column elmify.run.uploaded_files is 'null for runs of a version that did not count them';

-- Each read finds its runs by one of these, however many there are: those that have not ended, the last ones of a kind
-- that have, the last commit, the last upload, the last change.
create index run_open on elmify.run (id) where finished_at is null;
create index run_ended on elmify.run (kind, id) where finished_at is not null;
create index run_ended_with on elmify.run (kind, result, id) where finished_at is not null;
create index run_commit_entry on elmify.run (commit_entry) where commit_entry is not null;
create index run_uploaded on elmify.run (committed_at, id) where uploaded_bytes > 0;
create index run_changed on elmify.run (id) where changes > 0;

create table elmify.run_total (
    kind text not null,
    result text not null check (result in ('ok', 'failed', 'unfinished')),
    runs bigint not null,
    duration interval not null,
    uploaded_bytes bigint not null,
    user_rows_lost bigint not null,
    primary key (kind, result)
);
comment on table elmify.run_total is
    'Sums over the runs that have ended, by kind and result. Whoever ends a run adds it here in the same transaction.';

insert into elmify.run_total (kind, result, runs, duration, uploaded_bytes, user_rows_lost)
select kind, result, count(*), sum(finished_at - begun_at), sum(uploaded_bytes), sum(user_rows_lost)
from elmify.run
where finished_at is not null
group by kind, result;

-- Roles keep their rights: who may read or write runs may do the same to their sums.
do $$
declare
    run pg_catalog.pg_class := (select each from pg_catalog.pg_class each where oid = 'elmify.run'::regclass);
    granted record;
begin
    for granted in
        select case grantee when 0 then 'public' else grantee::regrole::text end as role, privilege_type as privilege
        from pg_catalog.aclexplode(run.relacl)
    loop
        execute format('grant %s on elmify.run_total to %s', granted.privilege, granted.role);
    end loop;
    if run.relowner <> (select relowner from pg_catalog.pg_class where oid = 'elmify.run_total'::regclass) then
        execute format('alter table elmify.run_total owner to %s', run.relowner::regrole);
    end if;
end
$$;

analyze elmify.run;
analyze elmify.step;
