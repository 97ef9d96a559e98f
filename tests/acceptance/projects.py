"""Projects for tests of the installed command: a folder, two stores of their own, a clean environment."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from providers.objects.directory import DirectoryBucket
from reconciler.loading.lockfile import write_lockfile
from reconciler.model.catalog import MediaFile
from reconciler.model.ports import ObjectStore

COMMAND = Path(sys.executable).with_name("elmify")

#: Long enough for a loaded machine; a command that hangs fails its test here.
PATIENCE_SECONDS = 120

DIRECTORY = "objects: {store: directory}\n"

Event = dict[str, Any]


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stdout holds, as JSON."""
        return json.loads(self.out)

    @property
    def events(self) -> list[Event]:
        """What stdout holds, as NDJSON."""
        return [json.loads(line) for line in self.out.splitlines()]


class Running:
    """A command in progress."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.seen: list[Event] = []

    def wait_for(self, name: str, wanted: Callable[[Event], bool] = lambda _: True) -> Event:
        """Read NDJSON events until one of that name comes, and return it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: Event = json.loads(line)
            self.seen.append(event)
            if event.get("event") == name and wanted(event):
                return event
        raise AssertionError(f"the command ended without the event {name}: {self.seen} {self._errors()}")

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(number)

    def end(self) -> Ran:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return Ran(self.process.returncode, out, err)

    def _errors(self) -> str:
        return self.process.stderr.read() if self.process.stderr is not None else ""


@dataclass
class Project:
    """A folder with elmify.yaml, one speaker `ali`, one collection `quran`, and lectures that are added."""

    root: Path
    environ: dict[str, str]
    settings: str = DIRECTORY
    lectures: dict[str, str] = field(default_factory=dict)  # id -> YAML of the entry
    media: dict[str, MediaFile] = field(default_factory=dict)
    name: str = "Ali"

    # The files.

    def lecture(self, id_: str, content: bytes | None = None, **fields: object) -> None:
        """Declare a lecture and write its audio, `<id>.mp3`; its title is its id unless another is given."""
        entry = {"id": id_, "title": id_.title(), "audio": f"{id_}.mp3", **fields}
        self.lectures[id_] = json.dumps(entry, ensure_ascii=False)
        if content is not None or f"{id_}.mp3" not in self.media:
            self.record(f"{id_}.mp3", id_.encode() if content is None else content)
        self.write()

    def drop(self, id_: str) -> None:
        """Remove a lecture from the catalog and the lockfile."""
        del self.lectures[id_], self.media[f"{id_}.mp3"]
        self.write()

    def record(self, path: str, content: bytes) -> None:
        """Write a media file and its lockfile line."""
        file = self.root / "media" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.media[path] = MediaFile(
            path=path,
            size_bytes=len(content),
            media_type="audio/mpeg",
            sha256=hashlib.sha256(content).hexdigest(),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            duration_seconds=12.0,
        )

    def write(self) -> None:
        """Write elmify.yaml, the catalog and the lockfile."""
        folder = self.root / "catalog" / "ali"
        folder.mkdir(parents=True, exist_ok=True)
        head = "environment: test\npublic_base_url: https://cdn.example.com\n"
        (self.root / "elmify.yaml").write_text(head + self.settings, encoding="utf-8")
        (folder / "speaker.yaml").write_text(f"speaker: ali\nname: {self.name}\n", encoding="utf-8")
        entries = "".join(f"- {entry}\n" for entry in self.lectures.values())
        listed = f"lectures:\n{entries}" if entries else ""
        (folder / "quran.yaml").write_text(f"collection: quran\ntitle: Quran\n{listed}", encoding="utf-8")
        write_lockfile(self.root / "catalog" / "elmify.lock", self.media.values())

    # The command.

    def elmify(self, *arguments: str, env: Mapping[str, str] | None = None, status: int = 0) -> Ran:
        """Run the installed command in the project, without a terminal, and check its exit status."""
        ran = self.start(*arguments, env=env).end()
        assert ran.status == status, f"{arguments} exited {ran.status}\n{ran.out}\n{ran.err}"
        return ran

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> Running:
        """Start the installed command."""
        return Running(
            subprocess.Popen(
                [COMMAND, *arguments],
                cwd=self.root,
                env={**self.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        )

    def apply(self, *arguments: str, status: int = 0) -> Ran:
        return self.elmify("apply", "--auto-approve", *arguments, status=status)

    def nothing_to_do(self, *arguments: str) -> bool:
        """Return whether a plan has no change and no drift, and says nothing else."""
        planned = self.elmify("plan", "--format", "json", *arguments)
        return planned.err == "" and not (planned.json["resource_changes"] or planned.json["resource_drift"])

    # The stores, seen from outside.

    @property
    def database_url(self) -> str:
        return self.environ["DATABASE_URL"]

    @property
    def objects(self) -> ObjectStore:
        return DirectoryBucket(self.root / ".elmify" / "bucket")

    def object_keys(self) -> list[str]:
        """Return the keys of the library's objects."""
        return [stored.key for stored in self.objects.list() if not stored.key.startswith(".elmify/")]

    def sql(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """Run one statement beside elmify."""
        return run_sql(self.database_url, query, *parameters)

    def runs(self) -> list[dict[str, Any]]:
        """Return what elmify remembers of its runs, oldest first."""
        return self.sql("select id, kind, subject, state, outcome from elmify.run order by id")

    def contents(self) -> tuple[object, ...]:
        """Return every content row and every object: what must not change when there is nothing to do."""
        tables = ("speakers", "collections", "lectures", "lecture_categories", "collection_categories")
        rows = [self.sql(f"select * from {table} order by 1, 2") for table in tables]
        return (*rows, list(self.objects.list()))


def run_sql(url: str, query: str, *parameters: object) -> list[dict[str, Any]]:
    """Run one statement and commit; return its rows as dictionaries."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        cursor = connection.execute(query.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


def clean_environment(home: Path, **variables: str) -> dict[str, str]:
    """Return the environment of somebody who has set nothing but these."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, "HOME": str(home), "USER": "tester", **variables}
