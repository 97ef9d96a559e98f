"""Status of an environment and of staged bytes, as text and JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, assert_never

from reconciler.model.history import Lease
from reconciler.model.ports import UnfinishedUpload
from reconciler.model.recorded import Identity
from reconciler.model.remedies import Apply, Stage
from reconciler.model.staging import Located, Whereabouts
from reconciler.model.status import Advice, Found, Leftover, Status, Why
from reconciler.model.values import counted, first_few, readable_size
from reconciler.render.escape import harmless, harmless_json, quoted
from reconciler.render.history import lease_document, moment_json, run_document, runs_text, time_text
from reconciler.render.remedies import command_of, remedy_json

_KEYS_SHOWN = 10
_SHORT_FINGERPRINT = 12  # hex digits: what a list of runs and a plan's page show of one
_NOT_VISIBLE = "Nothing of it is visible, and what it stored is used by"

_SAID = {
    Found.STORED: "stored, in no row yet",
    Found.ABSENT: "not stored",
    Found.OTHER: "an object of another size is there",
}


def status_text(status: Status, advice: Advice) -> str:
    """Return the status as text that ends with the next command.

    The command continues from what was found. It has a line to itself.
    """
    parts = [
        "\n".join(_heading(status)),
        runs_text(status.runs),
        "\n".join(_remains(status)),
        "\n".join(advice_lines(advice)),
    ]
    return "\n\n".join(filter(None, parts))


def advice_lines(advice: Advice) -> list[str]:
    """Return what to do next and why; a command is alone on the last line."""
    command = f"    {harmless(command_of(advice.remedy))}" if advice.remedy is not None else None
    return [harmless(_why(advice)), *filter(None, [command])]


def _why(advice: Advice) -> str:
    remedy = advice.remedy
    if not isinstance(remedy, Apply) or remedy.fingerprint is None:
        return _reason(advice)
    return (
        f"PLANFILE is the plan file with fingerprint {remedy.fingerprint[:_SHORT_FINGERPRINT]}: it was "
        f"reviewed, and applying it again goes on with nothing else. {_reason(advice)}"
    )


def _reason(advice: Advice) -> str:
    match advice.why:
        case Why.ALL_DONE:
            return "Nothing was cut short: there is nothing to go on with."
        case Why.NOT_A_PAIR:
            return advice.problem or ""
        case Why.RUN_AT_WORK:
            return (
                f"Run {advice.run} of {advice.holder} is at work, or was killed a moment ago: its lease ends "
                f"at {advice.ends_at:%Y-%m-%d %H:%M:%S} UTC without another sign of life. This waits and "
                "goes on:"
            )
        case Why.INTERRUPTED_AFTER_COMMIT:
            return f"Run {advice.run} committed everything and was interrupted after that. It is finished by"
        case Why.INTERRUPTED_BEFORE_COMMIT:
            return f"Run {advice.run} was interrupted before its commit. {_NOT_VISIBLE}"
        case Why.FAILED_BEFORE_COMMIT:
            return f"Run {advice.run} ended before its commit. {_NOT_VISIBLE}"
        case Why.LEASE_ENDED:
            return "Go on with"
        case Why.NEVER_APPLIED:
            return "Nothing was ever applied here. What the first apply would do is shown by"
        case Why.FIRST_APPLY_INTERRUPTED:
            return "The first apply was interrupted before both stores knew each other. It is taken up by"
        case Why.ALIASES_PENDING:
            what = counted(advice.count or 0, "playback copy", "playback copies")
            run = f"Run {advice.run} is" if advice.run is not None else "A run is"
            return (
                f"{run} committed, unfinished: {what} still to be replaced. Until then listeners hear the "
                "recording from before. It is finished by"
            )
        case Why.AUDIT_HEAD_NOT_KEPT:
            return (
                "Everything is committed, but the bucket does not keep the end of the audit log yet. "
                "That is done by"
            )
        case Why.GC_INTERRUPTED:
            what = counted(advice.count or 0, "object")
            return f"A gc was interrupted, and {what} may still be there. It is finished by"
        case Why.UPLOADS_GIVEN_UP:
            what = counted(advice.count or 0, "multipart upload")
            return (
                f"Nobody has gone on with {what} for a day, and the store bills their parts. "
                "They are cleared by"
            )
        case _ as never:
            assert_never(never)


def _heading(status: Status) -> Iterator[str]:
    yield f"environment  {harmless(status.environment)}"
    yield f"database     {harmless(status.database)}: {_identity(status.identity)}"
    marker = f"identity {status.marker}" if status.marker else "carries no identity"
    yield f"bucket       {harmless(status.objects)}: {harmless(marker)}"
    yield f"lease        {_lease(status.lease)}"


def _identity(identity: Identity | None) -> str:
    if identity is None:
        return "nothing recorded yet"
    return harmless(f"identity {identity.id}, {identity.state}, of environment {identity.environment}")


def _lease(lease: Lease | None) -> str:
    if lease is None:
        return "nobody holds it"
    page = f" ({lease.url})" if lease.url else ""
    sign = f"last sign of life {time_text(lease.heartbeat_at)}"
    stale = "; stale: anybody may take it" if lease.stale else ""
    return harmless(
        f"run {lease.run} of {lease.holder}{page}, since {time_text(lease.acquired_at)}, {sign}{stale}"
    )


def _remains(status: Status) -> Iterator[str]:
    for found, said in _SAID.items():
        leftovers = [leftover for leftover in status.leftovers if leftover.found is found]
        if leftovers:
            yield f"Left over, {said}: {_size(leftovers)}"
            yield from _some([_leftover(leftover) for leftover in leftovers])
    if status.aliases:
        runs = [alias.run for alias in status.aliases if alias.run is not None]
        since = f", since run {min(runs)}" if runs else ""
        yield f"Committed, unfinished: playback copies to be replaced{since}: {len(status.aliases):,}"
        yield from _some([quoted(alias.key) for alias in status.aliases])
    if status.unfinished is None:
        yield "Unfinished multipart uploads: this key may not list them."
    for uploads, whose in ((status.unfinished, ""), (status.foreign, ", not elmify's")):
        if uploads:
            yield f"Unfinished multipart uploads{whose}: {len(uploads):,}"
            yield from _some([f"{quoted(u.key)}, begun {time_text(u.begun_at)}" for u in uploads])
    if status.staged:
        size = readable_size(sum(stored.size_bytes for stored in status.staged.values()))
        yield f"Staged copies: {counted(len(status.staged), 'object')}, {size}."
    if status.condemned:
        yield f"Condemned and perhaps not deleted yet: {counted(status.condemned, 'object')}."
    if status.unanchored is not None:
        yield f"Entry {status.unanchored.seq} of the audit log is not kept in the bucket yet."


def _size(leftovers: Sequence[Leftover]) -> str:
    size = readable_size(sum(leftover.record.size_bytes for leftover in leftovers))
    return f"{counted(len(leftovers), 'object')}, {size}"


def _leftover(leftover: Leftover) -> str:
    return f"{quoted(leftover.record.key)} of run {leftover.record.run}"


def _some(lines: Sequence[str]) -> Iterator[str]:
    """Yield the first lines, and how many more there are."""
    yield from (f"  {line}" for line in first_few(lines, _KEYS_SHOWN))


def status_json(status: Status, advice: Advice) -> str:
    """Return the whole status as JSON.

    `next.command` is null when there is nothing to continue with.
    """
    identity = status.identity
    document = {
        "environment": status.environment,
        "database": status.database,
        "bucket": status.objects,
        "identity": identity
        and {"id": identity.id, "environment": identity.environment, "state": identity.state.value},
        "marker": status.marker,
        "lease": status.lease and lease_document(status.lease),
        "runs": [run_document(run) for run in status.runs],
        "leftovers": [_leftover_json(leftover) for leftover in status.leftovers],
        "unfinished_uploads": _uploads_json(status.unfinished),
        "foreign_uploads": _uploads_json(status.foreign),
        "staged": {
            "objects": len(status.staged),
            "size_bytes": sum(stored.size_bytes for stored in status.staged.values()),
        },
        "condemned": status.condemned,
        "pending_aliases": [
            {
                "key": alias.key,
                "source": alias.source,
                "size_bytes": alias.size_bytes,
                "address": alias.address,
                "run": alias.run,
            }
            for alias in status.aliases
        ],
        "unanchored": status.unanchored.seq if status.unanchored is not None else None,
        "next": {
            "code": advice.why.value,
            "why": _why(advice),
            "command": command_of(advice.remedy) if advice.remedy is not None else None,
            "remedy": remedy_json(advice.remedy) if advice.remedy is not None else None,
        },
    }
    return harmless_json(json.dumps(document, ensure_ascii=False, sort_keys=True, indent=2))


def _leftover_json(leftover: Leftover) -> dict[str, Any]:
    record = leftover.record
    return {
        "key": record.key,
        "size_bytes": record.size_bytes,
        "sha256": record.sha256,
        "address": record.address,
        "run": record.run,
        "found": leftover.found.value,
    }


def _uploads_json(uploads: Sequence[UnfinishedUpload] | None) -> list[dict[str, Any]] | None:
    if uploads is None:
        return None
    return [{"key": upload.key, "begun_at": moment_json(upload.begun_at)} for upload in uploads]


_SHORT_HASH = 8
_WHERE = {
    Whereabouts.NEWLY_STAGED: "newly staged",
    Whereabouts.STAGED: "staged",
    Whereabouts.LIVE: "live",
    Whereabouts.ON_DISK: "on disk",
}


def staging_text(located: Sequence[Located]) -> str:
    """Return what was staged and what is missing, line by line.

    The end says how many of each there are.
    """
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
    found = ", ".join(f"{counts[where]:,} {said}" for where, said in _WHERE.items() if counts[where])
    missing, stage = counts[Whereabouts.MISSING], command_of(Stage())
    if not missing:
        here = f"\nWhat is only on disk can be applied from here alone. For a merge, run\n    {stage}"
        said = f"Nothing is missing: of {counted(len(located), 'file')}, {found}."
        return f"{said}{here}" if counts[Whereabouts.ON_DISK] else said
    rest = f"; {found}" if found else ""
    return (
        f"{missing:,} of {counted(len(located), 'file')} missing{rest}.\n"
        f"Where the files are, run\n    {stage}"
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
