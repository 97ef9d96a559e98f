"""Small worlds: declared in a line, and carried out without a store.

`live(catalog(...))` is the world after a first apply; `declaring(world, ...)` is the same world with another
catalog; `planned(world)` plans it and `applied(world, plan)` is the world after the commit.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from reconciler.model.actual import Row, Snapshot, StoredObject
from reconciler.model.address import Address, kind_of, parent_of, parse_address
from reconciler.model.catalog import Catalog, MediaFile, Resource, media_by_path
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.errors import InvalidInput
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.plan import Action, Change, ObjectState, Plan, Put, State
from reconciler.model.playback import DEFAULT_WAYS, CopyStep, PlaybackCopy
from reconciler.model.policy import DEFAULT_TEMPLATES, Layout, Policy
from reconciler.model.ports import Dependents, PositionsPastEnd
from reconciler.model.recorded import (
    Identity,
    IdentityState,
    KeyRecord,
    KeyState,
    Recorded,
    ResourceRecord,
)
from reconciler.model.values import Value, canonical_json, nfc, same
from reconciler.planning.lost_rows import unmanaged_values
from reconciler.planning.planner import draft, finish
from reconciler.planning.world import Request, World

NOW = datetime(2026, 11, 23, 14, 2, 5, tzinfo=UTC)
CDN = "https://cdn.example.test"
_FOLDER = "{{ speaker.name }}/{{ collection.title }}/"
_NUMBER = "{% if lecture.number is not none %}{{ lecture.number | pad(2) }} - {% endif %}"

#: Keys leave out a number that is not there, and apps ask for what the keys are.
POLICY = Policy(
    environment="test",
    layout=Layout(
        base_url=CDN,
        templates={
            **DEFAULT_TEMPLATES,
            Slot.LECTURE_AUDIO: _FOLDER + _NUMBER + "{{ lecture.title }}.{{ ext }}",
        },
    ),
    playback=(
        replace(DEFAULT_WAYS[0], key=_FOLDER + _NUMBER + "{{ lecture.title }}.mp3"),
        *DEFAULT_WAYS[1:],
    ),
)
IDENTITY = Identity(id="6f1d", environment="test", state=IdentityState.CONFIRMED)
CATEGORIES: Mapping[str, int] = {"fiqh": 1, "quran": 2, "tafsir": 3}

#: The first row id that a commit gives in each table.
FIRST_ID = {Kind.SPEAKER: 1, Kind.COLLECTION: 11, Kind.LECTURE: 101}

# What should exist.


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def md5(content: str) -> str:
    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()


def media(path: str, content: str | None = None, *, size: int | None = None, **facts: object) -> MediaFile:
    """Return a lockfile line; the bytes are `content`, else the path itself."""
    text = path if content is None else content
    is_image = path.endswith((".jpg", ".png", ".webp"))
    line = MediaFile(
        path=path,
        size_bytes=len(text.encode()) if size is None else size,
        media_type="image/jpeg" if is_image else "audio/mpeg",
        sha256=sha256(text),
        md5=md5(text),
        duration_seconds=None if is_image else 61.5,
        bitrate=None if is_image else 128_000,
        sample_rate=None if is_image else 44_100,
    )
    return replace(line, **facts)  # type: ignore[arg-type]


def _resource(address: str, entry: Mapping[str, object]) -> Resource:
    kind = kind_of(parse_address(address))
    slots = {slot.value: slot for slot in TABLES[kind].slots}
    name_field = "name" if kind is Kind.SPEAKER else "title"
    default_name = address.rpartition("/")[2].replace("-", " ").title()
    own = {name: entry[name] for name in ("row", "previously", "protect") if name in entry}
    return Resource(
        address=Address(address),
        kind=kind,
        position=Position(f"{address}.yaml"),
        fields={
            name_field: default_name,
            **{n: v for n, v in entry.items() if n not in slots and n not in own},  # type: ignore[misc]
        },
        media={slots[name]: path for name, path in entry.items() if name in slots},  # type: ignore[misc]
        **own,  # type: ignore[arg-type]
    )


def speaker(address: str, **entry: object) -> Resource:
    return _resource(address, entry)


def collection(address: str, **entry: object) -> Resource:
    return _resource(address, entry)


def lecture(address: str, **entry: object) -> Resource:
    """Return a lecture whose audio, unless named, is a file of its own under its address."""
    return _resource(address, {"audio": f"{address}.mp3", **entry})


def catalog(
    *resources: Resource, lock: Iterable[MediaFile] = (), forget: Iterable[str] = (), gone: Iterable[str] = ()
) -> Catalog:
    """Return a catalog; parents that are not given are declared by their id, files lock themselves.

    `gone` are paths that the lockfile does not have.
    """
    declared = {resource.address: resource for resource in resources}
    complete: dict[Address, Resource] = {}
    for resource in declared.values():
        above = [resource.address]
        while (parent := parent_of(above[-1])) is not None:
            above.append(parent)
        for address in reversed(above):
            complete[address] = declared.get(address) or _resource(address, {})
    lines = {line.path: line for line in lock}
    paths = [path for r in complete.values() for path in r.media.values() if path is not None]
    lines |= {path: media(path) for path in paths if path not in lines and path not in gone}
    return Catalog(resources=complete, forget=frozenset(map(Address, forget)), media=lines)


# What does exist.


def row(kind: Kind, row_id: int, **values: Value) -> Row:
    """Return a row; columns that are not named are null."""
    table = TABLES[kind]
    unknown = values.keys() - table.index.keys()
    assert not unknown, unknown
    return Row(kind, row_id, tuple(_of_column(values, column.name) for column in table.columns))


def _of_column(values: Mapping[str, Value], name: str) -> Value:
    return values.get(name, () if name == "categories" else None)


def speaker_row(row_id: int, name: str, **values: Value) -> Row:
    return row(Kind.SPEAKER, row_id, name=name, **values)


def collection_row(row_id: int, speaker_id: int, title: str, **values: Value) -> Row:
    return row(Kind.COLLECTION, row_id, speaker_id=speaker_id, title=title, **values)


def lecture_row(row_id: int, title: str, file_path: str, **values: Value) -> Row:
    return row(Kind.LECTURE, row_id, title=title, file_path=file_path, **values)


def stored(
    key: str, content: str | None = None, *, size: int | None = None, etag: str | None = None
) -> StoredObject:
    """Return an object; the bytes are `content`, else the key itself."""
    text = key if content is None else content
    return StoredObject(key, len(text.encode()) if size is None else size, etag or md5(text))


def world(
    declared: Catalog | None = None,
    *,
    rows: Iterable[Row] = (),
    objects: Iterable[StoredObject] = (),
    records: Iterable[ResourceRecord] = (),
    keys: Iterable[KeyRecord] = (),
    identity: Identity | None = IDENTITY,
    categories: Mapping[str, int] | None = CATEGORIES,
    policy: Policy = POLICY,
) -> World:
    by_kind: dict[Kind, dict[int, Row]] = {kind: {} for kind in Kind}
    for found in sorted(rows, key=lambda r: r.id):
        by_kind[found.kind][found.id] = found
    return World(
        catalog=declared or catalog(),
        snapshot=Snapshot(
            objects={nfc(o.key): o for o in objects},
            rows=by_kind,
            categories=categories,
            marker=identity.id if identity else None,
            taken_at=NOW,
        ),
        recorded=Recorded(
            identity=identity,
            resources={record.address: record for record in records},
            keys={nfc(key.key): key for key in keys},
        ),
        policy=policy,
    )


# What is remembered.


def key(name: str, state: KeyState = KeyState.LIVE, content: str | None = None, **known: object) -> KeyRecord:
    """Return a key's record; the bytes are `content`, else the key itself."""
    text = name if content is None else content
    record = KeyRecord(
        key=name, state=state, size_bytes=len(text.encode()), sha256=sha256(text), etag=md5(text)
    )
    return replace(record, **known)  # type: ignore[arg-type]


# Another world, made from one.


def declaring(world: World, *resources: Resource, **options: Any) -> World:
    """Return the world with another catalog; the arguments are those of `catalog`."""
    return replace(world, catalog=catalog(*resources, **options))


def with_rows(world: World, *rows: Row) -> World:
    """Return the world with rows that other hands inserted or changed."""
    merged = {kind: dict(found) for kind, found in world.snapshot.rows.items()}
    for changed in rows:
        merged[changed.kind][changed.id] = changed
    ordered = {kind: dict(sorted(found.items())) for kind, found in merged.items()}
    return replace(world, snapshot=replace(world.snapshot, rows=ordered))


def without_rows(world: World, *rows: Row) -> World:
    """Return the world after other hands deleted rows."""
    gone = {(r.kind, r.id) for r in rows}
    kept = {
        kind: {row_id: found for row_id, found in table.items() if (kind, row_id) not in gone}
        for kind, table in world.snapshot.rows.items()
    }
    return replace(world, snapshot=replace(world.snapshot, rows=kept))


def wiped(known: World) -> World:
    """Return the world after every content row was deleted."""
    return without_rows(known, *(row for rows in known.snapshot.rows.values() for row in rows.values()))


def with_objects(world: World, *objects: StoredObject) -> World:
    """Return the world with objects that other hands put."""
    merged = {**world.snapshot.objects, **{nfc(o.key): o for o in objects}}
    return replace(world, snapshot=replace(world.snapshot, objects=merged))


def without_objects(world: World, *keys: str) -> World:
    """Return the world after other hands deleted objects."""
    gone = {nfc(name) for name in keys}
    kept = {name: found for name, found in world.snapshot.objects.items() if name not in gone}
    return replace(world, snapshot=replace(world.snapshot, objects=kept))


def with_keys(world: World, *keys: KeyRecord) -> World:
    """Return the world with other records of keys."""
    merged = {**world.recorded.keys, **{nfc(k.key): k for k in keys}}
    return replace(world, recorded=replace(world.recorded, keys=merged))


def without_records(world: World, *, keys_lost: bool = False) -> World:
    """Return the world after schema `elmify` was lost."""
    identity = replace(IDENTITY, keys_lost=keys_lost)
    return replace(world, recorded=Recorded(identity=identity))


def edited(found: Row, **values: Value) -> Row:
    """Return a row with other values in some columns."""
    merged = {**dict(zip(TABLES[found.kind].index, found.values, strict=True)), **values}
    return row(found.kind, found.id, **merged)


def renumbered(world: World, ids: Mapping[Kind, Mapping[int, int]]) -> World:
    """Return the world after its tables were wiped and imported again, under other row ids."""
    speakers, collections = ids.get(Kind.SPEAKER, {}), ids.get(Kind.COLLECTION, {})

    def moved(found: Row) -> Row:
        values = dict(zip(TABLES[found.kind].index, found.values, strict=True))
        for column, mapping in (("speaker_id", speakers), ("collection_id", collections)):
            old = values.get(column)
            if isinstance(old, int):
                values[column] = mapping.get(old, old)
        return row(found.kind, ids.get(found.kind, {}).get(found.id, found.id), **values)

    rows = {
        kind: {r.id: r for r in sorted(map(moved, table.values()), key=lambda r: r.id)}
        for kind, table in world.snapshot.rows.items()
    }
    return replace(world, snapshot=replace(world.snapshot, rows=rows))


# Looking at a world.


def row_of(world: World, address: str) -> Row:
    """Return the row that is recorded for an address."""
    record = world.recorded.resources[Address(address)]
    return world.snapshot.rows[record.kind][record.row]


def key_of(world: World, address: str, slot: Slot = Slot.LECTURE_AUDIO) -> str:
    """Return the key that is recorded for a slot."""
    return world.recorded.resources[Address(address)].keys[slot]


def state_of(world: World, name: str) -> KeyState:
    return world.recorded.keys[nfc(name)].state


# Planning.


@dataclass(frozen=True)
class Hanging:
    """The user rows in a simulated database: how many favourites each lecture row has."""

    favourites: Mapping[int, int]

    def under(
        self,
        world: World,
        rows: Mapping[Kind, Collection[int]],
        leaving: Mapping[Kind, Collection[int]] | None = None,
    ) -> Dependents:
        content = cascade(world, rows, leaving or {})
        lectures = content.get(Kind.LECTURE, frozenset())
        lost = {r: self.favourites[r] for r in lectures if self.favourites.get(r)}
        return Dependents(
            user_rows={(Kind.LECTURE, r): {"favorites": count} for r, count in lost.items()},
            lost_rows={"favorites": sum(lost.values())} if lost else {},
            people=dict.fromkeys(((Kind.LECTURE, r) for r in lost), 1),
            users=len(lost),
            users_of={"favorites": len(lost)} if lost else {},
            content=content,
        )


def cascade(
    world: World, rows: Mapping[Kind, Collection[int]], leaving: Mapping[Kind, Collection[int]]
) -> dict[Kind, frozenset[int]]:
    """Return the content rows that deleting `rows` takes along."""
    to_delete = {kind: set(rows.get(kind, ())) for kind in Kind}
    for kind, column, above in (
        (Kind.COLLECTION, "speaker_id", Kind.SPEAKER),
        (Kind.LECTURE, "collection_id", Kind.COLLECTION),
        (Kind.LECTURE, "speaker_id", Kind.SPEAKER),
    ):
        to_delete[kind] |= {
            found.id
            for found in world.snapshot.rows[kind].values()
            if found[column] in to_delete[above] and found.id not in leaving.get(kind, ())
        }
    return {kind: frozenset(ids) for kind, ids in to_delete.items() if ids}


def planned(
    world: World,
    *,
    only: Iterable[str] = (),
    options: Iterable[str] = (),
    allow: Mapping[str, int] | None = None,
    favourites: Mapping[int, int] | None = None,
    places: Mapping[int, int] | None = None,
) -> Plan:
    """Plan as `refresh` does, with what hangs off rows counted in the world itself.

    `places` are where somebody stopped listening, in seconds by lecture row.
    """
    request = Request(scope=tuple(only), options=frozenset(options), allowances=allow or {})
    hanging = Hanging(favourites or {})
    rough = draft(world, request)
    to_delete = hanging.under(world, rough.to_delete, rough.leaving) if rough.to_delete else Dependents()
    moved = hanging.under(world, rough.moved) if rough.moved else Dependents()
    behind = {row: 1 for row, end in rough.ends.items() if (places or {}).get(row, 0) > end}
    return finish(world, rough, to_delete, moved, PositionsPastEnd(rows=behind, users=len(behind)))


def questions(world: World, **request: object) -> dict[str, str]:
    """Return the code of each question that planning asks, by the address it points at."""
    return {d.position.file.removesuffix(".yaml"): d.code for d in diagnostics(world, **request)}


def diagnostics(world: World, **request: object) -> tuple[Diagnostic, ...]:
    """Return everything that planning refuses the catalog for."""
    try:
        planned(world, **request)  # type: ignore[arg-type]
    except InvalidInput as refused:
        return refused.diagnostics
    return ()


def actions(plan: Plan) -> dict[str, Action]:
    return {change.address: change.action for change in plan.changes}


def change_at(plan: Plan, address: str) -> Change:
    return next(change for change in plan.changes if change.address == address)


def before_of(plan: Plan, address: str) -> State:
    before = change_at(plan, address).before
    assert before is not None
    return before


def after_of(plan: Plan, address: str) -> State:
    after = change_at(plan, address).after
    assert after is not None
    return after


def put_in(plan: Plan, address: str) -> Put:
    (put,) = change_at(plan, address).puts
    return put


def live(declared: Catalog, **options: object) -> World:
    """Return the world after a first apply of a catalog; the options are those of `world`."""
    start = world(declared, **options)  # type: ignore[arg-type]
    return applied(start, planned(start))


# Carrying out.


def applied(world: World, plan: Plan) -> World:
    """Return the world after a plan is carried out, as the applier does it.

    Asserts what the stores would refuse: a put over other bytes, a row that is not what the plan saw, a
    broken unique or foreign key, a backwards step in a key's life.
    """
    after_puts = with_put(world, plan)
    return _Commit(after_puts, plan).carry_out()


def with_put(world: World, plan: Plan) -> World:
    """Return the world after a plan's puts, before its commit: what a crash between the two leaves."""
    objects, keys = dict(world.snapshot.objects), dict(world.recorded.keys)
    lines = media_by_path(world.catalog)
    for change in plan.changes:
        for put in change.puts:
            line = lines[nfc(put.path)]
            etag = line.parts_etag if put.multipart else line.md5
            assert nfc(put.key) not in objects, f"{put.key} is overwritten"
            objects[nfc(put.key)] = StoredObject(put.key, put.size_bytes, etag or md5(put.path))
            known = keys.get(nfc(put.key))
            if known is None or known.state is KeyState.INTENDED:
                keys[nfc(put.key)] = KeyRecord(
                    key=put.key,
                    state=KeyState.INTENDED,
                    size_bytes=put.size_bytes,
                    sha256=put.sha256,
                    address=change.address,
                )
    for copy in (copy for change in plan.changes for copy in change.copies):
        if copy.step is not CopyStep.ALIAS:
            source = objects[nfc(copy.source)]
            assert objects.get(nfc(copy.key), source).etag == source.etag, f"{copy.key} is overwritten"
            assert copy.source_etag in {None, source.etag}
            objects[nfc(copy.key)] = StoredObject(copy.key, source.size_bytes, source.etag)
            known = keys.get(nfc(copy.key))
            if known is None or known.state in {KeyState.INTENDED, KeyState.DELETED}:
                keys[nfc(copy.key)] = _copied(copy, KeyState.INTENDED, None)
    return replace(
        world,
        snapshot=replace(world.snapshot, objects=objects),
        recorded=replace(world.recorded, keys=keys),
    )


def _copied(copy: PlaybackCopy, state: KeyState, etag: str | None) -> KeyRecord:
    return KeyRecord(
        key=copy.key,
        state=state,
        size_bytes=copy.size_bytes,
        sha256=copy.sha256,
        etag=etag,
        verified=copy.sha256 is not None,
        address=copy.address,
    )


class _Commit:
    def __init__(self, world: World, plan: Plan) -> None:
        self.world, self.plan = world, plan
        self.rows = {kind: dict(table) for kind, table in world.snapshot.rows.items()}
        self.resources = dict(world.recorded.resources)
        self.keys = dict(world.recorded.keys)
        self.ids = {change.address: change.row for change in plan.changes if change.row is not None}
        self.fresh = {kind: count(self._last_id(kind) + 1) for kind in Kind}

    def _last_id(self, kind: Kind) -> int:
        recorded = [record.row for record in self.resources.values() if record.kind is kind]
        return max([*self.rows[kind], *recorded, FIRST_ID[kind] - 1])

    def carry_out(self) -> World:
        self._compare()
        for kind in Kind:
            self._write([c for c in self.plan.changes if c.kind is kind])
        self._delete()
        self._remember()
        self._check()
        objects = self._with_aliases()
        return replace(
            self.world,
            snapshot=replace(self.world.snapshot, rows=self.rows, objects=objects),
            recorded=replace(self.world.recorded, resources=self.resources, keys=self.keys),
        )

    def _with_aliases(self) -> Mapping[str, StoredObject]:
        """Make the aliases of the plan, and record every copy."""
        objects = dict(self.world.snapshot.objects)
        live = {
            nfc(found.key)
            for change in self.plan.changes
            if change.after
            for found in change.after.objects.values()
        }
        copies = [copy for change in self.plan.changes for copy in change.copies]
        overwritten = {nfc(copy.key) for copy in copies if copy.step is CopyStep.ALIAS}
        for copy in copies:
            key = nfc(copy.key)
            if copy.step is CopyStep.ALIAS:
                source = objects[nfc(copy.source)]
                assert nfc(copy.source) not in overwritten, f"{copy.source} is overwritten, and copied"
                assert objects[key].etag == copy.replaces
                assert any(
                    found.etag == copy.replaces
                    for other, found in objects.items()
                    if other not in overwritten
                ), f"nothing keeps what {copy.key} held"
                named = {nfc(str(row["file_path"])) for row in self.rows[Kind.LECTURE].values()}
                assert key not in named, f"{copy.key} is overwritten while a row names it"
                objects[key] = StoredObject(copy.key, source.size_bytes, source.etag)
            if key not in live:
                state = KeyState.RETIRED if copy.step is CopyStep.KEEP else KeyState.LIVE
                self.keys[key] = _copied(copy, state, objects[key].etag)
        return objects

    def _compare(self) -> None:
        for change in self.plan.changes:
            if change.kind is None or change.row is None or change.action in {Action.CREATE, Action.FORGET}:
                continue
            found = self.rows[change.kind][change.row]
            for name, value in (change.before.values if change.before else {}).items():
                assert same(value, found[name]), (change.address, name)

    def _write(self, changes: list[Change]) -> None:
        for change in changes:
            assert change.kind is not None
            if change.action is Action.CREATE:
                again = self.ids.setdefault(change.address, next(self.fresh[change.kind]))
                assert again not in self.rows[change.kind], f"{change.address}: row {again} is taken"
                self._set(change, row(change.kind, again))
                for name in TABLES[change.kind].required:
                    assert self.rows[change.kind][again][name] is not None, (change.address, name)
            elif change.action in {Action.UPDATE, Action.MOVE, Action.ADOPT}:
                self._set(change, self.rows[change.kind][self.ids[change.address]])

    def _values(self, change: Change) -> dict[str, Value]:
        assert change.after is not None
        parents = {name: self.ids[parent] for name, parent in change.after.pending.items()}
        return {**change.after.values, **parents}

    def _set(self, change: Change, found: Row) -> None:
        self.rows[found.kind][found.id] = edited(found, **self._values(change))

    def _delete(self) -> None:
        to_delete: dict[Kind, set[int]] = {kind: set() for kind in Kind}
        for change in self.plan.changes:
            if change.action is Action.DELETE and change.kind is not None and change.row is not None:
                to_delete[change.kind].add(change.row)
        now = replace(self.world, snapshot=replace(self.world.snapshot, rows=self.rows))
        for kind, ids in cascade(now, to_delete, {}).items():
            assert ids == to_delete[kind], f"{kind}: undeclared rows go along"
            for row_id in ids:
                del self.rows[kind][row_id]

    def _remember(self) -> None:
        for change in self.plan.changes:
            if change.action in {Action.DELETE, Action.FORGET}:
                self.resources.pop(Address(change.address), None)
            if change.previous_address is not None:
                self.resources.pop(Address(change.previous_address), None)
        for change in self.plan.changes:
            if change.after is not None:
                self.resources[Address(change.address)] = self._record(change)
        steps = [
            (change, found, state) for change in self.plan.changes for found, state in _key_steps(change)
        ]
        live = {nfc(found.key) for _, found, state in steps if state is KeyState.LIVE}
        retired = [nfc(found.key) for _, found, state in steps if state is KeyState.RETIRED]
        assert len(retired) == len(set(retired)), "a key is retired twice"
        for change, found, state in sorted(steps, key=lambda step: step[2] is KeyState.RETIRED):
            assert state is KeyState.LIVE or nfc(found.key) not in live, f"{found.key} is live, and given up"
            self._keep(change, found, state)

    def _record(self, change: Change) -> ResourceRecord:
        assert change.after is not None
        assert change.kind is not None
        values = self._values(change)
        table = TABLES[change.kind]
        parent = values[table.parent_column] if table.parent_column else None
        assert parent is None or isinstance(parent, int)
        return ResourceRecord(
            address=Address(change.address),
            kind=change.kind,
            row=self.ids[change.address],
            name=str(values[table.natural_key[-1]]),
            parent_row=parent,
            keys={slot: found.key for slot, found in change.after.objects.items()},
            applied=canonical_json({n: v for n, v in values.items() if n not in change.remembered}),
            unmanaged=self._unmanaged(change, values),
            protect=change.protect,
        )

    def _unmanaged(self, change: Change, values: Mapping[str, Value]) -> str:
        if change.action is Action.CREATE:
            return canonical_json({name: values[name] for name in change.remembered})
        assert change.kind is not None
        return unmanaged_values(self.world.snapshot.rows[change.kind][self.ids[change.address]], values)

    def _keep(self, change: Change, found: ObjectState, state: KeyState) -> None:
        held = self.world.snapshot.objects.get(nfc(found.key))
        known = self.keys.get(nfc(found.key))
        assert known is None or known.state is not KeyState.CONDEMNED, found.key
        self.keys[nfc(found.key)] = KeyRecord(
            key=found.key,
            state=state,
            size_bytes=found.size_bytes,
            sha256=found.sha256,
            etag=held.etag if held is not None else None,
            verified=found.verified and found.sha256 is not None,
            address=change.address,
        )

    def _check(self) -> None:
        for kind, table in TABLES.items():
            rows = self.rows[kind].values()
            if table.unique:
                names = [tuple(r[column] for column in table.unique) for r in rows]
                assert len(names) == len(set(names)), f"{table.name}: unique constraint"
            for found in rows:
                for column, above in (("speaker_id", Kind.SPEAKER), ("collection_id", Kind.COLLECTION)):
                    parent = found[column] if column in table.index else None
                    assert parent is None or parent in self.rows[above], f"{table.name}: foreign key"
        self._check_objects()

    def _check_objects(self) -> None:
        """No committed row points to an object that is missing."""
        for change in self.plan.changes:
            if change.kind is Kind.LECTURE and change.after is not None:
                path = self.rows[change.kind][self.ids[change.address]]["file_path"]
                assert nfc(str(path)) in self.world.snapshot.objects, path


def _key_steps(change: Change) -> list[tuple[ObjectState, KeyState]]:
    steps = [(o, KeyState.LIVE) for o in change.after.objects.values()] if change.after else []
    if change.action is Action.FORGET and change.before is not None:
        steps += [(o, KeyState.RELEASED) for o in change.before.objects.values()]
    before = change.before.objects.values() if change.before else ()
    for name in change.retired:
        bare = ObjectState(key=name, size_bytes=0)
        steps.append((next((o for o in before if o.key == name), bare), KeyState.RETIRED))
    return steps
