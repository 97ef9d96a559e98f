"""What only the whole catalog shows to be wrong."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reconciler.loading import media_codes as codes
from reconciler.loading.assembly import Declared
from reconciler.loading.duplicates import find_repeats
from reconciler.loading.facts import MEDIA_TYPES, extension
from reconciler.loading.key_checks import check_keys
from reconciler.loading.locator import Locator
from reconciler.loading.media import MediaFolder, MediaRefused
from reconciler.loading.numbering import find_gaps, find_repeated_numbers
from reconciler.model.catalog import MediaFile, Resource
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.policy import Layout
from reconciler.model.values import nfc
from reconciler.text.codes import Mistake

_UNUSED_SHOWN = 3


def check_declared(declared: Declared, layout: Layout, locator: Locator) -> Iterator[Diagnostic]:
    """Yield what is wrong with the resources beside each other."""
    resources = declared.resources
    repeats = find_repeats(resources.values())
    yield from (repeat.diagnostic(locator) for repeat in repeats)
    yield from check_references(declared, locator)
    twins = {repeat.again.address for repeat in repeats}
    yield from check_keys(resources, layout, twins, locator)
    yield from find_gaps(resources.values(), locator)
    yield from find_repeated_numbers(resources.values(), locator)
    for field, position in declared.idle_defaults:
        yield Mistake.NO_EFFECT.at(position, f"Nothing takes the default of `{field}`.")


def check_references(declared: Declared, locator: Locator) -> Iterator[Diagnostic]:
    """Yield old or forgotten addresses at which something is still declared."""
    resources = declared.resources
    for resource in resources.values():
        if resource.previously in resources:
            position = locator.field(resource.position, "previously")
            detail = f"`{resource.previously}` is declared at {resources[resource.previously].position}."
            yield Mistake.PREVIOUSLY_DECLARED.at(position, detail)
    for address, position in declared.forget:
        if address in resources:
            detail = f"`{address}` is declared at {resources[address].position}."
            yield Mistake.FORGET_DECLARED.at(position, detail)


def check_lockfile(
    references: Mapping[str, Position], media: Mapping[str, MediaFile], media_root: Path
) -> Iterator[Diagnostic]:
    """Yield the media that the lockfile does not know, or knows to be something else than they are called.

    Looks at the disk only for files that are not locked. The diagnostics are those of `check_media`, which
    looks at every file.
    """
    folder = MediaFolder(media_root)
    for path, position in references.items():
        locked = media.get(nfc(path))
        if locked is None:
            yield _not_locked(folder, path, position)
        elif (promised := MEDIA_TYPES.get(extension(path))) is None:
            yield codes.media_diagnostic(
                codes.MEDIA_TYPE_UNKNOWN, f"{path} has no known extension.", position
            )
        elif promised != locked.media_type:
            detail = f"{path} holds {locked.media_type}, but its name promises {promised}."
            yield codes.media_diagnostic(codes.MEDIA_TYPE_DISAGREES, detail, position)


def _not_locked(folder: MediaFolder, path: str, position: Position) -> Diagnostic:
    try:
        status = folder.stat(path)
    except MediaRefused as refused:
        return codes.media_diagnostic(refused.diagnosis, refused.detail, position)
    if status is None:
        return codes.media_diagnostic(codes.MEDIA_MISSING, f"{path} is not under the media root.", position)
    return codes.media_diagnostic(codes.MEDIA_NOT_LOCKED, f"{path} has no line in the lockfile.", position)


def check_unused(
    resources: Iterable[Resource], media: Mapping[str, MediaFile], lockfile: str
) -> Iterator[Diagnostic]:
    """Yield one warning when the lockfile holds files that no resource names."""
    used = {nfc(path) for resource in resources for path in resource.media.values() if path is not None}
    unused = sorted(locked.path for path, locked in media.items() if path not in used)
    if unused:
        shown = ", ".join(unused[:_UNUSED_SHOWN]) + (", …" if len(unused) > _UNUSED_SHOWN else "")
        detail = f"No entry names {len(unused):,} of its files: {shown}."
        yield Mistake.UNUSED_MEDIA.at(Position(lockfile), detail)
