"""Byte checks: the bytes that each live object should hold.

They serve the code that downloads and hashes the objects.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model.address import Address
from reconciler.model.errors import UsageError
from reconciler.model.kinds import Kind, Slot
from reconciler.model.recorded import KeyState
from reconciler.model.remedies import Lock, Sentence, Verify
from reconciler.model.values import nfc
from reconciler.planning.diff import Placed
from reconciler.planning.verification.context import VerifyContext, named_in
from reconciler.planning.verification.findings import (
    Condition,
    VerifyFinding,
    apply_alone,
    object_address,
    row_address,
)
from reconciler.planning.verification.heard import lectures_declared, ways_checked

_SAMPLE = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")

#: Names that stand for one type: what browsers and older tools write, by what a lockfile says.
_ALIASES = {
    "audio/mp3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/m4a": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/aacp": "audio/aac",
    "audio/x-aac": "audio/aac",
    "application/ogg": "audio/ogg",
    "image/jpg": "image/jpeg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Daily sample of the objects: `taken` of every `of`.

    Each day has other objects: after `of / taken` days in a row, all of them were in a sample.
    """

    taken: int
    of: int

    def covers(self, key: str, day: int) -> bool:
        """Return whether an NFC key is in the sample of a day.

        Days count from any fixed one.
        """
        place = int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8])
        return (place - day * self.taken) % self.of < self.taken

    def __str__(self) -> str:
        return f"{self.taken}/{self.of}"


def parse_sample(text: str) -> Sample:
    """Return `1/30` as a sample; `UsageError` when it is none."""
    found = _SAMPLE.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise UsageError(
            f"--sample {text} is no part of the whole",
            hint="Write it as a fraction of 1 or less:",
            remedies=[Verify(sample="1/30")],
        )
    return Sample(taken=int(found[1]), of=int(found[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An object that a row names, and what should be under its key.

    `key` is spelled as the store spells it. `what` and `row` are what it is found on; a hash or a media type
    that nobody knows is None. `said_by` tells whose hash it is. `way` is the way of the apps that leads to
    it, None for what a column of its slot names or the records have.
    """

    what: str
    key: str
    size_bytes: int
    row: int | None
    audio: bool
    sha256: str | None
    said_by: str
    media_type: str | None
    way: str | None = None


def expected(context: VerifyContext) -> Iterator[Expected]:
    """Yield every live object that has a known hash or media type.

    These are what rows name, what stands under playback keys, and the copies that the records still need.
    Each key is yielded once.
    """
    told: set[str] = set()
    for found in (*_of_declared(context), *_of_rows(context), *_of_ways(context), *_of_records(context)):
        key = nfc(found.key)
        if key not in told and (found.sha256 is not None or found.media_type is not None):
            told.add(key)
            yield found


def _of_declared(context: VerifyContext) -> Iterator[Expected]:
    for placed in context.placed:
        for slot, placement in placed.placements.items():
            if placed.row is None or placement is None:
                continue
            stored = context.stored(placement.key)
            if stored is None or named_in(placed.row, slot) != nfc(placement.key):
                continue
            sha256, said_by = _hash_of(placed, slot, placement.media.sha256)
            yield Expected(
                what=placed.address,
                key=stored.key,
                size_bytes=stored.size_bytes,
                row=placed.row.id,
                audio=slot is Slot.LECTURE_AUDIO,
                sha256=sha256,
                said_by=said_by,
                media_type=placement.media.media_type,
            )


def _hash_of(placed: Placed, slot: Slot, locked: str | None) -> tuple[str | None, str]:
    if locked is not None or slot is not Slot.LECTURE_AUDIO or placed.row is None:
        return locked, "the lockfile"
    return _hash_in_row(placed.row["file_hash"]), "the row"


def _hash_in_row(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and value else None


def _of_rows(context: VerifyContext) -> Iterator[Expected]:
    for row_id in context.unmanaged.rows.get(Kind.LECTURE, ()):
        row = context.world.snapshot.rows[Kind.LECTURE][row_id]
        stored = context.stored(named_in(row, Slot.LECTURE_AUDIO))
        if stored is not None:
            yield Expected(
                what=row_address(Kind.LECTURE, row_id),
                key=stored.key,
                size_bytes=stored.size_bytes,
                row=row_id,
                audio=True,
                sha256=_hash_in_row(row["file_hash"]),
                said_by="the row",
                media_type=None,
            )


def _of_ways(context: VerifyContext) -> Iterator[Expected]:
    """Yield what stands under playback keys.

    Copies that a commit left to be replaced are left out.
    """
    library, declared = context.world.library, lectures_declared(context)
    for row in library.rows[Kind.LECTURE].values():
        placed = declared.get(row.id)
        audio = placed.placements.get(Slot.LECTURE_AUDIO) if placed is not None else None
        if placed is not None and audio is not None:
            sha256, said_by = _hash_of(placed, Slot.LECTURE_AUDIO, audio.media.sha256)
        else:
            sha256, said_by = _hash_in_row(row["file_hash"]), "the row"
        for each in ways_checked(library, row):
            stored = context.stored(each.route.key)
            if stored is None or stored.size_bytes == 0 or each.route.key in context.world.recorded.aliases:
                continue
            yield Expected(
                what=placed.address if placed is not None else row_address(Kind.LECTURE, row.id),
                key=stored.key,
                size_bytes=stored.size_bytes,
                row=row.id,
                audio=True,
                sha256=sha256,
                said_by=said_by,
                media_type=audio.media.media_type if audio is not None else None,
                way=each.way.name,
            )


def _of_records(context: VerifyContext) -> Iterator[Expected]:
    """Yield the copies that the records need.

    These are live ones, and the sources of pending aliases.
    """
    recorded = context.world.recorded
    sources = {nfc(alias.source) for alias in recorded.aliases.values()}
    of_slots = {nfc(key) for resource in recorded.resources.values() for key in resource.keys.values()}
    for key, record in recorded.keys.items():
        stored = context.stored(key)
        needed = key in sources or (record.state is KeyState.LIVE and key not in of_slots)
        if stored is None or not needed or not record.verified or key in recorded.aliases:
            continue
        resource = recorded.resources.get(Address(record.address or ""))
        yield Expected(
            what=record.address or object_address(stored.key),
            key=stored.key,
            size_bytes=stored.size_bytes,
            row=resource.row if resource is not None else None,
            audio=resource is not None and resource.kind is Kind.LECTURE,
            sha256=record.sha256,
            said_by="elmify's records",
            media_type=None,
        )


# What may be found.


def other_bytes(of: Expected, sha256: str, size_bytes: int) -> VerifyFinding | None:
    """Return the finding for hashed bytes that are not the expected ones.

    None when they are the expected ones.
    """
    if of.sha256 is None or of.sha256 == sha256:
        return None
    by = f"by way {of.way}: " if of.way is not None else ""
    return VerifyFinding(
        condition=Condition.OTHER_BYTES if of.way is None else Condition.WAY_PLAYS_ANOTHER,
        what=of.what,
        detail=f"{by}{of.key} has the SHA-256 {sha256[:16]}…; {of.said_by} says {of.sha256[:16]}…",
        remedies=(
            Sentence(
                text="Listen to it. If the object is the right one, put it under the media root and lock it:"
            ),
            Lock(rehash=True),
            Sentence(
                text="If the catalog is right, delete the object with the bucket's own tools, and put the "
                "file in its place:"
            ),
            apply_alone(of.what),
        ),
        key=of.key,
        row=of.row,
        size_bytes=size_bytes,
    )


def other_type(of: Expected, media_type: str) -> VerifyFinding | None:
    """Return the finding for a wrong content type; None when it is right.

    The content type is the one that the store answers with.
    """
    if of.media_type is None or _plain(media_type) == _plain(of.media_type):
        return None
    return VerifyFinding(
        condition=Condition.WRONG_TYPE,
        what=of.what,
        detail=f"{of.key} is served as {media_type or 'nothing'}, and it is {of.media_type}",
        remedies=(
            Sentence(
                text="Players may refuse it. Set its content type with the bucket's own tools: elmify never "
                "writes a key twice."
            ),
        ),
        key=of.key,
        row=of.row,
    )


def gone(of: Expected) -> VerifyFinding:
    """Return the finding for a listed object that is not there any more."""
    by = f"by way {of.way}, " if of.way is not None else ""
    return VerifyFinding(
        condition=Condition.ROW_WITHOUT_OBJECT if of.audio else Condition.MISSING_IMAGE,
        what=of.what,
        detail=f"{by}row {of.row} names {of.key}, which was deleted a moment ago",
        remedies=(apply_alone(of.what),),
        key=of.key,
        row=of.row,
    )


def _plain(media_type: str) -> str:
    bare = media_type.partition(";")[0].strip().lower()
    return _ALIASES.get(bare, bare)
