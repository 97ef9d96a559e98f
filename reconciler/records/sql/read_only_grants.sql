-- The rights `elmify plan` needs: it reads and never writes. Run by the owner after the first apply:
--     psql "$DATABASE_URL" -v role=elmify_plan -f read_only_grants.sql
-- The tables of user data are among them because a plan counts whom a delete would touch.
grant usage on schema elmify, public to :"role";
grant select on all tables in schema elmify, public to :"role";
