from importlib.resources import files

import pytest

from reconciler.records import schema
from reconciler.records.schema import grants, quoted, sql_file


def test_every_numbered_file_is_a_migration_and_their_numbers_are_the_versions() -> None:
    folder = files("reconciler.records").joinpath("sql")
    numbered = sorted(file.name for file in folder.iterdir() if file.name[0].isdigit())

    assert tuple(numbered) == schema._MIGRATIONS
    assert [int(name[:3]) for name in numbered] == list(range(1, schema.VERSION + 1))


@pytest.mark.parametrize("file", ["read_only_grants.sql", "apply_grants.sql"])
def test_grants_for_a_role_hold_nothing_but_statements(file: str) -> None:
    lines = [line.strip() for line in grants(file, 'o"brien', "elmify").splitlines()]

    assert '"o""brien"' in " ".join(lines)
    assert not any("--" in line or ":" in line for line in lines)
    assert lines[-1].endswith(";")


@pytest.mark.parametrize("file", ["read_only_grants.sql", "apply_grants.sql"])
def test_a_grants_file_says_how_it_is_run(file: str) -> None:
    assert f"-f {file}" in sql_file(file)


def test_an_identifier_is_quoted_as_sql_wants_it() -> None:
    assert quoted('a"b') == '"a""b"'
