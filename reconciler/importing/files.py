"""A content folder on disk → catalog and lockfile."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from reconciler.importing.declaring import Folder, Imported, declare
from reconciler.importing.found import Finding, Found, Reason
from reconciler.importing.gathering import content_files, gather
from reconciler.loading.locking import lock, survey
from reconciler.loading.media import MediaFolder
from reconciler.loading.stat_cache import StatCache
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Position
from reconciler.model.kinds import Slot
from reconciler.model.policy import Policy
from reconciler.model.ports import Meter
from reconciler.model.values import nfc


class OpenMeter(Protocol):
    """Opens a meter for the hashing of that many files and bytes."""

    def __call__(self, files: int, size_bytes: int, /) -> AbstractContextManager[Meter]:
        """Return the meter, to be entered."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashing:
    """How files are hashed: what was hashed before is in the cache file."""

    policy: Policy
    cache_file: Path
    meter: OpenMeter

    def lines(self, root: Path, paths: Iterable[str]) -> tuple[Mapping[str, MediaFile], Mapping[str, str]]:
        """Return the lines of files under a root by NFC path, and why others have none, by path."""
        cache = StatCache.read(self.cache_file)
        references = {path: Position(path) for path in paths}
        found = survey(MediaFolder(root), references, {}, cache, self.policy.transfer)
        with self.meter(len(found.pending), found.pending_bytes) as meter:
            locked = lock(found, on_bytes=meter.bytes_done, on_file=meter.file_done)
        if found.pending:
            cache.write(self.cache_file)
        return locked.files, {each.position.file: each.detail for each in locked.diagnostics}


def import_files(folder: Folder, directory: Path, media_root: Path, hashing: Hashing) -> Imported:
    """Declare what a content folder holds; entries that exist keep what they say, and get what they lack.

    Files that cannot be locked are not declared. The paths of a folder outside the media root begin at the
    folder: it has to become the media root before anything can be applied.
    """
    files = list(content_files(directory, media_root))
    found, findings = gather(files)
    inside = directory.resolve().is_relative_to(media_root.resolve())
    lines, refused = hashing.lines(media_root if inside else directory, media_of(found))
    noted = [Finding(reason=Reason.UNFIT, subject=path, detail=why) for path, why in refused.items()]
    return declare(
        folder, hashing.policy.layout, without(found, refused), lines, (*findings, *noted), hashed=True
    )


def media_of(found: Iterable[Found]) -> Iterator[str]:
    """Yield every media path that found resources name."""
    for each in found:
        yield from (str(each.fields[slot]) for slot in Slot if slot.value in each.fields)
        yield from media_of(each.children)


def without(found: Sequence[Found], refused: Mapping[str, Any]) -> tuple[Found, ...]:
    """Return found resources without the media that are refused, and lectures without audio left out."""
    return tuple(
        replace(each, fields=fields, children=without(each.children, refused))
        for each in found
        if (fields := _without(each.fields, refused)) is not None
    )


def _without(fields: Mapping[str, Any], refused: Mapping[str, Any]) -> Mapping[str, Any] | None:
    slots = {slot.value for slot in Slot}
    wrong = {name for name, value in fields.items() if name in slots and nfc(str(value)) in refused}
    if Slot.LECTURE_AUDIO.value in wrong:
        return None
    return {name: value for name, value in fields.items() if name not in wrong}
