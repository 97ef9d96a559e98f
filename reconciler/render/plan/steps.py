"""Steps of a change in each store.

They are shown to a person before they are taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from reconciler.model.kinds import TABLES
from reconciler.model.plan import Action, Change, Put, PutOrigin
from reconciler.model.playback import CopyStep
from reconciler.model.values import readable_size, same
from reconciler.render.escape import harmless, quoted
from reconciler.render.plan.sentences import row_name

#: After these nothing is recorded of the resource any more, its protection included.
_ENDING = frozenset({Action.DELETE, Action.FORGET})


class Store(StrEnum):
    """The store of a step, in the order of an apply.

    Bytes come first, then rows and records in one commit.
    """

    BUCKET = "bucket"
    DATABASE = "database"
    RECORDS = "records"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step in one store.

    `target` is a key, a row or an address, unescaped; `note` says more.
    """

    store: Store
    verb: str
    target: str
    note: str = ""

    def __str__(self) -> str:
        target = quoted(self.target) if self.store is Store.BUCKET else harmless(self.target)
        return f"{self.verb} {target}{self.note and f' {self.note}'}"


def steps_of(change: Change) -> tuple[Step, ...]:
    """Return the steps of a change, store by store.

    Retiring a key is part of the commit, like the rows.
    """
    return (*_bucket(change), *_database(change), *_records(change))


def _bucket(change: Change) -> Iterator[Step]:
    for put in change.puts:
        parts = ", in parts" if put.multipart else ""
        note = f"({readable_size(put.size_bytes)}{parts}, {_whence(put)})"
        yield Step(store=Store.BUCKET, verb="put", target=put.key, note=note)
    for copy in change.copies:
        note = f"({readable_size(copy.size_bytes)}, copied from {quoted(copy.source)}{_COPIED[copy.step]})"
        yield Step(store=Store.BUCKET, verb=copy.step.value, target=copy.key, note=note)
    for key in change.reused:
        yield Step(store=Store.BUCKET, verb="reuse", target=key, note="(already there)")
    for key in change.retired:
        yield Step(store=Store.BUCKET, verb="retire", target=key, note="(stays until gc)")


_COPIED = {
    CopyStep.FILL: "",
    CopyStep.KEEP: ", which gets other bytes",
    CopyStep.ALIAS: ", over other bytes, right after the commit",
}


def _whence(put: Put) -> str:
    """Return the source of the bytes of a put.

    An apply on a machine that has the bytes uses those instead.
    """
    match put.origin:
        case PutOrigin.DISK:
            return "from disk"
        case PutOrigin.STAGED:
            return "staged"
        case PutOrigin.COPY:
            return f"copied from {quoted(put.copied_from or '')}"
        case _:
            assert_never(put.origin)


def _database(change: Change) -> Iterator[Step]:
    if change.kind is None:
        return
    table = TABLES[change.kind].name
    row = table if change.row is None else row_name(change.kind, change.row)
    match change.action:
        case Action.CREATE:
            yield Step(store=Store.DATABASE, verb="insert into", target=table)
        case Action.DELETE:
            yield Step(store=Store.DATABASE, verb="delete", target=row, note=_taken_along(change))
        case Action.UPDATE | Action.MOVE | Action.ADOPT | Action.FORGET:
            if columns := changed_columns(change):
                yield Step(store=Store.DATABASE, verb="update", target=row, note=f"set {', '.join(columns)}")
        case Action.NO_OP:
            return
        case _:
            assert_never(change.action)


def changed_columns(change: Change) -> tuple[str, ...]:
    """Return the columns of an existing row that the change sets.

    They are sorted by name; empty unless the change has both sides.
    """
    if change.before is None or change.after is None:
        return ()
    before, after = change.before.values, change.after
    differing = {name for name, value in after.values.items() if not same(before.get(name), value)}
    return tuple(sorted(differing | set(after.pending)))


def _taken_along(change: Change) -> str:
    """Say what the cascade takes, table by table, as the database names it."""
    lost = sorted(change.impact.lost.items()) if change.impact else []
    rows = [
        f"{count:,} {'row' if count == 1 else 'rows'} of {harmless(table)}" for table, count in lost if count
    ]
    return f"(and {', '.join(rows)})" if rows else ""


def _records(change: Change) -> Iterator[Step]:
    if change.kind is None:
        return
    if (verb := _record_verb(change)) is not None:
        note = f"(was {change.previous_address})" if change.previous_address else ""
        yield Step(store=Store.RECORDS, verb=verb, target=change.address, note=harmless(note))
    for column in change.released:
        yield Step(store=Store.RECORDS, verb="release", target=column)
    if change.protect and change.action not in _ENDING:
        yield Step(store=Store.RECORDS, verb="protect", target=change.address)


def _record_verb(change: Change) -> str | None:
    """Return the verb for what the records do with the address.

    None where the other steps say it all.
    """
    match change.action:
        case Action.ADOPT:
            return "adopt"
        case Action.MOVE:
            return "move"
        case Action.FORGET | Action.DELETE:
            return "forget"
        case Action.NO_OP:
            return None if change.released or change.protect else "remember"
        case Action.CREATE | Action.UPDATE:
            return None
        case _:
            assert_never(change.action)
