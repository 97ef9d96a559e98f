"""What is said of media when the lockfile itself is gone or broken: it is its lines that are missing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.loading import media_codes as codes
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.values import counted

_OF_A_LINE = frozenset({codes.MEDIA_MISSING, codes.MEDIA_NOT_LOCKED})


def without_lines(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return what is wrong apart from missing lines: of a lockfile that cannot be read, nobody knows them."""
    return tuple(each for each in found if each.code not in _OF_A_LINE)


def without_lockfile(found: Sequence[Diagnostic], lockfile: str) -> tuple[Diagnostic, ...]:
    """Return the diagnostics with all files that are absent told as one, where the first one stood.

    The order is kept. `lockfile` is its path as a person types it in the project's folder.
    """
    absent = [each for each in found if each.code == codes.MEDIA_MISSING]
    if not absent:
        return tuple(found)
    others = f", and so it is with {counted(len(absent) - 1, 'other file')}" if len(absent) > 1 else ""
    told = replace(
        absent[0],
        detail=f"{absent[0].detail} There is no {lockfile} either{others}.",
        hint=f"Put files that are new under the media root and run `elmify lock`. If the lockfile was lost, "
        f"`git checkout -- {lockfile}` brings it back, and `elmify import live` writes its lines anew from "
        "what is live.",
    )
    kept = (told if each is absent[0] else each for each in found)
    return tuple(each for each in kept if each is told or each.code != codes.MEDIA_MISSING)
