"""A catalog that was lost is imported anew: what elmify's records know is not guessed again."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.applying.refresh import make_plan
from reconciler.importing.declare import Folder
from reconciler.importing.live import import_live, read_world
from reconciler.model.address import Address
from reconciler.model.catalog import Resource
from reconciler.model.outcomes import Imported
from reconciler.model.plan import Plan
from reconciler.model.values import nfc
from reconciler.operations.project import Project
from reconciler.operations.workspace import open_workspace
from reconciler.planning.world import Request
from reconciler.settings import load_settings
from tests import postgres
from tests.live.project import LiveProject, live_project
from tests.live.system import query
from tests.live.truth import SMALL

SPEAKER = Address("yusuf-of-karim")
QURAN = Address(f"{SPEAKER}/quran")
ODD = Address(f"{QURAN}/an-id-that-no-title-gives")

# No row has the hash of an image: the records alone know it.
_HASHED = """
update elmify.object set verified = true, sha256 = encode(sha256(convert_to(key, 'utf8')), 'hex')
where key like '%.jpg'
"""


@dataclass(frozen=True)
class Team:
    """A team whose library is reconciled, and whose catalog is lost."""

    live: LiveProject

    def project(self) -> Project:
        return Project(load_settings(self.live.root, {"DATABASE_URL": self.live.url}))

    def do_import(self) -> Imported:
        settings = self.project().settings
        folder = Folder(root=settings.root, catalog_dir=settings.catalog_dir, lock_path=settings.lock_path)
        with open_workspace(Project(settings)) as workspace:
            world = read_world(workspace.objects, workspace.database, "live")
        return import_live(folder, settings.policy, world)

    def plan(self) -> Plan:
        project = self.project()
        with open_workspace(project) as workspace:
            return make_plan(workspace, Request())[0]

    def declared(self, address: Address) -> Resource:
        return self.project().catalog().resources[address]


@pytest.fixture
def team(postgres_server: str, production_template: str, tmp_path: Path) -> Iterator[Team]:
    with postgres.clone(postgres_server, production_template) as url:
        project = live_project(tmp_path, url, SMALL, rows=sum(SMALL) + 10, objects=120)
        project.apply()
        one = next(address for address in project.addresses() if address.startswith(f"{QURAN}/"))
        query(url, "update elmify.resource set address = %s, protect = true where address = %s", ODD, one)
        query(url, _HASHED)
        settings = load_settings(project.root, {"DATABASE_URL": url})
        shutil.rmtree(settings.catalog_dir)
        yield Team(project)


def test_a_system_that_elmify_manages_is_imported_as_it_is_recorded(team: Team) -> None:
    recorded = {str(each["address"]) for each in query(team.live.url, "select address from elmify.resource")}

    team.do_import()

    catalog = team.project().catalog()
    assert recorded <= set(catalog.resources)
    assert team.declared(ODD).protect
    assert not team.declared(QURAN).protect
    records = query(team.live.url, "select key, sha256 from elmify.object where verified and state = 'live'")
    named = {nfc(key) for each in catalog.resources.values() for key in each.media.values() if key}
    records = [each for each in records if nfc(str(each["key"])) in named]  # no copies that play by names
    images = [each for each in records if str(each["key"]).endswith(".jpg")]
    assert images
    assert {each["key"]: catalog.media[nfc(str(each["key"]))].sha256 for each in records} == {
        each["key"]: each["sha256"] for each in records
    }
    plan = team.plan()
    assert [change.address for change in plan.changes if change.address in recorded] == []
    assert plan.blocked == ()
