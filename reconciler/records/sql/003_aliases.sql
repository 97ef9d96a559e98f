-- Version 3: aliases that a commit left to be made. Run once, under elmify's advisory transaction lock, while nobody
-- holds the lease.

create table elmify.alias (
    key text primary key,
    spelling text not null,
    source text not null,
    size_bytes bigint not null check (size_bytes >= 0),
    sha256 text,
    replaces text not null,
    media_type text,
    address text,
    run bigint not null references elmify.run
);
comment on table elmify.alias is
    'Objects that become copies of others after a commit. Whoever holds the lease makes them first; then the row goes.';
comment on column elmify.alias.key is 'in NFC; `spelling` is how the store spells it';
comment on column elmify.alias.replaces is 'the ETag of the bytes that the copy replaces: other bytes are left alone';

-- Roles keep their rights: who may write resources may write these.
do $$
declare
    resource pg_catalog.pg_class := (select each from pg_catalog.pg_class each where oid = 'elmify.resource'::regclass);
    granted record;
begin
    for granted in
        select case grantee when 0 then 'public' else grantee::regrole::text end as role, privilege_type as privilege
        from pg_catalog.aclexplode(resource.relacl)
    loop
        execute format('grant %s on elmify.alias to %s', granted.privilege, granted.role);
    end loop;
    if resource.relowner <> (select relowner from pg_catalog.pg_class where oid = 'elmify.alias'::regclass) then
        execute format('alter table elmify.alias owner to %s', resource.relowner::regrole);
    end if;
end
$$;
