"""Identity and schema: installed once, agreed on, never mistaken for another's."""

from concurrent.futures import ThreadPoolExecutor

from reconciler.model.errors import ElmifyError, IdentityMismatch
from reconciler.model.history import RunKind
from reconciler.model.recorded import Identity, IdentityState, Recorded
from reconciler.records import records_on
from reconciler.records.schema import VERSION
from tests.failures import failing
from tests.records import CI, ENVIRONMENT, IDENTITY, Connection, installed, reading, until_blocked, writing


def _install(connection: Connection, identity: str) -> Identity:
    return records_on(connection).install(ENVIRONMENT, identity)


def _load(url: str) -> Recorded:
    with reading(url) as connection:
        return records_on(connection).load()


def test_a_database_without_the_schema_has_nothing_recorded(database_url: str) -> None:
    with reading(database_url) as connection:
        records = records_on(connection)

        assert records.load() == Recorded()
        assert records.load_identity() is None
        assert records.lease() is None
        assert records.run(1) is None
        assert (list(records.runs()), list(records.steps(1)), list(records.audit())) == ([], [], [])
        assert records.audit_head().seq == 0


def test_a_first_install_leaves_a_pending_identity(database_url: str) -> None:
    with writing(database_url) as connection:
        made = _install(connection, IDENTITY)

    assert made == Identity(id=IDENTITY, environment=ENVIRONMENT, state=IdentityState.PENDING)
    assert _load(database_url) == Recorded(identity=made)


def test_installing_again_changes_nothing(database_url: str) -> None:
    with writing(database_url) as connection:
        first = _install(connection, IDENTITY)
        run = records_on(connection).begin_run(RunKind.APPLY, CI)

    with writing(database_url) as connection:
        assert _install(connection, "another-id") == first
        assert records_on(connection).run(run) is not None


def test_an_install_in_a_schema_that_an_administrator_made_fills_it(database_url: str) -> None:
    with writing(database_url) as connection:
        connection.execute("create schema elmify")

    assert _load(database_url) == Recorded()
    with writing(database_url) as connection:
        assert _install(connection, IDENTITY).id == IDENTITY


def test_two_first_runs_at_once_agree_on_one_identity(database_url: str) -> None:
    with ThreadPoolExecutor() as threads, writing(database_url) as late, writing(database_url) as early:
        won = _install(early, "early")
        waiting = threads.submit(_install, late, "late")
        until_blocked(database_url, late.info.backend_pid)
        early.commit()

        assert waiting.result() == won


def test_a_failed_install_leaves_nothing(database_url: str) -> None:
    with writing(database_url) as connection:
        _install(connection, IDENTITY)
        connection.rollback()

    assert _load(database_url) == Recorded()


def test_records_of_another_environment_are_refused(database_url: str) -> None:
    with installed(database_url):
        pass

    with (
        writing(database_url) as connection,
        failing(IdentityMismatch, "identity", "production", "staging"),
    ):
        records_on(connection).install("staging", IDENTITY)


def test_a_confirmed_identity_stays_confirmed_and_lost_keys_stay_lost(database_url: str) -> None:
    with installed(database_url) as records:
        records.confirm_identity(keys_lost=True)
        records.confirm_identity()

    with installed(database_url) as records:
        identity = records.load().identity
    assert identity == Identity(
        id=IDENTITY, environment=ENVIRONMENT, state=IdentityState.CONFIRMED, keys_lost=True
    )


def test_records_of_a_newer_elmify_are_neither_read_nor_written(database_url: str) -> None:
    with installed(database_url):
        pass
    with writing(database_url) as connection:
        connection.execute("update elmify.identity set schema_version = 99")

    with failing(ElmifyError, "records-newer", 99, VERSION):
        _load(database_url)
    with writing(database_url) as connection, failing(ElmifyError, "records-newer", 99, VERSION):
        _install(connection, IDENTITY)


def test_every_table_says_what_it_is_for(database_url: str) -> None:
    with installed(database_url):
        pass

    with writing(database_url) as connection:
        silent = connection.execute(
            "select relname from pg_class where relnamespace = 'elmify'::regnamespace and relkind = 'r'"
            " and obj_description(oid, 'pg_class') is null"
        ).fetchall()
    assert silent == []


def test_all_times_know_their_zone(database_url: str) -> None:
    with installed(database_url):
        pass

    with writing(database_url) as connection:
        zoneless = connection.execute(
            "select table_name, column_name from information_schema.columns"
            " where table_schema = 'elmify' and data_type = 'timestamp without time zone'"
        ).fetchall()
    assert zoneless == []
