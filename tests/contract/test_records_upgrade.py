"""Records of the first version: read as they are, and upgraded by the first run of this one."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from reconciler.model.errors import Denied, Leased
from reconciler.model.history import AuditFact, Run, RunKind, RunResult, RunState, StepRecord
from reconciler.model.ports import RecordsReader
from reconciler.model.recorded import KeyState
from reconciler.records import records_on
from reconciler.records.schema import VERSION, grants, migration
from tests import postgres
from tests.failures import failing
from tests.records import (
    CI,
    ENVIRONMENT,
    IDENTITY,
    Connection,
    install_version_1,
    installed,
    key_record,
    reading,
    writing,
)

#: Every text that a run was ever recorded by, and some that none was.
SHAPES = {
    "apply": (RunKind.APPLY, ()),
    "gc": (RunKind.GC, ()),
    "rollback 12": (RunKind.ROLLBACK, ("12",)),
    "merge 412 413": (RunKind.MERGE, ("412", "413")),
    "merge 412 unmanaged.lectures[413]": (RunKind.MERGE, ("412", "unmanaged.lectures[413]")),
    "merge a/b/c d/e/f": (RunKind.MERGE, ("a/b/c", "d/e/f")),
    "stage": (RunKind.OTHER, ("stage",)),
    "repair": (RunKind.OTHER, ("repair",)),
    "rollback": (RunKind.OTHER, ("rollback",)),
    "rollback twelve": (RunKind.OTHER, ("rollback twelve",)),
    "rollback 12\n": (RunKind.OTHER, ("rollback 12\n",)),
    "merge 412": (RunKind.OTHER, ("merge 412",)),
    "merge 1 2 3": (RunKind.OTHER, ("merge 1 2 3",)),
    "apply --only a/*": (RunKind.OTHER, ("apply --only a/*",)),
    "": (RunKind.OTHER, ("",)),
}

COMMITTED = "'done', now(), now() + interval '3 seconds'"


@pytest.fixture
def first_version(database_url: str) -> str:
    """URL of a database whose records the first version made."""
    install_version_1(database_url)
    return database_url


def record(connection: Connection, command: str, ends: str = "'begun', null, null", outcome: str = "") -> int:
    """Insert a run as the first version did; its number."""
    found = connection.execute(
        "insert into elmify.run (command, actor, begun_at, state, committed_at, finished_at, outcome)"
        f" values (%s, 'ci', now() - interval '2 seconds', {ends}, nullif(%s, '')) returning id".encode(),
        (command, outcome),
    ).fetchone()
    assert found is not None
    return int(found[0])


def told(connection: Connection, run: int, **detail: object) -> int:
    """Append the entry of a run's commit as the first version did, with another after it; its number."""
    head = records_on(connection).append_audit(run, CI, [AuditFact(event="commit", detail=detail)])
    forged = AuditFact(event="update", address='"event":"commit","run":1', detail={"reason": '"run":1'})
    records_on(connection).append_audit(run, CI, [forged])
    return head.seq


def answers(records: RecordsReader) -> tuple[object, ...]:
    """Return all that can be asked of runs."""
    return (
        records.runs(limit=99),
        [records.run(run.id) for run in records.runs(limit=99)],
        records.run_totals(),
        [records.ended_runs(kind, limit=9) for kind in RunKind],
        [records.ended_runs(kind, result=RunResult.OK, limit=9) for kind in RunKind],
        records.last_upload(),
        records.last_change(),
        records.last_commit(),
        list(records.touched_since(0)),
    )


def upgraded(url: str) -> None:
    with writing(url) as connection:
        records_on(connection).install(ENVIRONMENT, "another")


def version(url: str) -> int:
    with writing(url) as connection:
        found = connection.execute("select schema_version from elmify.identity").fetchone()
    assert found is not None
    return int(found[0])


@contextmanager
def role(url: str, granted: str) -> Iterator[str]:
    """Yield the URL for a role that was granted that, before the upgrade."""
    with psycopg.connect(url) as connection:
        name = connection.info.dbname
    with postgres.role(url, grants(granted, "{role}", name).replace('"{role}"', "{role}")) as limited:
        yield limited


def test_every_text_of_the_first_version_becomes_a_kind_and_a_subject(first_version: str) -> None:
    with writing(first_version) as connection:
        numbers = {record(connection, command): command for command in SHAPES}

    def shapes() -> dict[str, tuple[RunKind, tuple[str, ...]]]:
        with reading(first_version) as connection:
            runs = records_on(connection).runs(limit=99)
        return {numbers[run.id]: (run.kind, run.subject) for run in runs}

    assert shapes() == SHAPES
    upgraded(first_version)
    assert shapes() == SHAPES
    assert version(first_version) == VERSION


def filled(url: str) -> tuple[int, int]:
    """Record runs of all sorts; the number of the last that uploaded, and of the last commit's entry."""
    with writing(url) as connection:
        first = record(connection, "apply", COMMITTED, "ok")
        told(connection, first, uploaded_bytes=900, user_rows_lost=1, changes=2)
        records_on(connection).add_steps(
            first,
            [
                StepRecord(address=address, action=action, before=None, after=None)
                for address, action in (("a", "create"), ("a/b", "create"), ("a/c", "no-op"), ("*", "merge"))
            ],
        )
        uploading = record(connection, "apply", "'committed', now(), null")
        told(connection, uploading, uploaded_bytes=70, user_rows_lost=0)
        record(connection, "apply", "'failed', null, now()", "interrupted")
        record(connection, "gc", COMMITTED, "3 objects could not be deleted")
        record(connection, "apply", "'done', null, now()")
        record(connection, "rollback 1")
        last = record(connection, "merge 4 5", COMMITTED, "ok")
        entry = told(connection, last, uploaded_bytes=0, user_rows_lost=2)
    return uploading, entry


def test_the_upgrade_works_out_the_counts_of_runs_from_steps_and_audit_log(first_version: str) -> None:
    uploading, entry = filled(first_version)
    upgraded(first_version)

    with reading(first_version) as connection:
        records = records_on(connection)
        first, upload, commit = records.run(1), records.last_upload(), records.last_commit()
        totals = {(total.kind, total.result): total for total in records.run_totals()}
        last_change = records.last_change()

    assert first is not None
    assert (first.changes, first.uploaded_files, first.uploaded_bytes, first.user_rows_lost) == (
        2,
        None,
        900,
        1,
    )
    assert upload is not None
    assert (upload.id, upload.uploaded_bytes) == (uploading, 70)
    assert last_change == 1
    assert commit is not None
    assert commit.seq == entry
    assert {key: (total.runs, total.ended) for key, total in totals.items()} == {
        (RunKind.APPLY, RunResult.OK): (2, 2),
        (RunKind.APPLY, RunResult.FAILED): (1, 1),
        (RunKind.APPLY, RunResult.UNFINISHED): (1, 0),
        (RunKind.GC, RunResult.UNFINISHED): (1, 1),
        (RunKind.ROLLBACK, RunResult.BEGUN): (1, 0),
        (RunKind.MERGE, RunResult.OK): (1, 1),
    }
    assert totals[RunKind.APPLY, RunResult.OK].duration.total_seconds() == 7
    assert sum(total.uploaded_bytes for total in totals.values()) == 970
    assert sum(total.user_rows_lost for total in totals.values()) == 3


def test_every_answer_is_the_same_before_the_upgrade_and_after_it(first_version: str) -> None:
    filled(first_version)
    with reading(first_version) as connection:
        before = answers(records_on(connection))
    upgraded(first_version)
    with reading(first_version) as connection:
        assert answers(records_on(connection)) == before


def test_a_role_that_may_only_read_reads_both_versions_without_another_grant(first_version: str) -> None:
    filled(first_version)
    with role(first_version, "read_only_grants.sql") as limited:
        with reading(limited) as connection:
            before = answers(records_on(connection))
            assert records_on(connection).load().identity is not None
        upgraded(first_version)
        with reading(limited) as connection:
            assert answers(records_on(connection)) == before
            assert records_on(connection).load().identity is not None


_RIGHTS_OF_VERSION_1 = """
grant usage on schema elmify to {role};
grant select on all tables in schema elmify to {role};
grant update on elmify.lease, elmify.audit_head to {role};
grant insert, update on elmify.run, elmify.object to {role};
grant insert on elmify.step, elmify.audit to {role};
"""


def test_a_role_that_could_apply_before_the_upgrade_can_after_it(first_version: str) -> None:
    with postgres.role(first_version, _RIGHTS_OF_VERSION_1) as limited:
        upgraded(first_version)
        with writing(limited) as connection:
            records = records_on(connection)
            run = records.begin_run(RunKind.GC, CI)
            records.set_run(run, RunState.DONE, "ok")

            assert [total.runs for total in records.run_totals()] == [1]


def test_a_role_that_does_not_own_the_schema_is_told_that_its_owner_has_to_apply(first_version: str) -> None:
    with postgres.role(first_version, _RIGHTS_OF_VERSION_1) as limited:
        with (
            writing(limited) as connection,
            pytest.raises(Denied) as denial,
        ):
            records_on(connection).begin_run(RunKind.GC, CI)

        assert "grant create" not in denial.value.hint  # what helps is an apply of the owner's, then these
        assert "elmify.run_total" in denial.value.hint
    assert version(first_version) == 1


def test_the_first_run_upgrades_whatever_its_kind(first_version: str) -> None:
    with writing(first_version) as connection:
        record(connection, "rollback 12", COMMITTED, "ok")
    with writing(first_version) as connection:
        number = records_on(connection).begin_run(RunKind.MERGE, CI, subject=("4", "a/b/c"))

    with reading(first_version) as connection:
        runs = records_on(connection).runs()
    assert version(first_version) == VERSION
    assert [(run.id, run.kind, run.subject) for run in runs] == [
        (number, RunKind.MERGE, ("4", "a/b/c")),
        (1, RunKind.ROLLBACK, ("12",)),
    ]


def test_a_run_that_was_cut_short_is_closed_in_records_of_the_first_version(first_version: str) -> None:
    with writing(first_version) as connection:
        number = record(connection, "apply")
    with writing(first_version) as connection:
        records_on(connection).set_run(number, RunState.FAILED, "interrupted")

    with reading(first_version) as connection:
        [total] = records_on(connection).run_totals()
    assert (total.result, total.runs) == (RunResult.FAILED, 1)


_HELD = """
update elmify.lease
set run = %s, holder = 'amina', token = token + 1, acquired_at = now(), heartbeat_at = now(),
    expires_at = now() + make_interval(secs => %s)
"""


def test_nothing_is_upgraded_under_a_run_of_the_first_version(first_version: str) -> None:
    with writing(first_version) as connection:
        run = record(connection, "apply")
        connection.execute(_HELD, (run, 60))

    with writing(first_version) as connection:
        with failing(Leased, "records-in-use", run, "amina"):
            records_on(connection).begin_run(RunKind.GC, CI)
        connection.rollback()
        with failing(Leased, "records-in-use", run, "amina"):
            records_on(connection).install(ENVIRONMENT, IDENTITY)
    assert version(first_version) == 1


def test_a_lease_that_has_expired_does_not_stop_an_upgrade(first_version: str) -> None:
    with writing(first_version) as connection:
        connection.execute(_HELD, (record(connection, "apply"), -1))
    upgraded(first_version)

    assert version(first_version) == VERSION


def test_what_else_was_recorded_is_as_before(first_version: str) -> None:
    with writing(first_version) as connection:
        records_on(connection).save_keys([key_record(1, KeyState.RETIRED)])
    upgraded(first_version)

    with reading(first_version) as connection:
        recorded = records_on(connection).load()
    assert recorded.keys[key_record(1).key].state is KeyState.RETIRED
    assert recorded.identity is not None
    assert recorded.identity.id == IDENTITY


def test_an_altered_audit_log_does_not_stop_an_upgrade(first_version: str) -> None:
    with writing(first_version) as connection:
        run = record(connection, "apply", COMMITTED, "ok")
        told(connection, run, uploaded_bytes=900)
        connection.execute("alter table elmify.audit disable trigger append_only")
        payload = f'{{"event":"commit","run":{"9" * 40}'
        connection.execute("update elmify.audit set payload = %s where seq = 1", (payload,))
    upgraded(first_version)

    with reading(first_version) as connection:
        runs: list[Run] = list(records_on(connection).runs())
    assert [run.uploaded_bytes for run in runs] == [0]


def test_a_new_schema_is_that_of_an_upgraded_one(first_version: str, older_database_url: str) -> None:
    upgraded(first_version)
    with installed(older_database_url):
        pass

    def tables(url: str) -> list[tuple[object, ...]]:
        with writing(url) as connection:
            return connection.execute(
                "select table_name::text, column_name::text, data_type::text, is_nullable::text"
                " from information_schema.columns where table_schema = 'elmify' order by 1, 2"
            ).fetchall()

    assert tables(first_version) == tables(older_database_url)
    assert ":runs_of" not in "".join(
        line for line in migration("002_run_kinds.sql").splitlines() if not line.startswith("--")
    )
