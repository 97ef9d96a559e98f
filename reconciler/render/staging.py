"""Where the bytes of lockfile lines are, for a person and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.model.staging import Located, Whereabouts
from reconciler.model.values import counted, readable_size
from reconciler.render.escape import harmless, harmless_json, quoted

_SHORT_HASH = 8
_SAID = {
    Whereabouts.NEWLY_STAGED: "newly staged",
    Whereabouts.STAGED: "staged",
    Whereabouts.LIVE: "live",
    Whereabouts.ON_DISK: "on disk",
}


def staging_text(located: Sequence[Located]) -> str:
    """Return what was staged and what is missing, line by line, and how many of each there are."""
    lines = [*_named(located, Whereabouts.NEWLY_STAGED, "+"), *_named(located, Whereabouts.MISSING, "!")]
    return "\n".join([*lines, _summary(located)])


def _named(located: Sequence[Located], where: Whereabouts, sign: str) -> Iterator[str]:
    for one in sorted(located, key=lambda one: one.media.path):
        if one.where is where:
            size, digest = readable_size(one.media.size_bytes), (one.media.sha256 or "")[:_SHORT_HASH]
            problem = f"\n      {harmless(one.problem)}" if one.problem else ""
            yield f"  {sign} {quoted(one.media.path)} ({size}, sha256 {digest}){problem}"


def _summary(located: Sequence[Located]) -> str:
    counts = Counter(one.where for one in located)
    if not located:
        return "Nothing is needed: every byte is live."
    found = ", ".join(f"{counts[where]:,} {said}" for where, said in _SAID.items() if counts[where])
    missing = counts[Whereabouts.MISSING]
    if not missing:
        here = "\nWhat is only on disk can be applied from here alone. For a merge, run\n    elmify stage"
        said = f"Nothing is missing: of {counted(len(located), 'file')}, {found}."
        return f"{said}{here}" if counts[Whereabouts.ON_DISK] else said
    rest = f"; {found}" if found else ""
    return (
        f"{missing:,} of {counted(len(located), 'file')} missing{rest}.\n"
        "Where the files are, run\n    elmify stage"
    )


def staging_json(located: Sequence[Located]) -> str:
    """Return every line with where it is, by path, and the counts."""
    files = [_file(one) for one in sorted(located, key=lambda one: one.media.path)]
    counts = Counter(one.where for one in located)
    document = {"files": files, "counts": {where.value: counts[where] for where in Whereabouts}}
    return harmless_json(json.dumps(document, ensure_ascii=False, indent=2))


def _file(one: Located) -> dict[str, Any]:
    return {
        "path": one.media.path,
        "sha256": one.media.sha256,
        "size_bytes": one.media.size_bytes,
        "where": one.where.value,
        "problem": one.problem or None,
    }
