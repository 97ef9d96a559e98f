"""Both sides of a plan: each lecture before it and after it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.plan import Action, Change
from reconciler.model.playback import CopyStep
from reconciler.model.values import Value, nfc
from reconciler.planning.lost_rows import rows_made_again, with_lost_rows
from reconciler.planning.playback import Content, Keys, Library, Rows, canonical_key
from reconciler.planning.world import World


def rows_after(rows: Rows, changes: Sequence[Change]) -> tuple[Rows, Mapping[str, int]]:
    """Return every row as it will be, and the row of each changed address.

    A row that the changes create has a negative id until the commit.
    """
    ids = _ids(changes)
    after = {kind: dict(found) for kind, found in rows.items()}
    for change in changes:
        if change.kind is None or change.address not in ids:
            continue
        row = ids[change.address]
        if change.action is Action.DELETE:
            after[change.kind].pop(row, None)
        elif change.after is not None:
            values = {**change.after.values, **{n: ids.get(a) for n, a in change.after.pending.items()}}
            after[change.kind][row] = _with(change.kind, row, after[change.kind].get(row), values)
    return after, ids


def _ids(changes: Sequence[Change]) -> Mapping[str, int]:
    ids: dict[str, int] = {}
    for change in changes:
        if change.kind is None:
            continue
        if change.row is not None:
            ids[change.address] = change.row
        elif change.action is Action.CREATE:
            ids[change.address] = -1 - len(ids)
    return ids


def _with(kind: Kind, row: int, before: Row | None, values: Mapping[str, Value]) -> Row:
    held = before.values if before is not None else (None,) * len(TABLES[kind].columns)
    names = TABLES[kind].index
    return Row(kind, row, tuple(values.get(name, now) for name, now in zip(names, held, strict=True)))


@dataclass(slots=True)
class LectureSides:
    """One lecture row on both sides of the plan, where it exists."""

    row: int
    before: Row | None
    after: Row | None
    keys_before: Keys
    keys_after: Keys
    played: tuple[bool, ...]
    change: Change | None  # its own
    cause: Change | None  # its own, or that of the nearest parent that changes
    new_bytes: bool
    address: Address | None


class Sides:
    """Library before and after a plan, and each lecture on both sides.

    `contents` are the objects as they will be: the same mapping that `after` has, for whoever plans
    copies to add to.
    """

    def __init__(self, world: World, changes: Sequence[Change]) -> None:
        self.before = world.library
        rows, ids = rows_after(world.snapshot.rows, changes)
        self.contents = {**self.before.contents, **dict(_stored_by(world, changes))}
        self.after = Library(ways=self.before.ways, rows=rows, contents=self.contents)
        self._made_again = rows_made_again(world, changes)
        lost = with_lost_rows(world) if self._made_again else world.snapshot.rows
        self._applied = Library(ways=self.before.ways, rows=lost, contents=self.before.contents)
        in_turn = sorted(changes, key=lambda change: change.action is not Action.FORGET)
        self._by_row = {  # a row may change hands: what takes it counts
            (change.kind, ids[change.address]): change for change in in_turn if change.address in ids
        }
        self._address_of = {
            (record.kind, record.row): address for address, record in world.recorded.resources.items()
        }

    def lectures(self) -> Iterator[LectureSides]:
        """Yield every lecture row of either side; rows that are created come last."""
        rows, after = self.before.rows[Kind.LECTURE], self.after.rows[Kind.LECTURE]
        for row in sorted({*rows, *after}, key=lambda row: (row < 0, abs(row))):
            yield self._lecture(row, rows.get(row), after.get(row))

    def _lecture(self, row: int, before: Row | None, after: Row | None) -> LectureSides:
        change = self._by_row.get((Kind.LECTURE, row))
        lost = self._made_again.get(change.address) if change is not None and before is None else None
        keys_before: Keys = self.before.keys(before) if before is not None else ()
        if lost is not None:
            keys_before = self._applied.keys(lost)
        cause = change or (self._parents_change(after) if after is not None else None)
        if after is None:
            keys_after: Keys = ()
        elif after is before and cause is None:
            keys_after = keys_before
            self.after.lead_alike(after, self.before.routes(after))
        else:
            keys_after = self.after.keys(after)
        played = tuple(self.before.plays(before, key) for key in keys_before) if before is not None else ()
        address = Address(change.address) if change is not None else self._address_of.get((Kind.LECTURE, row))
        return LectureSides(
            row=row,
            before=before,
            after=after,
            keys_before=keys_before,
            keys_after=keys_after,
            played=played,
            change=change,
            cause=cause,
            new_bytes=change is not None and self._has_new_bytes(change),
            address=address,
        )

    def _has_new_bytes(self, change: Change) -> bool:
        """Return whether a lecture gets another recording; a lost row had its own."""
        lost = self._made_again.get(change.address)
        if lost is None or change.after is None:
            return _has_new_bytes(change)
        after = change.after.objects.get(Slot.LECTURE_AUDIO)
        return after is not None and nfc(after.key) != canonical_key(lost)

    def _parents_change(self, row: Row) -> Change | None:
        """Return the change of the nearest parent that changes."""
        for kind in (Kind.COLLECTION, Kind.SPEAKER):
            parent = row[f"{kind}_id"]
            change = self._by_row.get((kind, parent)) if isinstance(parent, int) else None
            if change is not None:
                return change
        return None

    @cached_property
    def touched(self) -> frozenset[str]:
        """NFC keys whose bytes, or whose rows, are others after the plan."""
        before, now = self.before.contents, self.contents
        keys = {key for key, found in now.items() if before.get(key) is not found}
        old, new = self.before.rows[Kind.LECTURE], self.after.rows[Kind.LECTURE]
        for row, changed in new.items():
            if old.get(row) is not changed:
                keys.add(canonical_key(changed))
        for row, changed in old.items():
            if new.get(row) is not changed:
                keys.add(canonical_key(changed))
        return frozenset(keys)


def _has_new_bytes(change: Change) -> bool:
    """Return whether a lecture gets another recording than it has."""
    if change.after is None:
        return False
    before = change.before.objects.get(Slot.LECTURE_AUDIO) if change.before is not None else None
    after = change.after.objects.get(Slot.LECTURE_AUDIO)
    if any(put.slot is Slot.LECTURE_AUDIO for put in change.puts):
        return True
    if after is None or before is None:
        return after is not None
    moved = nfc(before.key) != nfc(after.key)
    return moved and (before.sha256 is None or before.sha256 != after.sha256) and not _is_aside(change)


def _is_aside(change: Change) -> bool:
    return any(copy.step is CopyStep.KEEP for copy in change.copies)


def _stored_by(world: World, changes: Sequence[Change]) -> Iterator[tuple[str, Content]]:
    """Yield what puts and first copies store, by NFC key."""
    for change in changes:
        for put in change.puts:
            line = world.media.get(nfc(put.path))
            etag = None if line is None else line.parts_etag if put.multipart else line.md5
            yield nfc(put.key), Content(size_bytes=put.size_bytes, sha256=put.sha256, etag=etag)
        for copy in change.copies:
            found = world.snapshot.objects.get(nfc(copy.source))
            etag = found.etag if found is not None else None
            yield nfc(copy.key), Content(size_bytes=copy.size_bytes, sha256=copy.sha256, etag=etag)
        for there in change.after.objects.values() if change.after is not None else ():
            stored = world.snapshot.objects.get(nfc(there.key))
            if stored is not None and there.verified and there.sha256 is not None:
                yield (
                    nfc(there.key),
                    Content(size_bytes=stored.size_bytes, sha256=there.sha256, etag=stored.etag),
                )
