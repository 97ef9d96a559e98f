"""The first plan of the team's library in today's mess, as people read it."""

import json
from collections import Counter
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.cli import run
from reconciler.model.errors import Exit
from reconciler.model.kinds import TABLES
from tests.live.backend import BASE_URL, backend
from tests.live.system import dump_content, fill_database, fill_directory

Content = Mapping[str, Mapping[int, Mapping[str, Any]]]

SETTINGS = f"""\
environment: live
public_base_url: {BASE_URL}
objects:
  store: directory
  directory: bucket
"""


@pytest.fixture
def library(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small library of the team, imported and not yet applied."""
    mess = backend(healthy=False, small=True)
    fill_database(database_url, mess, users=2)
    fill_directory(tmp_path / "bucket", mess.objects, DirectoryBucket(tmp_path / "bucket"))
    (tmp_path / "elmify.yaml").write_text(SETTINGS)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    assert run(["import", "live"]) == Exit.OK
    return tmp_path


def test_the_first_plan_counts_exactly_what_the_apply_rewrites(
    library: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dump_content(database_url)
    capsys.readouterr()
    assert run(["plan", "--out", "first.json", "--detailed-exitcode"]) == Exit.DIFFERENCES
    planned = capsys.readouterr().out
    assert run(["apply", "first.json"]) == Exit.OK
    applied = capsys.readouterr().out
    assert run(["plan", "--detailed-exitcode"]) == Exit.OK

    (told,) = json.loads((library / "first.json").read_text())["corrections"]
    rows, rewritten = _rewritten(before, dump_content(database_url))
    assert rows > 0
    assert (told["actions"], told["rows"]) == (["adopt"], rows)
    assert {one["column"]: one["count"] for one in told["columns"]} == rewritten
    columns = ", ".join(f"{one['column']} {one['count']}" for one in told["columns"])
    assert f"of which {rows} are corrected: {columns}; 0 to add, {rows} to change, 0 to delete." in planned
    assert f"of which {rows} were corrected: {columns}; 0 added, {rows} changed, 0 deleted." in applied


def test_a_rollback_of_the_import_tells_the_same_columns(
    library: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--out", "first.json"]) == Exit.OK
    assert run(["apply", "first.json"]) == Exit.OK
    before = dump_content(database_url)
    capsys.readouterr()

    assert run(["rollback", "--out", "back.json"]) == Exit.OK
    planned = capsys.readouterr().out
    assert run(["apply", "back.json"]) == Exit.OK

    rows, rewritten = _rewritten(before, dump_content(database_url))
    (told,) = json.loads((library / "back.json").read_text())["corrections"]
    assert (told["actions"], told["rows"]) == (["forget"], rows)
    assert {one["column"]: one["count"] for one in told["columns"]} == rewritten
    assert f"of which {rows} are changed back: " in planned


@pytest.mark.parametrize("format_", ["text", "markdown", "html", "json"])
def test_the_first_plan_says_in_every_format_what_it_corrects(
    library: Path, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    assert run(["plan", "--out", "first.json"]) == Exit.OK
    capsys.readouterr()
    assert run(["show", "first.json", "--format", format_]) == Exit.OK
    shown = unescape(capsys.readouterr().out)

    for group in json.loads((library / "first.json").read_text())["corrections"][0]["columns"]:
        column, count = group["column"], group["count"]
        told = f'"count":{count}' if format_ == "json" else f"{column} {count}"
        assert told in shown
        assert group["examples"][0]["address"] in shown
    assert "never hashed)" not in shown
    assert "directory bucket" in shown


def _rewritten(before: Content, after: Content) -> tuple[int, Counter[str]]:
    """Return how many rows got other values in managed columns, and how many in each column."""
    columns, rows = Counter[str](), 0
    for table in TABLES.values():
        managed = {column.name for column in table.columns} - {"categories"}
        for row, now in after[table.name].items():
            then = before[table.name][row]
            changed = [name for name in managed if now[name] != then[name]]
            columns.update(changed)
            rows += bool(changed)
    return rows, columns
