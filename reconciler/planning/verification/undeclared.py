"""Undeclared content: rows and objects that the catalog does not have.

They are rows without an entry, second rows of a file, and objects without a row.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.actual import Row
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.plan import NamedBy
from reconciler.model.remedies import Adopt, Merge, Remedy, Sentence
from reconciler.model.values import nfc, readable_size
from reconciler.planning.verification.context import VerifyContext, name_of, named_in
from reconciler.planning.verification.findings import (
    Condition,
    VerifyFinding,
    apply_alone,
    object_address,
    row_address,
)
from reconciler.planning.world import DELETE_UNMANAGED


def undeclared(context: VerifyContext) -> Iterator[VerifyFinding]:
    """Yield what is wrong with what no entry of the catalog stands for."""
    yield from _vanished(context)
    yield from _vanished_and_empty(context)
    duplicates = {finding.row: finding for finding in _duplicates(context)}
    yield from duplicates.values()
    yield from _rows(context, duplicates)
    yield from _orphans(context)


def _vanished(context: VerifyContext) -> Iterator[VerifyFinding]:
    for address, row in context.identities.vanished.items():
        if context.world.catalog.forgets(address):
            condition, detail = Condition.PENDING, "`forget:` lets it go; both stores keep it"
        elif row is None:
            condition, detail = Condition.PENDING, "it left the catalog, and its row is gone already"
        else:
            condition = Condition.UNDECLARED_ROW
            detail = f"it left the catalog, and row {row.id} of {TABLES[row.kind].name} is still there"
        yield VerifyFinding(
            condition=condition,
            what=address,
            detail=detail,
            remedies=(apply_alone(address),),
            row=row.id if row is not None else None,
        )


def _vanished_and_empty(context: VerifyContext) -> Iterator[VerifyFinding]:
    for address, row in context.identities.vanished.items():
        if row is not None and row.kind is Kind.LECTURE and _is_empty(context, row):
            yield _empty(row, address, (apply_alone(address),))


def _is_empty(context: VerifyContext, row: Row) -> bool:
    stored = context.stored(named_in(row, Slot.LECTURE_AUDIO))
    return stored is not None and stored.size_bytes == 0


def _empty(row: Row, what: str, remedies: tuple[Remedy, ...]) -> VerifyFinding:
    named = named_in(row, Slot.LECTURE_AUDIO)
    return VerifyFinding(
        condition=Condition.EMPTY_AUDIO,
        what=what,
        detail=f"{name_of(row)}: it names {named}, which holds 0 bytes",
        remedies=remedies,
        key=named,
        row=row.id,
    )


def _rows(context: VerifyContext, told: Mapping[int | None, VerifyFinding]) -> Iterator[VerifyFinding]:
    for kind, ids in context.unmanaged.rows.items():
        for row_id in ids:
            row = context.world.snapshot.rows[kind][row_id]
            named = named_in(row, Slot.LECTURE_AUDIO) if kind is Kind.LECTURE else None
            if kind is Kind.LECTURE and context.stored(named) is None:
                yield _playing_nothing(row, named)
            elif kind is Kind.LECTURE and _is_empty(context, row):
                address = row_address(kind, row_id)
                yield _empty(row, address, _at_hand_or_not(address))
            elif kind is not Kind.LECTURE or row_id not in told:
                yield _undeclared(row)


def _playing_nothing(row: Row, named: str | None) -> VerifyFinding:
    address = row_address(row.kind, row.id)
    return VerifyFinding(
        condition=Condition.ROW_WITHOUT_OBJECT,
        what=address,
        detail=f"{name_of(row)}: it names {named or 'no key'}, and there is no such object",
        remedies=_at_hand_or_not(address),
        key=named,
        row=row.id,
    )


def _at_hand_or_not(address: str) -> tuple[Remedy, ...]:
    return (
        Sentence(text="Is its file at hand? Then declare it, put the file under the media root and lock it:"),
        Adopt(addresses=(address,)),
        Sentence(text="If not, delete it:"),
        apply_alone(address, DELETE_UNMANAGED),
    )


def _undeclared(row: Row) -> VerifyFinding:
    address = row_address(row.kind, row.id)
    return VerifyFinding(
        condition=Condition.UNDECLARED_ROW,
        what=address,
        detail=name_of(row),
        remedies=(
            Sentence(text="Declare it:"),
            Adopt(addresses=(address,)),
            Sentence(
                text=f"or, if an entry of the catalog is this {row.kind}, write `row: {row.id}` in it; "
                "or delete it:"
            ),
            apply_alone(address, DELETE_UNMANAGED),
        ),
        row=row.id,
    )


# Second rows.


def _duplicates(context: VerifyContext) -> Iterator[VerifyFinding]:
    """Yield a finding for each undeclared lecture row with a shared file.

    Another row names the same file: a declared row where there is one, else the oldest. Declared rows
    may share a file.
    """
    declared = {
        placed.row.id: placed.address
        for placed in context.placed
        if placed.row is not None and placed.row.kind is Kind.LECTURE
    }
    for key, rows in _lectures_by_key(context).items():
        into = min(rows, key=lambda row: (not _has_right(context, declared, row, key), row.id))
        for row in rows:
            if row.id not in declared and row.id != into.id:
                yield _duplicate(row, into, key, declared.get(into.id))


def _has_right(context: VerifyContext, declared: Mapping[int, str], row: Row, key: str) -> bool:
    """Return whether a row is declared and names no other resource's file."""
    address = declared.get(row.id)
    return address is not None and address in context.owners.get(key, {address})


def _lectures_by_key(context: VerifyContext) -> Mapping[str, Sequence[Row]]:
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in context.world.snapshot.rows[Kind.LECTURE].values():
        named = named_in(row, Slot.LECTURE_AUDIO)
        if named is not None:
            groups[named].append(row)
    return {key: rows for key, rows in sorted(groups.items()) if len(rows) > 1}


def _duplicate(row: Row, into: Row, key: str, address: str | None) -> VerifyFinding:
    other = f"row {into.id}{f' ({address})' if address else ''}"
    return VerifyFinding(
        condition=Condition.DUPLICATE_ROWS,
        what=row_address(Kind.LECTURE, row.id),
        detail=f"{name_of(row)}: {other} has the same file, {key}",
        remedies=(
            Sentence(text="If it is the same lecture, move what listeners have to the other row:"),
            Merge(row=str(row.id), into=str(into.id)),
        ),
        key=key,
        row=row.id,
    )


# Objects.


def _orphans(context: VerifyContext) -> Iterator[VerifyFinding]:
    for key, size_bytes in context.unmanaged.objects.items():
        if nfc(key) not in context.world.objects_without_row:
            continue  # its row is what is undeclared
        used_by = context.beside.named_elsewhere.get(nfc(key))
        yield _orphan(key, size_bytes) if used_by is None else _used_elsewhere(key, size_bytes, used_by)


def _orphan(key: str, size_bytes: int) -> VerifyFinding:
    address = object_address(key)
    return VerifyFinding(
        condition=Condition.ORPHAN,
        what=address,
        detail=f"{readable_size(size_bytes)} that no row names",
        remedies=(
            Sentence(text="Retire it, for gc to delete after the retention:"),
            apply_alone(address, DELETE_UNMANAGED),
        ),
        repairs=(address,),
        key=key,
        size_bytes=size_bytes,
    )


def _used_elsewhere(key: str, size_bytes: int, used_by: NamedBy) -> VerifyFinding:
    return VerifyFinding(
        condition=Condition.USED_ELSEWHERE,
        what=object_address(key),
        detail=f"{readable_size(size_bytes)}; {used_by}",
        remedies=(Sentence(text=_kept_while(used_by)),),
        key=key,
        size_bytes=size_bytes,
    )


def _kept_while(used_by: NamedBy) -> str:
    if used_by.readable:
        return "elmify does not delete it while that is so."
    return f"elmify does not delete it until its role may read all of {used_by.column}."
