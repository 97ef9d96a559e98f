"""Verification of a world: findings, the truth table, and orphans."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from reconciler.model.actual import Row, StoredObject
from reconciler.model.address import Address
from reconciler.model.kinds import Kind
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.remedies import CollectGarbage, Lock, Remedy, Sentence, Verify
from reconciler.model.values import counted, nfc, readable_size
from reconciler.planning.diff import Placed
from reconciler.planning.ignore_rules import ignores
from reconciler.planning.placement import How
from reconciler.planning.references import split_reference
from reconciler.planning.verification.context import VerifyContext, named_in, slots_of, value_in
from reconciler.planning.verification.declared import declared
from reconciler.planning.verification.findings import (
    Condition,
    ConditionSeverity,
    Depth,
    Presence,
    Sides,
    Verification,
    VerifyFinding,
    worst_first,
)
from reconciler.planning.verification.heard import heard
from reconciler.planning.verification.undeclared import undeclared


def verified(
    context: VerifyContext,
    deeper: Iterable[VerifyFinding] = (),
    depth: Depth | None = None,
    hashed: Collection[str] = frozenset(),
) -> Verification:
    """Return everything that is wrong.

    `deeper` are the findings of hashing, which `depth` describes; `hashed` are the NFC keys it read.

    What elmify.yaml ignores is left out of the findings and counted. A broken audit chain cannot be ignored.
    """
    world = context.world
    found = [*declared(context), *undeclared(context), *orphan_findings(context, hashed), *deeper]
    found += heard(context, found)
    found = _asking_for_names(context, found)
    ignored = {id(finding) for finding in found if _is_ignored(context, finding)}
    return Verification(
        environment=world.policy.environment,
        made_at=world.snapshot.taken_at,
        findings=worst_first(finding for finding in found if id(finding) not in ignored),
        truth=truth_table(context),
        sides=sides(context),
        heard=sum(map(context.is_heard, context.placed)),
        ignored=worst_first(finding for finding in found if id(finding) in ignored),
        depth=depth,
        adopted=bool(world.recorded.resources),
        playing=world.library.count(),
        everywhere=sum(context.is_heard(placed, every=True) for placed in context.placed),
    )


def truth_table(context: VerifyContext) -> Mapping[Presence, int]:
    """Count files by presence in catalog, bucket and database.

    The result has all eight combinations, absent ones with 0.

    A file is what a declared slot, a slot of an undeclared row, or an object that nothing names
    refers to. The bucket has the file when there is an object under the key that the row names, or,
    without such a key, where the catalog would have it. A file that only elmify's records remember as
    live is in none of the three.
    """
    counts = Counter(_presences(context))
    return {presence: counts[presence] for presence in _ALL}


_EITHER = (True, False)
_ALL: tuple[Presence, ...] = tuple(product(_EITHER, _EITHER, _EITHER))


def sides(context: VerifyContext) -> Sides:
    """Count what each side has."""
    snapshot = context.world.snapshot
    declared = Counter(resource.kind for resource in context.world.catalog.resources.values())
    return Sides(
        declared={kind: declared[kind] for kind in Kind},
        rows={kind: len(snapshot.rows[kind]) for kind in Kind},
        objects=len(snapshot.objects),
        object_bytes=sum(stored.size_bytes for stored in snapshot.objects.values()),
    )


def _presences(context: VerifyContext) -> Iterator[Presence]:
    for placed in context.placed:
        yield from _of_declared(context, placed)
    for row in _undeclared_rows(context):
        yield from _of_row(context, row)
    for key in context.unmanaged.objects:
        if nfc(key) in context.world.objects_without_row:
            yield False, True, False
    lost = {
        key
        for key, record in context.world.recorded.keys.items()
        if record.state is KeyState.LIVE and key not in context.used and context.stored(key) is None
    }
    for _ in lost - context.world.named_among(lost):
        yield False, False, False


def _of_declared(context: VerifyContext, placed: Placed) -> Iterator[Presence]:
    for slot, placement in placed.placements.items():
        if placement is None:
            continue
        named = named_in(placed.row, slot) if placed.row is not None else None
        stands = (
            placement.how in {How.KEPT, How.REUSED} if named is None else context.stored(named) is not None
        )
        yield True, stands, named is not None


def _undeclared_rows(context: VerifyContext) -> Iterator[Row]:
    for kind, ids in context.unmanaged.rows.items():
        yield from (context.world.snapshot.rows[kind][row_id] for row_id in ids)
    yield from (row for row in context.identities.vanished.values() if row is not None)


def _of_row(context: VerifyContext, row: Row) -> Iterator[Presence]:
    for slot in slots_of(row.kind):
        named, value = named_in(row, slot), value_in(row, slot)
        if named is None or value is None:
            continue
        base, _ = split_reference(value)
        stands = context.stored(named) is not None
        if stands or base is None or base == context.world.policy.layout.base_url:
            yield False, stands, True


#: What is not about any one thing is about these.
AUDIT_LOG = "the audit log"
OBJECTS = "the bucket"

_DEEPER = (
    Sentence(
        text="Size and ETag say nothing against them. Those whose hash the lockfile knows are hashed by"
    ),
    Verify(deep=True),
    Sentence(text="The hash of the others is known once their files are under the media root and locked by"),
    Lock(),
)
_COLLECT = (Sentence(text="Deleted after the retention by"), CollectGarbage())


def orphan_findings(context: VerifyContext, hashed: Collection[str] = frozenset()) -> Iterator[VerifyFinding]:
    """Yield the findings that are not about a resource.

    `hashed` are the NFC keys whose bytes were read just now.
    """
    yield from _broken_chain(context)
    yield from _nfc_duplicates(context)
    yield from _recorded(context)
    yield from _several(
        Condition.STAGED,
        context.world.snapshot.staged.values(),
        (
            Sentence(text="Used by the apply they were staged for; the others are deleted by"),
            CollectGarbage(),
        ),
    )
    yield from _unfinished(context)
    yield from _several(
        Condition.UNHASHED,
        [stored for key, stored in context.unverified.items() if key not in hashed],
        _DEEPER,
    )


def _broken_chain(context: VerifyContext) -> Iterator[VerifyFinding]:
    if context.beside.broken_chain is not None:
        yield VerifyFinding(
            condition=Condition.BROKEN_AUDIT,
            what=AUDIT_LOG,
            detail=f"it is not the one that was written: {context.beside.broken_chain}",
            remedies=(
                Sentence(text="Compare it with a backup. Who can write to schema elmify in this database?"),
            ),
        )


def _nfc_duplicates(context: VerifyContext) -> Iterator[VerifyFinding]:
    for one, other in context.beside.nfc_duplicates:
        yield VerifyFinding(
            condition=Condition.TWINS,
            what=f"unmanaged.object[{other}]",
            detail=f"{one!a} and {other!a} are one key by NFC, one object in R2",
            remedies=(
                Sentence(
                    text="Which one is meant? Delete the other with the bucket's own tools: elmify deletes "
                    "nothing for the sake of a spelling."
                ),
            ),
            key=other,
        )


def _recorded(context: VerifyContext) -> Iterator[VerifyFinding]:
    """Yield findings about objects that elmify itself keeps in the bucket.

    They are grouped by the state of the object's key.
    """
    waiting = {KeyState.RETIRED, KeyState.CONDEMNED}
    own = {
        key: (record, stored)
        for key, record in context.world.recorded.keys.items()
        if record.state in {*waiting, KeyState.INTENDED} and (stored := context.stored(key)) is not None
    }
    named = context.world.named_among(own)
    lying = [found for key, found in own.items() if key not in named]
    yield from _several(
        Condition.RETIRED, [stored for record, stored in lying if record.state in waiting], _COLLECT
    )
    intended = [(record, stored) for record, stored in lying if record.state is KeyState.INTENDED]
    yield from _several(
        Condition.UNDER_WAY, [stored for record, stored in intended if _is_under_way(context, record)], ()
    )
    yield from _several(
        Condition.LEFTOVER,
        [stored for record, stored in intended if not _is_under_way(context, record)],
        (
            Sentence(
                text="Used by the next apply that wants them; the others are deleted after the retention by"
            ),
            CollectGarbage(),
        ),
    )


def _is_under_way(context: VerifyContext, record: KeyRecord) -> bool:
    return record.run is not None and record.run == context.beside.run


def _several(
    condition: Condition, found: Iterable[StoredObject], remedies: tuple[Remedy, ...]
) -> Iterator[VerifyFinding]:
    """Yield one finding for all objects in a state, with their total size.

    Nothing is yielded when there are no such objects.
    """
    sizes = [stored.size_bytes for stored in found]
    if sizes:
        yield VerifyFinding(
            condition=condition,
            what=OBJECTS,
            detail=f"{counted(len(sizes), 'object')}, {readable_size(sum(sizes))}",
            remedies=remedies,
            count=len(sizes),
            size_bytes=sum(sizes),
        )


def _unfinished(context: VerifyContext) -> Iterator[VerifyFinding]:
    if context.beside.unfinished is None:
        yield VerifyFinding(
            condition=Condition.UNFINISHED,
            what=OBJECTS,
            detail="nobody knows: this key may read objects and not list unfinished uploads",
            remedies=(Sentence(text="Verify with the key that applies, if you want to know."),),
            count=0,
        )
        return
    for upload in context.beside.unfinished:
        yield VerifyFinding(
            condition=Condition.UNFINISHED,
            what=f"unmanaged.object[{upload.key}]",
            detail=f"{upload.key}, begun {upload.begun_at:%Y-%m-%d %H:%M} UTC",
            remedies=(
                Sentence(text="elmify's own go on with the next apply of that file, or are cleared by"),
                CollectGarbage(),
                Sentence(text="R2 gives up all others after seven days."),
            ),
            key=upload.key,
        )


def _asking_for_names(context: VerifyContext, found: Sequence[VerifyFinding]) -> list[VerifyFinding]:
    """Take out of repair what would give a row a name that another row has."""
    asked = context.taken_names({address for finding in found for address in finding.repairs})
    return [
        replace(finding, repairs=(), remedies=(Sentence(text=f"{question.detail}\n{question.hint}"),))
        if finding.repairs and (question := asked.get(Address(finding.what))) is not None
        else finding
        for finding in found
    ]


def _is_ignored(context: VerifyContext, finding: VerifyFinding) -> bool:
    wrong = finding.severity is not ConditionSeverity.INFO and finding.condition is not Condition.BROKEN_AUDIT
    return wrong and ignores(context.world.policy, finding.what)
