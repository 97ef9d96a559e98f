"""Rights: a role without them is told so, and the documented grants are enough and no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from reconciler.model.errors import Denied, ElmifyError
from reconciler.model.history import AuditFact, RunKind, RunState, StepRecord
from reconciler.model.recorded import KeyState
from reconciler.records import records_on
from reconciler.records.schema import grants
from tests.failures import failing
from tests.records import (
    CI,
    ENVIRONMENT,
    EXPIRED,
    IDENTITY,
    LASTS,
    Connection,
    begun_run,
    installed,
    key_record,
    resource_record,
    writing,
)


@contextmanager
def _role(url: str) -> Iterator[tuple[Connection, str]]:
    """Open a transaction with a role of its own in it, which the rollback at the end takes away."""
    role = f"elmify test {uuid4().hex[:8]}"
    with writing(url) as connection:
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
        yield connection, role
        connection.rollback()


def _become(connection: Connection, role: str) -> None:
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))


def _grant(connection: Connection, file: str, role: str) -> None:
    connection.execute(grants(file, role, connection.info.dbname).encode())


def test_a_role_that_may_not_use_the_schema_is_denied_never_told_that_it_is_empty(database_url: str) -> None:
    begun_run(database_url)

    with _role(database_url) as (connection, role):
        _become(connection, role)
        with failing(Denied, "denied", role, "schema elmify") as denial:
            records_on(connection).load()

    assert f'grant usage on schema elmify, public to "{role}";' in denial.value.hint


def test_a_role_that_may_not_read_one_table_is_denied(database_url: str) -> None:
    begun_run(database_url)

    with _role(database_url) as (connection, role):
        _grant(connection, "read_only_grants.sql", role)
        connection.execute(sql.SQL("revoke select on elmify.object from {}").format(sql.Identifier(role)))
        _become(connection, role)
        with failing(Denied, "denied", role, "elmify.object"):
            records_on(connection).load()


@pytest.mark.parametrize("question", ["load_identity", "lease", "runs", "audit", "audit_head"])
def test_no_question_takes_a_missing_right_for_nothing(database_url: str, question: str) -> None:
    begun_run(database_url)

    with _role(database_url) as (connection, role):
        _become(connection, role)
        with pytest.raises(Denied):
            getattr(records_on(connection), question)()


def test_the_statements_that_the_denial_names_are_the_remedy(database_url: str) -> None:
    begun_run(database_url)

    with _role(database_url) as (connection, role):
        _become(connection, role)
        with pytest.raises(Denied) as denial:
            records_on(connection).load()
        connection.execute("reset role")
        connection.execute(denial.value.hint.partition("\n")[2].encode())
        _become(connection, role)

        assert records_on(connection).load().identity is not None


def test_the_read_only_grants_are_enough_for_every_question(database_url: str) -> None:
    run = begun_run(database_url)
    with installed(database_url) as records:
        records.save_keys([key_record(1)])
        records.append_audit(run, CI, [AuditFact(event="apply")])

    with _role(database_url) as (connection, role):
        _grant(connection, "read_only_grants.sql", role)
        _become(connection, role)
        connection.execute("set transaction read only")
        records = records_on(connection)

        assert len(records.load().keys) == 1
        assert records.lease() is None
        assert [each.id for each in records.runs()] == [run]
        assert list(records.steps(run)) == []
        assert len(list(records.audit())) == records.audit_head().seq == 1
        assert records.load_identity() == records.load().identity


@pytest.mark.parametrize(
    "statement",
    [
        "update elmify.identity set keys_lost = true",
        "insert into elmify.audit_head default values",
        "delete from lectures",
    ],
)
def test_a_role_that_may_only_read_can_write_nothing(database_url: str, statement: str) -> None:
    begun_run(database_url)

    with _role(database_url) as (connection, role):
        _grant(connection, "read_only_grants.sql", role)
        _become(connection, role)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_the_grants_to_apply_are_enough_for_a_whole_run(database_url: str) -> None:
    begun_run(database_url)

    with _role(database_url) as (connection, role):
        _grant(connection, "apply_grants.sql", role)
        _become(connection, role)
        records = records_on(connection)
        records.install(ENVIRONMENT, IDENTITY)
        records.confirm_identity()
        run = records.begin_run(RunKind.APPLY, CI)
        lease = records.acquire_lease(run, CI, EXPIRED)
        records.renew_lease(lease.token, LASTS)
        records.check_lease(lease.token)
        for state in (KeyState.INTENDED, KeyState.LIVE):
            records.save_keys([key_record(1, state)])
        for _ in range(2):
            records.save_resources([resource_record(1)], run)
        records.drop_resources([resource_record(1).address])
        records.add_steps(run, [StepRecord(address="a", action="create", before=None, after={})])
        records.append_audit(run, CI, [AuditFact(event="apply")])
        records.set_run(run, RunState.DONE)
        records.release_lease(lease.token)

        assert records.load().keys[key_record(1).key].state is KeyState.LIVE


@pytest.mark.parametrize(
    "statement",
    [
        "delete from elmify.audit",
        "truncate elmify.audit",
        "alter table elmify.audit disable trigger append_only",
        "delete from elmify.run",
        "update elmify.identity set environment = 'staging'",
        "alter table public.lectures add column mine text",
        "delete from public.favorites",
        "update public.users set email = 'x'",
    ],
)
def test_a_role_that_may_only_apply_can_neither_alter_tables_nor_history(
    database_url: str, statement: str
) -> None:
    begun_run(database_url)

    with _role(database_url) as (connection, role):
        _grant(connection, "apply_grants.sql", role)
        _become(connection, role)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_the_grants_to_apply_are_enough_for_the_library(database_url: str) -> None:
    begun_run(database_url)

    with _role(database_url) as (connection, role):
        _grant(connection, "apply_grants.sql", role)
        _become(connection, role)
        connection.execute("insert into speakers (id, name) values (nextval('speakers_id_seq'), 'S')")
        connection.execute("insert into collections (speaker_id, title) select id, 'C' from speakers")
        connection.execute(
            "insert into lectures"
            " (title, duration, file_name, file_path, file_size, file_format, collection_id)"
            " select 'L', 1, 'f', 'p', 1, 'mp3', id from collections"
        )
        connection.execute(
            "insert into lecture_categories (lecture_id, category_id)"
            " select l.id, c.id from lectures l, (select id from categories limit 1) c"
        )
        connection.execute("select from lectures order by id for update")
        connection.execute("delete from speakers")

        assert connection.execute("select count(*) from lectures").fetchone() == (0,)


def test_a_role_that_may_not_install_is_told_what_its_owner_has_to_do(database_url: str) -> None:
    with _role(database_url) as (connection, role):
        _become(connection, role)
        with failing(Denied, "denied", role) as denial:
            records_on(connection).install(ENVIRONMENT, IDENTITY)
        name = connection.info.dbname

    assert f'grant create on database "{name}" to "{role}";' in denial.value.hint


def test_a_schema_that_is_not_ours_is_never_taken_for_an_empty_one(database_url: str) -> None:
    with writing(database_url) as connection:
        connection.execute("create schema elmify")
        connection.execute("create table elmify.recipes ()")

    with writing(database_url) as connection:
        with failing(ElmifyError, "records-unknown", "recipes"):
            records_on(connection).load()
        with failing(ElmifyError, "records-unknown", "recipes"):
            records_on(connection).install(ENVIRONMENT, IDENTITY)
