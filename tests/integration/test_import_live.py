"""Bringing a messy live library under the catalog: nothing is lost, and only what is wrong is corrected."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.applying.refresh import make_plan
from reconciler.cli import run
from reconciler.loading.fmt import format_catalog_file
from reconciler.model.diagnostics import Severity
from reconciler.model.errors import Exit
from reconciler.model.kinds import Kind
from reconciler.model.outcomes import Imported, Reason, Tidied
from reconciler.model.plan import Action, Plan
from reconciler.model.remedies import Merge
from reconciler.model.values import nfc
from reconciler.operations.imports import import_live
from reconciler.operations.project import Project
from reconciler.operations.workspace import open_workspace
from reconciler.planning.diff import differing_names
from reconciler.planning.world import Request
from reconciler.settings import load_settings
from tests import postgres
from tests.failures import named_in
from tests.live.backend import backend
from tests.live.mess import Mess, Object
from tests.live.project import SETTINGS, LiveProject, live_project
from tests.live.seen import Seen, look
from tests.live.system import dump_content, fill_database, fill_directory, query

pytest_plugins = ["tests.live.fixtures"]

RESOURCES = 8 + 12 + 457


@dataclass(frozen=True)
class Team:
    """A team with a live library and an elmify.yaml, and no catalog yet."""

    live: LiveProject

    @property
    def root(self) -> Path:
        return self.live.root

    def settled(self) -> Project:
        if not (self.root / "elmify.yaml").exists():
            (self.root / "elmify.yaml").write_text(SETTINGS)
        return Project(load_settings(self.root, {"DATABASE_URL": self.live.url}))

    def do_import(self, *, as_is: bool = False, clean: Collection[Tidied] = ()) -> Imported:
        project = self.settled()
        with open_workspace(project) as workspace:
            return import_live(project, workspace, as_is=as_is, learn_hashes=False, clean=clean)

    def plan(self) -> Plan:
        project = self.settled()
        with open_workspace(project) as workspace:
            return make_plan(workspace, Request())[0]

    def texts(self) -> Mapping[str, str]:
        return {
            str(file.relative_to(self.root)): file.read_text()
            for file in (self.root / "catalog").rglob("*")
            if file.is_file()
        }


def corrections(plan: Plan) -> Mapping[str, set[str]]:
    """Return the columns and slots that a plan would correct, by address."""
    return {
        change.address: set(differing_names(change.before, change.after))
        for change in plan.changes
        if change.before is not None and change.after is not None
    }


@pytest.fixture(scope="module")
def production(
    postgres_server: str, production_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveProject]:
    """The live system that every test here starts from; nothing of it is changed by an import."""
    with postgres.clone(postgres_server, production_template) as url:
        yield live_project(tmp_path_factory.mktemp("production"), url)


def team_of(production: LiveProject, root: Path) -> Team:
    """Return a team that imports and plans, and applies nothing: the library itself is shared."""
    (root / "bucket").symlink_to(production.root / "bucket")
    return Team(replace(production, root=root))


@pytest.fixture
def team(production: LiveProject, tmp_path: Path) -> Team:
    """A team for a test that writes files of its own."""
    return team_of(production, tmp_path)


@dataclass(frozen=True)
class Import:
    """An import, the plan right after it, and the library before and after both."""

    team: Team
    imported: Imported
    plan: Plan
    before: Seen
    after: Seen


@pytest.fixture(scope="module")
def first(production: LiveProject, tmp_path_factory: pytest.TempPathFactory) -> Import:
    """A first import. No test changes its files."""
    team = team_of(production, tmp_path_factory.mktemp("first"))
    before = look(team.live)
    imported, plan = team.do_import(), team.plan()
    return Import(team=team, imported=imported, plan=plan, before=before, after=look(team.live))


def test_everything_that_can_be_played_is_declared(first: Import) -> None:
    assert [each for each in first.imported.diagnostics if each.severity is Severity.ERROR] == []
    assert {change.action for change in first.plan.changes} == {Action.ADOPT}
    assert len(first.plan.changes) == sum(first.imported.added.values()) == RESOURCES
    assert not any(change.puts for change in first.plan.changes)
    assert first.plan.blocked == ()


def test_every_recording_is_declared_as_one_of_its_rows(first: Import) -> None:
    live = first.team.live
    adopted = {change.row for change in first.plan.changes if change.address.count("/") == 2}
    twins = dict(zip((live.rows.lectures[a] for a, _ in live.mess.twins), live.rows.twins, strict=True))

    assert len(adopted) == len(live.rows.lectures)
    for row in live.rows.lectures.values():
        assert len(adopted & {row, twins.get(row, row)}) == 1
    told = {each.subject: each.remedy for each in first.imported.findings if each.reason is Reason.DUPLICATE}
    left = {row for pair in twins.items() for row in pair} - adopted
    assert told.keys() == {f"lectures[{row}]" for row in left}
    assert all(isinstance(remedy, Merge) for remedy in told.values())


def test_no_name_and_no_title_is_changed_and_what_could_be_tidied_is_told(first: Import) -> None:
    changed = [
        c.address for c in first.plan.changes if {"name", "title"} & corrections(first.plan)[c.address]
    ]
    untidy = {each.subject for each in first.imported.findings if each.reason is Reason.UNTIDY_NAME}

    assert changed == []
    assert {address.count("/") for address in untidy} == {0, 1, 2}
    assert len(untidy) > 100


def test_on_request_names_and_titles_are_tidied_of_what_is_declared_too(team: Team) -> None:
    team.do_import()
    imported = team.do_import(clean=list(Tidied))
    plan = team.plan()

    tidied = [address for address, names in corrections(plan).items() if {"name", "title"} & names]
    assert len(tidied) > 100
    assert {change.action for change in plan.changes} == {Action.ADOPT}
    assert sum(imported.added.values()) == 0
    for change in plan.changes:
        named = change.after.values if change.after is not None else {}
        name = str(named.get("title", named.get("name")))
        assert name == nfc(name).strip()


def test_an_import_changes_nothing_live(first: Import) -> None:
    assert first.after == first.before


def test_what_is_written_is_in_canonical_form(first: Import) -> None:
    catalog = {name: text for name, text in first.team.texts().items() if name.endswith(".yaml")}

    assert len(catalog) == 8 + 12
    assert [name for name, text in catalog.items() if format_catalog_file(text, name).differs] == []


def test_the_plan_corrects_what_is_wrong_and_nothing_else(first: Import) -> None:
    by_row = {row: address for address, row in first.team.live.rows.lectures.items()}
    truths = {c.address: by_row[c.row] for c in first.plan.changes if c.row in by_row and "/" in c.address}
    truths = {address: truth for address, truth in truths.items() if address.count("/") == 2}

    corrected = corrections(first.plan)
    for address, truth in truths.items():
        assert corrected[address] == wrong_columns(first.team.live.mess, truth), (address, truth)


def is_found_by_names(mess: Mess, address: str, key: str) -> bool:
    """Return whether apps find this lecture's collection where its recordings are.

    Only there do more lectures play with the right numbers.
    """
    speaker, collection, _ = address.split("/")
    folders = (mess.speakers[speaker]["name"], mess.collections[f"{speaker}/{collection}"]["title"])
    return key.startswith(f"{nfc('/'.join(folders))}/")


def wrong_columns(mess: Mess, address: str) -> set[str]:
    """Return the columns of a lecture's row that the mess got wrong, by the rules that made it."""
    row = mess.lectures[address]
    values: dict[str, Any] = row.values
    key = nfc(values["file_path"])
    number = int(key.rpartition("/")[2].split("-")[0])
    size = {nfc(stored.key): len(stored.content) for stored in mess.objects}[key]
    wrong = {
        "speaker_id": row.speaker is None,
        "collection_id": row.collection is None,
        "lecture_number": values["lecture_number"] != number and is_found_by_names(mess, address, key),
        "file_size": values["file_size"] != size,
        "file_format": values["file_format"] != key.rpartition(".")[2],
        "audio_url": not str(values["audio_url"]).startswith("https://cdn.example.com/"),
    }
    return {name for name, is_wrong in wrong.items() if is_wrong}


def test_what_cannot_be_joined_is_told_with_its_reason(first: Import) -> None:
    told = {(each.reason, each.subject) for each in first.imported.findings}
    orphans = first.team.live.rows.orphans

    assert {(Reason.ROW_WITHOUT_OBJECT, f"lectures[{id_}]") for id_ in orphans} <= told
    assert (Reason.ROW_WITHOUT_PARENT, f"lectures[{orphans[0]}]") in told
    assert (Reason.OBJECT_WITHOUT_ROW, "intro.mp3") in told
    formats = [each.detail for each in first.imported.findings if each.reason is Reason.TWO_FORMATS]
    assert any(named_in(said, "Idris & Sons/speaker.jpg", "Idris & Sons/speaker.png") for said in formats)


def test_what_nobody_hashed_has_no_hash_in_the_lockfile(first: Import) -> None:
    lines = first.team.texts()["catalog/elmify.lock"].splitlines()[1:]

    assert len(lines) > RESOURCES
    assert all('"sha256": "unknown"' in line and '"etag": ' in line for line in lines)


def test_a_second_import_adds_nothing(team: Team) -> None:
    team.do_import()
    before = team.texts()

    imported = team.do_import()

    assert sum(imported.added.values()) == 0
    assert (imported.written, imported.lines) == ((), 0)
    assert team.texts() == before


def test_what_was_written_by_hand_stays_and_so_does_every_id(team: Team) -> None:
    team.do_import()
    file = team.root / "catalog/yusuf-of-karim/quran.yaml"
    text = file.read_text().replace("  - id: al-fatiha-the-opener\n", "  # By hand.\n  - id: opening\n", 1)
    text = text.replace("title: Al-Fatiha (The opener)", "title: The Opening", 1)
    kept, _, _ = text.rpartition("  - id: ")
    file.write_text(kept)

    team.do_import()

    assert file.read_text().startswith(kept)
    assert len(file.read_text()) > len(kept)
    assert "- id: al-fatiha-the-opener\n" not in file.read_text()


def test_as_it_is_nothing_is_to_be_corrected(team: Team) -> None:
    imported = team.do_import(as_is=True)

    plan = team.plan()
    assert sum(imported.added.values()) == len(plan.changes) == RESOURCES
    assert {change.action for change in plan.changes} == {Action.ADOPT}
    assert set().union(*corrections(plan).values()) == set()
    assert not any(each.reason is Reason.NOT_AS_IS for each in imported.findings)


def test_deleting_a_line_of_as_is_has_that_column_corrected(team: Team) -> None:
    team.do_import(as_is=True)
    file = team.root / "catalog/yusuf-of-karim/quran.yaml"
    lines = file.read_text().splitlines(keepends=True)
    place = next(at for at, line in enumerate(lines) if line.strip().startswith("audio_url:"))
    file.write_text("".join([*lines[:place], *lines[place + 1 :]]))

    corrected = {address: names for address, names in corrections(team.plan()).items() if names}
    assert list(corrected.values()) == [{"audio_url"}]


def test_streaming_the_objects_teaches_every_hash(
    untouched: LiveProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    (untouched.root / "elmify.yaml").write_text(SETTINGS)
    monkeypatch.setenv("DATABASE_URL", untouched.url)
    monkeypatch.chdir(untouched.root)

    assert run(["import", "live", "--as-is", "--hash"]) == Exit.OK

    lines = (untouched.root / "catalog/elmify.lock").read_text().splitlines()[1:]
    assert [line for line in lines if '"unknown"' in line] == []
    assert "to import as they are." in printed(untouched.root, ["plan"])


def test_what_rekey_cannot_move_it_tells_and_the_command_that_it_names_lets_it_move(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.do_import()
    keys = 'keys:\n  speaker_image: "{{ speaker.name }}/portrait.{{ ext }}"\n'
    (team.root / "elmify.yaml").write_text(SETTINGS + keys)
    monkeypatch.setenv("DATABASE_URL", team.live.url)
    monkeypatch.chdir(team.root)
    before = json.loads(printed(team.root, ["plan", "--rekey", "--format", "json"]))["not_rekeyed"]

    remedy = {json.dumps(left["remedy"], sort_keys=True) for left in before}
    assert [json.loads(each) for each in remedy] == [{"kind": "import-live", "clean": [], "hash_bytes": True}]
    assert run(["import", "live", "--hash"]) == Exit.OK
    assert json.loads(printed(team.root, ["plan", "--rekey", "--format", "json"]))["not_rekeyed"] == []


# The whole way, by the command line.


@dataclass(frozen=True)
class Journey:
    """A library imported, planned, applied and planned again, by commands."""

    live: LiveProject
    before: Seen
    after: Seen
    planned: str
    again: str


@pytest.fixture(scope="module", params=["repaired", "as it is"])
def journey(
    request: pytest.FixtureRequest,
    production: LiveProject,
    postgres_server: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Journey]:
    root = tmp_path_factory.mktemp("journey")
    database = production.url.rpartition("/")[2].partition("?")[0]
    with postgres.clone(postgres_server, database) as url, pytest.MonkeyPatch.context() as patch:
        live = production.copied(root, url)
        (root / "elmify.yaml").write_text(SETTINGS)
        patch.setenv("DATABASE_URL", url)
        patch.chdir(root)
        before = look(live)
        options = ["--as-is"] if request.param == "as it is" else []
        assert run(["import", "live", "--format", "json", *options]) == Exit.OK
        planned = printed(root, ["plan", "--out", "plans/first.json"])
        assert run(["apply", "plans/first.json"]) == Exit.OK
        again = printed(root, ["plan", "--detailed-exitcode"])
        yield Journey(live=live, before=before, after=look(live), planned=planned, again=again)


def printed(root: Path, arguments: list[str]) -> str:
    """Run a command that succeeds, and return what it prints."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(arguments) == Exit.OK
    return out.getvalue()


def test_every_favourite_is_still_there_with_its_id(journey: Journey) -> None:
    assert len(journey.before.users["public.favorites"]) > 500
    assert journey.after.users == journey.before.users


def test_every_row_keeps_its_id_and_every_object_stays(journey: Journey) -> None:
    for table, rows in journey.before.content.items():
        assert journey.after.content[table].keys() == rows.keys()
    assert set(journey.after.bucket) >= set(journey.before.bucket)


def test_the_next_plan_is_empty(journey: Journey) -> None:
    assert "No changes. The library matches the catalog.\n" in journey.again


def test_as_it_is_the_plan_says_that_nothing_changes_and_the_apply_writes_no_row(journey: Journey) -> None:
    is_as_it_is = "to import as they are." in journey.planned
    assert is_as_it_is == (journey.after.content == journey.before.content)
    assert is_as_it_is == ("No changes. The library matches the catalog." in journey.planned)


# Rows whose names only cleaning makes equal.

_LIKE = """
insert into speakers (name) select name || '   ' from speakers order by id limit 1;
insert into collections (speaker_id, title) select id, 'Duas' from speakers where name like '%   ';
insert into collections (speaker_id, title) select id, 'Duas ' from speakers where name like '%   ';
insert into collections (speaker_id, title) select id, U&'Caf\\00E9' from speakers where name like '%   ';
insert into collections (speaker_id, title) select id, U&'Cafe\\0301' from speakers where name like '%   ';
"""
_TITLES = ("Story", "Story ", "Caf\u00e9", "Cafe\u0301", "02 Those who desire", "03 Those who desire", " x\n")


def test_rows_that_only_cleaning_makes_equal_are_each_an_entry(untouched: LiveProject) -> None:
    team = Team(untouched)
    for statement in filter(str.strip, _LIKE.split(";")):
        query(untouched.url, statement)
    parents = query(untouched.url, "select max(id) as id, max(speaker_id) as speaker from collections")[0]
    paths = [f"Like/{place}.mp3" for place in range(len(_TITLES))]
    fill_directory(
        untouched.root / "bucket",
        [Object(key=path, content=path.encode()) for path in paths],
        untouched.bucket,
    )
    for place, title in enumerate(_TITLES):
        query(
            untouched.url,
            "insert into lectures (speaker_id, collection_id, title, lecture_number, duration, file_name,"
            " file_path, file_size, file_format) values (%s, %s, %s, %s, 0, 'x.mp3', %s, 1, 'mp3')",
            *(parents["speaker"], parents["id"], title, place, paths[place]),
        )
    before = dump_content(untouched.url)

    imported = team.do_import()

    assert [each for each in imported.diagnostics if each.severity is Severity.ERROR] == []
    plan = team.plan()
    declared = {(change.kind, change.row) for change in plan.changes}
    for table, kind in (("speakers", Kind.SPEAKER), ("collections", Kind.COLLECTION)):
        assert {row for sort, row in declared if sort is kind} == before[table].keys()
    like = [change for change in plan.changes if change.after and "Like/" in str(change.after.values)]
    assert {change.row for change in like} == {
        id_ for id_, row in before["lectures"].items() if row["file_path"] in paths
    }
    assert not any({"name", "title", "lecture_number"} & corrections(plan)[change.address] for change in like)
    assert {change.action for change in plan.changes} == {Action.ADOPT}
    assert plan.blocked == ()


# The team's own library.


@pytest.fixture
def team_of_backend(database_url: str, tmp_path: Path) -> Team:
    """The team's library in today's mess: 467 lectures, of which 155 play by their names."""
    mess = backend(healthy=False)
    rows = fill_database(database_url, mess, users=2)
    live = LiveProject(root=tmp_path, url=database_url, truth=(), mess=mess, rows=rows)
    fill_directory(tmp_path / "bucket", mess.objects, live.bucket)
    return Team(live)


def test_all_467_lectures_of_the_team_are_declared_and_the_312_numbers_corrected(
    team_of_backend: Team,
) -> None:
    imported = team_of_backend.do_import()

    assert imported.added[Kind.LECTURE] == 467
    assert [each for each in imported.diagnostics if each.severity is Severity.ERROR] == []
    plan = team_of_backend.plan()
    corrected = Counter(name for names in corrections(plan).values() for name in names)
    assert corrected["lecture_number"] == 312
    assert corrected["name"] == corrected["title"] == 0
    assert Reason.NUMBER_DOUBTED not in {each.reason for each in imported.findings}
    by_way = {count.way: (count.plays, count.plays_after) for count in plan.playback}
    assert by_way["stream"] == (155, 467)
    assert by_way["playlist"] == (467, 467)
