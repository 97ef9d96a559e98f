"""The team of the real backend: its live library, a project that imports it, and the apps that listen."""

import hashlib
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from providers.objects.directory import DirectoryBucket
from tests.acceptance.projects import Ran, clean_environment
from tests.inside import InsideProject
from tests.listener.hearing import PLAYED, Heard, Listener, compare, listening, playing
from tests.listener.urls import Way
from tests.live.backend import BASE_URL, USERS, backend, recordings
from tests.live.system import fill_database, fill_directory
from tests.media_files import sample

SETTINGS = f"environment: production\npublic_base_url: {BASE_URL}\nobjects: {{store: directory}}\n"

Entry = dict[str, Any]


@dataclass
class BackendProject(InsideProject):
    """A project folder of the team, whose stores hold its live library; nothing is imported yet.

    `recordings` are the hashes that are recordings of each row, and `heard` is the last moment.
    """

    listener: Listener = field(kw_only=True)
    recordings: dict[int, set[str]] = field(kw_only=True)
    heard: Heard = field(default_factory=dict)

    # Listening.

    def listen(self) -> Heard:
        """Hear every lecture now, and take this for the last moment."""
        self.heard = self.listener.heard()
        return self.heard

    def keeps_playing(self, *, announced: Collection[int] = ()) -> list[str]:
        """Say what stopped playing since the last moment, or plays another lecture; now is the last one."""
        before = self.heard
        return compare(before, self.listen(), self.recordings, announced=announced)

    def counts(self) -> dict[Way, int]:
        """Return how many lectures played by each way at the last moment."""
        return {way: len(playing(self.heard, self.recordings, way)) for way in PLAYED}

    def hashes(self, row: int) -> set[str]:
        """Return what a lecture played by all ways at the last moment."""
        return {self.heard[row, way].sha256 for way in PLAYED}

    # The commands.

    def imported(self) -> None:
        """Declare the live library, and apply that."""
        self.elmify("import", "live")
        self.reviewed()

    def reviewed(self, *options: str) -> Ran:
        """Plan, review and apply."""
        self.elmify("plan", "--out", "plan.json", *options)
        return self.elmify("apply", "plan.json", "--format", "json")

    def left_to_do(self) -> list[Entry]:
        """Return the changes and the drift that a plan finds now."""
        planned = self.elmify("plan", "--format", "json").json
        return [*planned["resource_changes"], *planned["resource_drift"]]

    def two_months_later(self) -> None:
        """Let the retention of everything pass, and collect what expired."""
        self.sql("update elmify.object set changed_at = changed_at - interval '60 days'")
        self.elmify("gc")

    # The catalog, as a person edits it.

    def address(self, row: int) -> str:
        """Return the address of a lecture's row, once it is applied."""
        [found] = self.sql("select address from elmify.resource where kind = 'lecture' and row_id = %s", row)
        return str(found["address"])

    def rows_by_address(self) -> dict[str, int]:
        """Return the row of each lecture that is applied."""
        found = self.sql("select address, row_id from elmify.resource where kind = 'lecture'")
        return {row["address"]: row["row_id"] for row in found}

    def rows_of(self, collection: str) -> list[int]:
        """Return the rows of a collection's lectures, in the order of their addresses."""
        rows = sorted(self.rows_by_address().items())
        return [row for address, row in rows if address.startswith(f"{collection}/")]

    @contextmanager
    def catalog_kept(self) -> Iterator[None]:
        """Put the catalog back after the block, as a revert in git does."""
        kept = shutil.copytree(self.root / "catalog", self.root / "kept")
        yield
        shutil.rmtree(self.root / "catalog")
        kept.rename(self.root / "catalog")

    @contextmanager
    def entry(self, address: str) -> Iterator[Entry]:
        """Yield the entry of a speaker, or of a collection with its lectures; it is written after."""
        file = f"{address}.yaml" if "/" in address else f"{address}/speaker.yaml"
        with self._edited(self.root / "catalog" / file) as entry:
            yield entry

    @contextmanager
    def lecture_entry(self, row: int) -> Iterator[Entry]:
        """Yield the entry of a lecture to be changed, and write it after."""
        parent, _, id_ = self.address(row).rpartition("/")
        with self.entry(parent) as collection:
            yield next(each for each in collection["lectures"] if each["id"] == id_)

    def record_again(self, row: int, take: int = 1) -> str:
        """Put another recording where the catalog expects that of a lecture, and lock it; its SHA-256."""
        with self.lecture_entry(row) as entry:
            file = self.root / "media" / entry["audio"]
        content = sample(file.suffix) + f"take {take}".encode()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.elmify("lock")
        sha256 = hashlib.sha256(content).hexdigest()
        self.recordings[row] = {*self.recordings[row], sha256}
        return sha256

    @contextmanager
    def _edited(self, file: Path) -> Iterator[Entry]:
        entry: Entry = yaml.safe_load(file.read_text("utf-8"))
        yield entry
        text = yaml.safe_dump(entry, allow_unicode=True, sort_keys=False)
        file.write_text(text, encoding="utf-8")


@contextmanager
def backend_project(
    folder: Path, database_url: str, *, healthy: bool, small: bool = False
) -> Iterator[BackendProject]:
    """Fill both stores with the team's library, and yield a project beside it with its apps listening."""
    home, root = folder / "home", folder / "project"
    home.mkdir()
    root.mkdir()
    (root / "elmify.yaml").write_text(SETTINGS, encoding="utf-8")
    mess = backend(healthy=healthy, small=small)
    rows = fill_database(database_url, mess, users=2 if small else USERS)
    bucket = root / ".elmify" / "bucket"
    fill_directory(bucket, mess.objects, DirectoryBucket(bucket))
    with listening(database_url, DirectoryBucket(bucket)) as listener:
        project = BackendProject(
            root,
            clean_environment(home, DATABASE_URL=database_url),
            listener=listener,
            recordings=recordings(mess, rows.lectures),
        )
        project.listen()
        yield project
