"""Drift of playback: lost copies, and ways that edits broke."""

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.actual import Row, Snapshot
from reconciler.model.drift import DriftFinding, DriftKind
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.playback import Way
from reconciler.model.recorded import KeyState, Recorded
from reconciler.model.values import Value, nfc
from reconciler.planning.playback import Library, library_of, rows_with

#: What the last apply left in a row's columns, where other hands wrote something else since.
Edited = Mapping[Kind, Mapping[int, Mapping[str, Value]]]


def lost_copies(snapshot: Snapshot, recorded: Recorded) -> Iterator[DriftFinding]:
    """Yield the playback copies that are gone, or that hold other bytes.

    An alias that a commit left to be made is not one of them.
    """
    of_slots = {nfc(key) for record in recorded.resources.values() for key in record.keys.values()}
    for folded, known in recorded.keys.items():
        if known.state is not KeyState.LIVE or folded in of_slots or folded in recorded.aliases:
            continue
        stored = snapshot.objects.get(folded)
        if stored is not None and known.etag in {None, stored.etag} and stored.size_bytes == known.size_bytes:
            continue
        yield DriftFinding(
            what=DriftKind.COPY_LOST,
            address=known.address or f"unmanaged.object[{known.key}]",
            attribute="playback copy",
            recorded=f"{known.key} ({known.size_bytes:,} B)",
            actual=None if stored is None else f"{stored.key} ({stored.size_bytes:,} B)",
        )


def broken_ways(
    ways: Sequence[Way],
    snapshot: Snapshot,
    recorded: Recorded,
    edited: Edited,
    addresses: Mapping[int, str],
) -> Iterator[DriftFinding]:
    """Yield the lectures that a way does not play since rows were edited.

    Only those that it played before.

    `addresses` are those of the declared lectures by row id.
    """
    if not any(edited.values()):
        return
    now = library_of(ways, snapshot, recorded)
    rows = rows_with(snapshot.rows, edited)
    before = Library(ways, rows, now.contents)
    for row in snapshot.rows[Kind.LECTURE].values():
        if not _is_touched(row, edited):
            continue
        was = rows[Kind.LECTURE][row.id]
        for way, old, new in zip(ways, before.keys(was), now.keys(row), strict=True):
            if not way.report and old != new and before.plays(was, old) and not now.plays(row, new):
                yield DriftFinding(
                    what=DriftKind.WAY_BROKEN,
                    address=addresses.get(row.id, f"unmanaged.{TABLES[Kind.LECTURE].name}[{row.id}]"),
                    attribute=way.name,
                    recorded=old,
                    actual=new,
                    kind=Kind.LECTURE,
                    row=row.id,
                )


def _is_touched(row: Row, edited: Edited) -> bool:
    """Return whether a lecture's row or one of its parents was edited."""
    parents = ((kind, row[f"{kind}_id"]) for kind in (Kind.SPEAKER, Kind.COLLECTION))
    places = [
        (Kind.LECTURE, row.id),
        *((kind, parent) for kind, parent in parents if isinstance(parent, int)),
    ]
    return any(place in edited.get(kind, {}) for kind, place in places)
