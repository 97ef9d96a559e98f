-- The runs as version 1 of the schema recorded them, with the columns of version 2: for the migration, and for readers
-- that come before it. A run was recorded as the command that began it, and counts only in the audit log, whose payloads
-- are canonical JSON: no text inside of one looks like a field.
select run.id,
       case when run.command in ('apply', 'gc') then run.command
            when run.command ~ '^rollback [0-9]+$' then 'rollback'
            when run.command ~ '^merge [^[:space:]]+ [^[:space:]]+$' then 'merge'
            else 'other'
       end as kind,
       case when run.command in ('apply', 'gc') then '{}'
            when run.command ~ '^(rollback [0-9]+|merge [^[:space:]]+ [^[:space:]]+)$'
                then (string_to_array(run.command, ' '))[2:]
            else array[run.command]
       end as subject,
       run.actor, run.actor_commit, run.actor_url, run.state, run.fingerprint,
       run.begun_at, run.committed_at, run.finished_at, run.outcome,
       case when run.state = 'done' and coalesce(run.outcome, 'ok') = 'ok' then 'ok'
            when run.state in ('done', 'committed') then 'unfinished'
            else run.state
       end as result,
       told.entry as commit_entry,
       case when run.committed_at is null then 0 else coalesce(done.changes, 0) end as changes,
       case when told.entry is null then 0 end as uploaded_files,
       coalesce(told.uploaded_bytes, 0) as uploaded_bytes,
       coalesce(told.user_rows_lost, 0) as user_rows_lost
from elmify.run
left join (
    select substring(payload from '"event":"commit","run":([0-9]{1,18})')::bigint as run,
           max(seq) as entry,
           max(substring(payload from '"uploaded_bytes":([0-9]{1,18})')::bigint) as uploaded_bytes,
           max(substring(payload from '"user_rows_lost":([0-9]{1,18})')::bigint) as user_rows_lost
    from elmify.audit
    where payload ~ '"event":"commit","run":[0-9]'
    group by 1
) as told on told.run = run.id
left join (
    select run, count(*) as changes
    from elmify.step
    where action not in ('no-op', 'capture', 'sort', 'edit', 'rollback', 'merge')
    group by run
) as done on done.run = run.id
