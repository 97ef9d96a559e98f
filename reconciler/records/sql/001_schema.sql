-- What elmify remembers, version 1. Run once, under elmify's advisory transaction lock, after the schema was made.

create table elmify.identity (
    singleton boolean primary key default true check (singleton),
    id text not null check (id <> ''),
    environment text not null check (environment <> ''),
    state text not null default 'pending' check (state in ('pending', 'confirmed')),
    keys_lost boolean not null default false,
    schema_version integer not null check (schema_version > 0),
    created_at timestamptz not null default clock_timestamp()
);
comment on table elmify.identity is
    'One row: which environment this database belongs to. The bucket carries the same id in its marker object.';
comment on column elmify.identity.state is 'pending until the bucket was seen to carry the id';
comment on column elmify.identity.keys_lost is
    'set once these records had to be rebuilt: keys that were used before are then unknown';

create table elmify.run (
    id bigint generated always as identity primary key,
    command text not null,
    actor text not null,
    actor_commit text,
    actor_url text,
    state text not null default 'begun' check (state in ('begun', 'committed', 'done', 'failed')),
    fingerprint text,
    begun_at timestamptz not null default clock_timestamp(),
    committed_at timestamptz,
    finished_at timestamptz,
    outcome text,
    constraint committed_runs_have_a_time check (state <> 'committed' or committed_at is not null),
    constraint failed_runs_committed_nothing check (state <> 'failed' or committed_at is null),
    constraint finished_runs_have_a_time check ((state in ('done', 'failed')) = (finished_at is not null))
);
comment on table elmify.run is
    'One apply, gc or repair. One that is neither committed nor finished, and holds no lease, was interrupted.';

create table elmify.lease (
    singleton boolean primary key default true check (singleton),
    token bigint not null default 0 check (token >= 0),
    run bigint references elmify.run,
    holder text,
    url text,
    took_over bigint references elmify.run,
    acquired_at timestamptz,
    heartbeat_at timestamptz,
    expires_at timestamptz,
    constraint held_or_free check (num_nonnulls(run, holder, acquired_at, heartbeat_at, expires_at) in (0, 5)),
    constraint a_free_lease_says_no_more check (run is not null or num_nonnulls(url, took_over) = 0)
);
comment on table elmify.lease is
    'One row: who may apply now. Its columns are null while nobody does.';
comment on column elmify.lease.took_over is 'the run that had let the lease expire before this one took it';
comment on column elmify.lease.token is
    'grows with every holder and never shrinks: a commit that carries an older one is refused';

insert into elmify.lease default values;

create table elmify.resource (
    address text primary key,
    kind text not null check (kind in ('speaker', 'collection', 'lecture')),
    row_id bigint not null,
    name text not null,
    parent_row bigint,
    keys jsonb not null check (jsonb_typeof(keys) = 'object'),
    applied text not null,
    protect boolean not null,
    run bigint not null references elmify.run,
    changed_at timestamptz not null default clock_timestamp(),
    constraint all_but_speakers_have_a_parent check (kind <> 'speaker' or parent_row is null)
);
comment on table elmify.resource is 'What the last apply left of each resource of the catalog.';
comment on column elmify.resource.keys is 'the object key in each slot';
comment on column elmify.resource.applied is
    'canonical JSON of the column values that elmify wrote or confirmed: the baseline of drift';

create table elmify.object (
    key text primary key check (key <> ''),
    spelling text not null,
    state text not null check (state in ('intended', 'live', 'retired', 'condemned', 'deleted', 'released')),
    size_bytes bigint not null check (size_bytes >= 0),
    sha256 text check (length(sha256) = 64),
    etag text,
    verified boolean not null,
    address text,
    run bigint references elmify.run,
    changed_at timestamptz not null default clock_timestamp()
);
comment on table elmify.object is 'Every object key that was ever used. Keys are never used again.';
comment on column elmify.object.key is 'the NFC spelling: keys that are equal by NFC are one object';
comment on column elmify.object.spelling is 'the key as it is spelled in the bucket and in rows';
comment on column elmify.object.verified is 'whether somebody has hashed the stored bytes';
comment on column elmify.object.address is 'the resource that has the key, or had it last';
comment on column elmify.object.changed_at is 'when the state last changed: the retention counts from here';

create table elmify.step (
    run bigint not null references elmify.run,
    seq bigint not null,
    address text not null,
    action text not null,
    before jsonb,
    after jsonb,
    captured jsonb check (jsonb_typeof(captured) = 'array'),
    primary key (run, seq)
);
comment on table elmify.step is 'What each run did, in order, and what undoes it.';
comment on column elmify.step.captured is
    'the rows that a delete took along: [{"table": "schema.table", "rows": [...]}] in the order of inserting them';

create table elmify.audit (
    seq bigint primary key check (seq > 0),
    previous text not null check (length(previous) = 64),
    payload text not null,
    hash text not null check (length(hash) = 64),
    at timestamptz not null
);
comment on table elmify.audit is
    'Append-only. hash is the SHA-256 of previous, seq and payload, joined by newlines; previous is the hash before.';

create table elmify.audit_head (
    singleton boolean primary key default true check (singleton),
    seq bigint not null default 0 check (seq >= 0),
    hash text not null default repeat('0', 64) check (length(hash) = 64)
);
comment on table elmify.audit_head is
    'One row: the last entry of the audit log. Whoever appends locks it, so that the log stays one chain.';

insert into elmify.audit_head default values;

create function elmify.refuse_to_rewrite_history() returns trigger
    language plpgsql
    set search_path = pg_catalog
    as $$
begin
    raise exception 'the audit log is append-only: % on elmify.audit is refused', lower(tg_op)
        using errcode = 'restrict_violation',
              hint = 'Correct what happened by a new entry; elmify writes one for all it does.';
end
$$;

create trigger append_only
    before update or delete or truncate on elmify.audit
    for each statement execute function elmify.refuse_to_rewrite_history();
