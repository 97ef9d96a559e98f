"""What a database URL means, and what of it is ever shown."""

import pytest

from providers.database.connection import Target, is_local
from reconciler.model.errors import UsageError

PASSWORD = "Gehe1m-w0rt"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://app:{PASSWORD}@db.example.org:6432/library",
        f"postgres://app:{PASSWORD}@db.example.org:6432/library",
        f"jdbc:postgresql://app:{PASSWORD}@db.example.org:6432/library",
        f"jdbc:postgresql://db.example.org:6432/library?user=app&password={PASSWORD}",
        f"  postgresql://app:{PASSWORD}@db.example.org:6432/library\n",
    ],
)
def test_every_spelling_of_a_url_names_the_same_database(url: str) -> None:
    target = Target.parse(url)
    given = {name: target.parameters[name] for name in ("user", "password", "host", "port", "dbname")}
    assert given == {
        "user": "app",
        "password": PASSWORD,
        "host": "db.example.org",
        "port": "6432",
        "dbname": "library",
    }


def test_the_password_is_never_shown() -> None:
    target = Target.parse(f"postgresql://app:{PASSWORD}@db.example.org:6432/library")
    assert str(target) == "postgresql://app@db.example.org:6432/library"
    assert PASSWORD not in repr(target)


def test_a_jdbc_password_is_decoded() -> None:
    target = Target.parse("jdbc:postgresql://db.example.org/library?user=app&password=a%26b%2Fc%20d")
    assert target.parameters["password"] == "a&b/c d"


def test_parameters_that_only_java_knows_are_left_out() -> None:
    target = Target.parse(
        "jdbc:postgresql://localhost/library?user=app&prepareThreshold=0&currentSchema=public"
    )
    assert target.parameters.keys().isdisjoint({"prepareThreshold", "currentSchema"})


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("ssl=true", "verify-full"),
        ("ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory", "require"),
        ("ssl=true&sslmode=prefer", "prefer"),
        ("ssl=false", "require"),
    ],
)
def test_what_java_says_of_encryption_is_understood(said: str, meant: str) -> None:
    assert Target.parse(f"jdbc:postgresql://db.example.org/library?{said}").parameters["sslmode"] == meant


@pytest.mark.parametrize(
    ("url", "sslmode"),
    [
        ("postgresql://app@db.example.org/library", "require"),
        ("postgresql://app@postgres.railway.internal/library", "require"),
        ("postgresql://app@192.0.2.7/library", "require"),
        ("postgresql://app@localhost,db.example.org/library", "require"),
        ("postgresql:///library?hostaddr=192.0.2.7", "require"),
        ("postgresql://app@db.example.org/library?sslmode=disable", "disable"),
        ("postgresql://app@db.example.org/library?sslmode=verify-full", "verify-full"),
        ("postgresql://app@localhost/library", None),
        ("postgresql://app@127.0.0.1/library", None),
        ("postgresql://app@[::1]/library", None),
        ("postgresql:///library", None),
        ("postgresql:///library?host=%2Fvar%2Frun%2Fpostgresql", None),
    ],
)
def test_encryption_is_required_of_other_machines_unless_the_url_speaks(
    url: str, sslmode: str | None
) -> None:
    assert Target.parse(url).parameters.get("sslmode") == sslmode


def test_a_url_that_is_silent_leaves_encryption_to_libpqs_own_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert "sslmode" not in Target.parse("postgresql://app@db.example.org/library").parameters


def test_the_url_overrides_what_elmify_asks_for() -> None:
    parameters = Target.parse(
        "postgresql://localhost/library?application_name=mine&keepalives_idle=5"
    ).parameters
    assert (parameters["application_name"], parameters["keepalives_idle"]) == ("mine", "5")
    assert (parameters["keepalives"], parameters["client_encoding"]) == ("1", "UTF8")


def test_nothing_is_asked_of_a_server_that_a_pooler_would_refuse() -> None:
    assert "options" not in Target.parse("postgresql://db.example.org/library").parameters


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://app:{PASSWORD}@db.example.org/library",
        f"host=db.example.org password={PASSWORD}",
        f"postgresql://app:{PASSWORD}@db.example.org/library?nonsense=1",
        f"postgresql://app:{PASSWORD}%zz@db.example.org/library",
        f"postgresql://app:x@{PASSWORD}@db.example.org/library",
        f"postgresql://app:x/{PASSWORD}@db.example.org/library",
        f"postgresql://app:{PASSWORD}@[::1/library",
        f"jdbc:postgresql://[{PASSWORD}",
        f"jdbc:mysql://app:{PASSWORD}@db.example.org/library",
        "",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Target.parse(url)
    told = [raised.value.message, raised.value.hint, *raised.value.details, str(raised.value.__cause__)]
    assert PASSWORD not in "\n".join(told)
    assert "Percent-encode" in raised.value.hint


@pytest.mark.parametrize(
    "host", ["", "localhost", "127.0.0.1", "127.8.8.8", "::1", "/run", "@run", "localhost,::1"]
)
def test_this_machine_is_local(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["db", "localhost.example.org", "10.0.0.1", "localhost,10.0.0.1", "0.0.0.0"])
def test_any_other_is_not(host: str) -> None:
    assert not is_local(host)
