"""Commands on a history of 200,000 runs: what they read of it does not grow with it."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.inside import InsideProject, inside_project
from tests.mailbox import Mailbox, mailbox

#: A library of Apprise's imports it on Python 3.11 and 3.12.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

RUNS = 200_000
A_FEW = 200  # rows, of all tables of the history, for one command

#: After the project's own apply: gc after gc, one in a hundred of which failed; and the audit log of them.
_HISTORY = f"""
insert into elmify.run (kind, actor, begun_at, state, finished_at, outcome)
select 'gc', 'ci', begun, case when failed then 'failed' else 'done' end, begun + interval '2 seconds',
       case when failed then 'no answer' else 'ok' end
from (
    select number % 100 = 0 as failed, now() - (3 * {RUNS} - number) * interval '1 minute' as begun
    from generate_series(1, {RUNS}) as number
) as made;

insert into elmify.run_total (kind, result, runs, duration, uploaded_bytes, user_rows_lost)
select kind, result, count(*), sum(finished_at - begun_at), 0, 0 from elmify.run where kind = 'gc'
group by kind, result;

insert into elmify.audit (seq, previous, payload, hash, at)
select head.seq + number, repeat('0', 64), '{{"event":"condemn","run":1,"url":null}}', repeat('0', 64), now()
from elmify.audit_head as head, generate_series(1, {RUNS}) as number;

update elmify.audit_head set seq = (select max(seq) from elmify.audit);
"""

_SEEN = """
select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint
from pg_catalog.pg_stat_user_tables
where schemaname = 'elmify' and relname in ('run', 'step', 'audit')
"""

_OTHERS = (
    "select from pg_catalog.pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
)


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> InsideProject:
    project = inside_project(tmp_path, database_url)
    project.apply()
    project.sql(_HISTORY)
    return project


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


def rows_read(project: InsideProject) -> int:
    """Return the rows read of the history so far, once all commands have left the server.

    A server process adds what it has read to the statistics before it is gone.
    """
    with psycopg.connect(project.environ["DATABASE_URL"], autocommit=True) as looking:
        while looking.execute(_OTHERS).fetchone() is not None:
            looking.execute("select pg_stat_clear_snapshot()")
        looking.execute("select pg_stat_clear_snapshot()")
        return int(looking.execute(_SEEN).fetchall()[0][0])


def test_what_a_command_reads_of_the_history_does_not_grow_with_it(
    project: InsideProject, box: Mailbox
) -> None:
    printed = {}
    for command in (
        ("metrics",),
        ("runs", "--limit", "50"),
        ("status",),
        ("drift",),
        ("plan",),
        ("rollback", "--out", "plan.json"),
    ):
        before = rows_read(project)
        printed[command[0]] = project.elmify(*command).out
        assert rows_read(project) - before <= A_FEW, command

    found = {
        (sample.name, sample.labels.get("command"), sample.labels.get("outcome")): sample.value
        for family in text_string_to_metric_families(printed["metrics"])
        for sample in family.samples
    }
    assert found["elmify_runs_total", "gc", "ok"] == RUNS * 99 // 100
    assert found["elmify_runs_total", "gc", "failed"] == RUNS // 100
    assert found["elmify_runs_total", "apply", "ok"] == 1
    assert found["elmify_run_duration_seconds_sum", "gc", None] == RUNS * 2
    assert len(printed["runs"].splitlines()) == 51

    project.environ["ELMIFY_NOTIFY_URLS"] = box.url
    before = rows_read(project)
    project.elmify("gc")
    assert rows_read(project) - before <= A_FEW
    assert box.titles == ["test: elmify gc works again"]  # the last of the 200,000 failed
