"""Remains of elmify's own work in the bucket and in its records.

They are waiting, were interrupted, or are broken.
"""

from collections.abc import Collection, Iterable, Iterator

from reconciler.model.actual import StoredObject
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.remedies import CollectGarbage, Lock, Remedy, Sentence, Verify
from reconciler.model.values import counted, readable_size
from reconciler.planning.verification.context import VerifyContext
from reconciler.planning.verification.findings import Condition, VerifyFinding

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


def remains(ground: VerifyContext, hashed: Collection[str] = frozenset()) -> Iterator[VerifyFinding]:
    """Yield the findings that are not about a resource.

    `hashed` are the NFC keys whose bytes were read just now.
    """
    yield from _broken_chain(ground)
    yield from _twins(ground)
    yield from _recorded(ground)
    yield from _several(
        Condition.STAGED,
        ground.world.snapshot.staged.values(),
        (
            Sentence(text="Used by the apply they were staged for; the others are deleted by"),
            CollectGarbage(),
        ),
    )
    yield from _unfinished(ground)
    yield from _several(
        Condition.UNHASHED,
        [stored for key, stored in ground.unverified.items() if key not in hashed],
        _DEEPER,
    )


def _broken_chain(ground: VerifyContext) -> Iterator[VerifyFinding]:
    if ground.beside.broken_chain is not None:
        yield VerifyFinding(
            condition=Condition.BROKEN_AUDIT,
            what=AUDIT_LOG,
            detail=f"it is not the one that was written: {ground.beside.broken_chain}",
            remedies=(
                Sentence(text="Compare it with a backup. Who can write to schema elmify in this database?"),
            ),
        )


def _twins(ground: VerifyContext) -> Iterator[VerifyFinding]:
    for one, other in ground.beside.twins:
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


def _recorded(ground: VerifyContext) -> Iterator[VerifyFinding]:
    """Yield findings about objects that elmify itself keeps in the bucket.

    They are grouped by the state of the object's key.
    """
    waiting = {KeyState.RETIRED, KeyState.CONDEMNED}
    own = {
        key: (record, stored)
        for key, record in ground.world.recorded.keys.items()
        if record.state in {*waiting, KeyState.INTENDED} and (stored := ground.stored(key)) is not None
    }
    named = ground.world.named_among(own)
    lying = [found for key, found in own.items() if key not in named]
    yield from _several(
        Condition.RETIRED, [stored for record, stored in lying if record.state in waiting], _COLLECT
    )
    intended = [(record, stored) for record, stored in lying if record.state is KeyState.INTENDED]
    yield from _several(
        Condition.UNDER_WAY, [stored for record, stored in intended if _is_under_way(ground, record)], ()
    )
    yield from _several(
        Condition.LEFTOVER,
        [stored for record, stored in intended if not _is_under_way(ground, record)],
        (
            Sentence(
                text="Used by the next apply that wants them; the others are deleted after the retention by"
            ),
            CollectGarbage(),
        ),
    )


def _is_under_way(ground: VerifyContext, record: KeyRecord) -> bool:
    return record.run is not None and record.run == ground.beside.run


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


def _unfinished(ground: VerifyContext) -> Iterator[VerifyFinding]:
    if ground.beside.unfinished is None:
        yield VerifyFinding(
            condition=Condition.UNFINISHED,
            what=OBJECTS,
            detail="nobody knows: this key may read objects and not list unfinished uploads",
            remedies=(Sentence(text="Verify with the key that applies, if you want to know."),),
            count=0,
        )
        return
    for upload in ground.beside.unfinished:
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
