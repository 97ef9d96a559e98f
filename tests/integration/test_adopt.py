"""Accepting drift: what other hands changed is written into the catalog, and the next plan leaves it be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from reconciler.applying.refresh import make_plan
from reconciler.cli import run
from reconciler.importing.adopt import Adopted, adopt
from reconciler.importing.declare import Folder
from reconciler.importing.live import read_world
from reconciler.loading.fmt import format_catalog_file
from reconciler.model.errors import Exit, UsageError
from reconciler.model.outcomes import Reason
from reconciler.model.plan import Action, Plan
from reconciler.model.remedies import Merge
from reconciler.operations.project import Project
from reconciler.operations.workspace import open_workspace
from reconciler.planning.diff import differing_names
from reconciler.planning.world import Request
from reconciler.settings import load_settings
from tests import postgres
from tests.failures import named_in
from tests.live.project import LiveProject, live_project
from tests.live.system import query
from tests.live.truth import SMALL

SPEAKER = "yusuf-of-karim"
QURAN = f"{SPEAKER}/quran"


@dataclass(frozen=True)
class Team:
    """A team whose library is reconciled, and whose stores other hands change."""

    live: LiveProject

    def project(self) -> Project:
        return Project(load_settings(self.live.root, {"DATABASE_URL": self.live.url}))

    def sql(self, statement: str, *parameters: object) -> None:
        query(self.live.url, statement, *parameters)

    def row(self, address: str) -> int:
        [found] = query(self.live.url, "select row_id from elmify.resource where address = %s", address)
        return int(found["row_id"])

    def adopt(self, *addresses: str) -> Adopted:
        settings = self.project().settings
        folder = Folder(root=settings.root, catalog_dir=settings.catalog_dir, lock_path=settings.lock_path)
        with open_workspace(Project(settings)) as workspace:
            world = read_world(workspace.objects, workspace.database, "live")
        return adopt(folder, settings.policy, world, addresses)

    def plan(self) -> Plan:
        project = self.project()
        with open_workspace(project) as workspace:
            return make_plan(workspace, Request())[0]

    def corrects(self, address: str) -> Sequence[str]:
        """Return what a plan would still correct of an address."""
        changes = [change for change in self.plan().changes if change.address == address]
        return [
            name
            for change in changes
            if change.before is not None and change.after is not None
            for name in differing_names(change.before, change.after)
        ]

    def file(self, address: str) -> Path:
        return self.live.root / "catalog" / f"{address}.yaml"

    def entry(self, address: str) -> dict[str, object]:
        parent, _, id_ = address.rpartition("/")
        document = yaml.safe_load(self.file(parent).read_text())
        entry: dict[str, object] = next(each for each in document["lectures"] if each["id"] == id_)
        return entry


@pytest.fixture(scope="module")
def reconciled(
    postgres_server: str, production_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveProject]:
    """A small live library that was applied. No test changes it."""
    with postgres.clone(postgres_server, production_template) as url:
        root = tmp_path_factory.mktemp("reconciled")
        project = live_project(root, url, SMALL, rows=sum(SMALL) + 10, objects=120)
        project.apply()
        yield project


@pytest.fixture
def team(reconciled: LiveProject, postgres_server: str, tmp_path: Path) -> Iterator[Team]:
    database = reconciled.url.rpartition("/")[2].partition("?")[0]
    with postgres.clone(postgres_server, database) as url:
        project = reconciled.copied(tmp_path, url)
        project.write()
        yield Team(project)


@pytest.fixture
def lecture(team: Team) -> str:
    return next(address for address in team.live.addresses() if address.startswith(f"{QURAN}/"))


def test_an_edited_column_is_written_into_the_field_it_comes_from(team: Team, lecture: str) -> None:
    team.sql("update lectures set title = 'The Opening', genre = null where id = %s", team.row(lecture))

    adopted = team.adopt(lecture)

    assert {address: set(names) for address, names in adopted.accepted.items()} == {
        lecture: {"title", "genre"}
    }
    assert team.entry(lecture)["title"] == "The Opening"
    assert team.entry(lecture)["genre"] is None
    assert team.corrects(lecture) == []
    assert not format_catalog_file(team.file(QURAN).read_text()).differs


def test_what_no_field_can_say_is_put_up_with(team: Team, lecture: str) -> None:
    row, before = team.row(lecture), team.entry(lecture)["title"]
    team.sql(
        "update lectures set title = title || '  ', audio_url = null, file_format = 'mpeg' where id = %s", row
    )

    team.adopt(SPEAKER)

    assert team.entry(lecture)["title"] == f"{before}  "
    assert team.entry(lecture)["as_is"] == {
        "file_format": "mpeg",
        "audio_url": None,
    }
    assert team.corrects(lecture) == []


def test_a_null_that_the_app_cannot_read_is_put_up_with_and_never_declared(team: Team, lecture: str) -> None:
    team.sql("update lectures set is_public = null where id = %s", team.row(lecture))

    team.adopt(lecture)

    assert (team.entry(lecture).get("public"), team.entry(lecture)["as_is"]) == (None, {"is_public": None})
    assert "public" not in team.entry(lecture)
    assert team.corrects(lecture) == []


def test_other_drift_is_left_to_be_corrected(team: Team, lecture: str) -> None:
    other = next(a for a in team.live.addresses() if a.startswith(f"{QURAN}/") and a != lecture)
    for address in (lecture, other):
        team.sql("update lectures set lecture_number = 900 where id = %s", team.row(address))

    team.adopt(lecture)

    assert team.entry(lecture)["number"] == 900
    assert team.corrects(lecture) == []
    assert team.corrects(other) == ["lecture_number"]


def test_a_recording_that_was_given_another_file_is_declared_with_it(team: Team, lecture: str) -> None:
    other = next(key for key in team.live.mess.strays if key.endswith(".mp3") and "Never" in key)
    team.sql("update lectures set file_path = %s, audio_url = null where id = %s", other, team.row(lecture))

    team.adopt(lecture)

    entry = team.entry(lecture)
    assert str(entry["audio"]).startswith("The Reading Circle/Never Imported/")
    assert "file_path" not in team.corrects(lecture)


def test_a_lecture_without_drift_is_left_as_it_is(team: Team, lecture: str) -> None:
    before = team.file(QURAN).read_text()

    adopted = team.adopt(lecture)

    assert (adopted.accepted, adopted.imported.written) == ({}, ())
    assert team.file(QURAN).read_text() == before


def test_a_missing_object_cannot_be_accepted(team: Team, lecture: str) -> None:
    [key] = [str(found["file_path"]) for found in query(
        team.live.url, "select file_path from lectures where id = %s", team.row(lecture)
    )]  # fmt: skip
    team.live.bucket.delete(key)

    adopted = team.adopt(lecture)

    assert [(each.reason, each.subject) for each in adopted.imported.findings] == [
        (Reason.NOT_AS_IS, lecture)
    ]


def test_a_row_that_nobody_declared_is_written_into_its_collection(team: Team) -> None:
    key = next(key for key in team.live.mess.strays if key.endswith(".mp3") and "Never" in key)
    [found] = query(
        team.live.url,
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format, collection_id) "
        "values ('A New One', 0, 'x', %s, 1, 'mp3', %s) returning id",
        key,
        team.row(QURAN),
    )

    adopted = team.adopt(f"unmanaged.lectures[{found['id']}]")

    assert adopted.imported.added == {"lecture": 1}
    assert team.entry(f"{QURAN}/a-new-one")["title"] == "A New One"
    [change] = [change for change in team.plan().changes if change.address == f"{QURAN}/a-new-one"]
    assert (change.action, change.row) == (Action.ADOPT, found["id"])


@pytest.mark.parametrize("address", ["nobody", "unmanaged.lectures[999999]", "unmanaged.object[intro.mp3]"])
def test_what_names_nothing_is_refused_and_writes_nothing(team: Team, lecture: str, address: str) -> None:
    team.sql("update lectures set title = 'The Opening' where id = %s", team.row(lecture))
    before = team.file(QURAN).read_text()

    with pytest.raises(UsageError):
        team.adopt(lecture, address)

    assert team.file(QURAN).read_text() == before


def test_a_row_that_is_declared_already_or_has_no_object_is_refused_with_the_reason(
    team: Team, lecture: str
) -> None:
    with pytest.raises(UsageError) as declared:
        team.adopt(f"unmanaged.lectures[{team.row(lecture)}]")
    with pytest.raises(UsageError) as orphan:
        team.adopt(f"unmanaged.lectures[{team.live.rows.orphans[1]}]")

    [detail] = declared.value.details
    assert named_in(detail, lecture)
    assert any(named_in(detail, "row-without-object") for detail in orphan.value.details)


@pytest.mark.parametrize("other", [0, 999999])  # before and after the row that is declared
def test_a_second_row_of_a_declared_recording_is_to_be_merged(team: Team, lecture: str, other: int) -> None:
    row = team.row(lecture)
    columns = "title, speaker_id, collection_id, file_name, file_path, file_size, file_format, duration"
    team.sql(
        f"insert into lectures (id, {columns}) select {other}, {columns} from lectures where id = %s", row
    )

    with pytest.raises(UsageError) as refused:
        team.adopt(f"unmanaged.lectures[{other}]")

    assert refused.value.remedies == (Merge(row=str(other), into=str(row)),)


def test_the_command_says_what_it_accepted(
    team: Team, lecture: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", team.live.url)
    monkeypatch.chdir(team.live.root)
    team.sql("update lectures set title = 'The Opening' where id = %s", team.row(lecture))

    assert run(["adopt", lecture]) == Exit.OK

    out = capsys.readouterr().out
    assert any(named_in(line, lecture, "title") for line in out.splitlines())
    assert any(named_in(line, "1 value", "1 address") for line in out.splitlines())
