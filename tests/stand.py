"""A stand to try elmify on: a directory bucket, a real PostgreSQL, a catalog made in the test."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from providers.database.postgres import PostgresDatabase
from providers.objects.directory import DirectoryBucket
from reconciler.applying.apply import apply
from reconciler.applying.refresh import make_plan
from reconciler.applying.workspace import Workspace
from reconciler.loading.media import MediaFolder
from reconciler.model.address import Address, kind_of
from reconciler.model.catalog import Catalog, MediaFile, Resource
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.history import Actor
from reconciler.model.kinds import Kind, Slot
from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Plan, Stores
from reconciler.model.policy import Layout, Policy
from reconciler.model.ports import Meter, ObjectStore
from reconciler.model.staging import staging_inside
from reconciler.model.values import Value
from reconciler.planning.world import Request, World
from reconciler.records import records_on

BASE_URL = "https://cdn.example.com"
EVERYTHING = Request()


class Quiet:
    """Observes a run and remembers the names of its events."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.facts: list[dict[str, object]] = []

    def event(self, name: str, **facts: object) -> None:
        self.events.append(name)
        self.facts.append({"event": name, **facts})

    @contextmanager
    def meter(self, label: str, *, files: int, size_bytes: int) -> Iterator[Meter]:
        yield self

    def diagnostics(self, found: Iterable[Diagnostic]) -> None:
        pass

    def bytes_done(self, count: int) -> None:
        pass

    def file_done(self, name: str) -> None:
        self.events.append(f"stored {name}")


@dataclass
class Stand:
    """Both stores, a media folder and the catalog that `declare` fills. Addresses go by their depth."""

    folder: Path
    url: str
    policy: Policy = field(
        default_factory=lambda: Policy(environment="test", layout=Layout(base_url=BASE_URL))
    )
    resources: dict[Address, Resource] = field(default_factory=dict)
    media: dict[str, MediaFile] = field(default_factory=dict)
    forget: frozenset[Address] = frozenset()
    objects: ObjectStore = field(init=False)

    def __post_init__(self) -> None:
        self.objects = DirectoryBucket(self.folder / "bucket")
        self.database = PostgresDatabase(self.url, records=records_on)
        self.media_root = self.folder / "media"
        self.media_root.mkdir(exist_ok=True)
        self.observer = Quiet()

    # The catalog.

    def declare(
        self,
        address: str,
        *,
        media: Mapping[str, str | None] | None = None,
        row: int | None = None,
        previously: str | None = None,
        protect: bool = False,
        **fields: Value,
    ) -> None:
        """Declare a resource. Its name defaults to the last id, a lecture's audio to `<address>.mp3`."""
        place = Address(address)
        kind = kind_of(place)
        fields.setdefault("name" if kind is Kind.SPEAKER else "title", address.rpartition("/")[2].title())
        files = dict(media or {})
        if kind is Kind.LECTURE and "audio" not in files:
            files["audio"] = f"{address}.mp3"
            if files["audio"] not in self.media:
                self.record(f"{address}.mp3", address.encode())
        self.resources[place] = Resource(
            address=place,
            kind=kind,
            position=Position("catalog/test.yaml", len(self.resources) + 1),
            fields=fields,
            media={Slot(slot): path for slot, path in files.items()},
            row=row,
            previously=Address(previously) if previously is not None else None,
            protect=protect,
        )

    def change(self, address: str, **fields: Value) -> None:
        """Change fields of a declared resource."""
        old = self.resources[Address(address)]
        self.resources[Address(address)] = replace(old, fields={**old.fields, **fields})

    def drop(self, *addresses: str) -> None:
        """Remove resources and everything under them from the catalog."""
        self.resources = {
            place: resource
            for place, resource in self.resources.items()
            if not any(place == gone or place.startswith(f"{gone}/") for gone in addresses)
        }

    def record(self, path: str, content: bytes, **facts: Any) -> MediaFile:
        """Write a media file and its lockfile line."""
        file = self.media_root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        line = MediaFile(
            path=path,
            size_bytes=len(content),
            media_type="audio/mpeg" if path.endswith(".mp3") else "image/jpeg",
            sha256=hashlib.sha256(content).hexdigest(),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            **{"duration_seconds": 12.0, **facts} if path.endswith(".mp3") else facts,
        )
        self.media[path] = line
        return line

    @property
    def catalog(self) -> Catalog:
        return Catalog(
            resources=dict(sorted(self.resources.items())), forget=self.forget, media=dict(self.media)
        )

    # elmify.

    def survey(self, request: Request = EVERYTHING) -> tuple[Plan, World]:
        return make_plan(self.workspace(), request)

    def plan(self, request: Request = EVERYTHING) -> Plan:
        return self.survey(request)[0]

    def workspace(self, **changes: Any) -> Workspace:
        """Return the handles of this stand, some of them changed."""
        workspace = Workspace(
            policy=self.policy,
            stores=Stores(bucket="bucket of the stand", database="database of the stand"),
            objects=self.objects,
            database=self.database,
            media=MediaFolder(self.media_root),
            staging=staging_inside(self.objects),
            load_catalog=lambda: self.catalog,
            actor=Actor(name="tester"),
            observer=self.observer,
        )
        if "objects" in changes:
            changes.setdefault("staging", staging_inside(changes["objects"]))
        return replace(workspace, **changes)

    def apply(self, request: Request = EVERYTHING, reviewed: Sequence[Plan] | None = None) -> Outcome:
        """Apply what a plan shows now, or what was reviewed earlier."""
        return apply(self.workspace(), request, [self.plan(request)] if reviewed is None else reviewed)

    # The stores, seen from outside.

    def sql(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """Run one statement as the app would; the rows of a query, nothing for anything else."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def object_keys(self) -> list[str]:
        """Return the keys of the library's objects in the bucket."""
        return [stored.key for stored in self.objects.list() if not stored.key.startswith(".elmify/")]

    def favourite(self, lecture: int, user: int = 1) -> int:
        """Let a user favour a lecture; the favourite's id."""
        self.sql(
            "insert into users (id, email) values (%s, %s) on conflict do nothing",
            user,
            f"user-{user}@example.com",
        )
        rows = self.sql(
            "insert into favorites (user_id, lecture_id) values (%s, %s) returning id", user, lecture
        )
        return int(rows[0]["id"])
