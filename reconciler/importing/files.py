"""A content folder on disk → catalog and lockfile."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from reconciler.importing.declaring import Folder, Imported, declare, lockfile_lines
from reconciler.importing.found import Finding, Found, Reason
from reconciler.importing.gathering import content_files, gather
from reconciler.loading.locking import lock, survey
from reconciler.loading.media import MediaFolder
from reconciler.loading.stat_cache import StatCache
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Position
from reconciler.model.errors import UsageError
from reconciler.model.kinds import Slot
from reconciler.model.policy import Policy
from reconciler.model.ports import Meter
from reconciler.model.values import nfc

_IMAGES = tuple(slot for slot in Slot if slot is not Slot.LECTURE_AUDIO)


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

    Files that cannot be locked are not declared. `UsageError` for a folder outside the media root, where no
    plan would find its files; nothing is written then.
    """
    _refuse_elsewhere(directory, media_root)
    found, findings = gather(list(content_files(directory, media_root)))
    lines, refused = hashing.lines(media_root, media_of(found))
    noted = [Finding(reason=Reason.UNFIT, subject=path, detail=why) for path, why in refused.items()]
    return declare(
        folder, hashing.policy.layout, without(found, refused), lines, (*findings, *noted), hashed=True
    )


def _refuse_elsewhere(directory: Path, media_root: Path) -> None:
    if directory.resolve().is_relative_to(media_root.resolve()):
        return
    root, source = shlex.quote(str(media_root)), shlex.quote(f"{directory}/.")
    raise UsageError(
        f"{directory} is not under {media_root}, where elmify looks for media",
        hint="Copy it there first, then import that:\n"
        f"    cp -R {source} {root}/\n    elmify import files {root}",
    )


def without_unseen(
    folder: Folder, media_root: Path, found: Sequence[Found], lines: Mapping[str, MediaFile]
) -> tuple[tuple[Found, ...], tuple[Finding, ...]]:
    """Return what was found without the images that no line knows and no file is, and a finding of each."""
    known, disk = {**lockfile_lines(folder), **lines}, MediaFolder(media_root)
    images = {nfc(path) for path in media_of(found, _IMAGES)}
    unseen = {path: "" for path in sorted(images - known.keys()) if disk.stat(path) is None}
    findings = (Finding(reason=Reason.UNSEEN, subject=path, detail="") for path in unseen)
    return without(found, unseen), tuple(findings)


def media_of(found: Iterable[Found], slots: Collection[Slot] = tuple(Slot)) -> Iterator[str]:
    """Yield every media path that found resources name in some slots."""
    for each in found:
        yield from (str(each.fields[slot]) for slot in slots if slot.value in each.fields)
        yield from media_of(each.children, slots)


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
