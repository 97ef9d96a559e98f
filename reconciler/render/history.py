"""Runs, the audit log and the lease, for a person and as JSON."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from reconciler.model.history import Actor, AuditEntry, Lease, Run, RunKind
from reconciler.model.values import canonical_json
from reconciler.render.escape import harmless, harmless_json

_SHORT_HASH = 12  # hex digits: enough to tell plans and commits apart by eye


def time_text(moment: datetime | None) -> str:
    """Return a time as `2026-11-23 14:02 UTC`; `-` for none."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else "-"


def run_name(kind: RunKind, subject: Sequence[str] = ()) -> str:
    """Return the purpose of a run in words for a person.

    For example `apply`, `rollback 12`, `merge 412 413`.
    """
    return " ".join(subject if kind is RunKind.OTHER else (kind.value, *subject))


def runs_text(runs: Sequence[Run]) -> str:
    """Return runs as a table, in the order given."""
    if not runs:
        return "No runs yet."
    head = ("run", "begun", "ended", "state", "command", "plan", "who", "outcome")
    return _table(head, [_run_cells(run) for run in runs])


def _run_cells(run: Run) -> tuple[str, ...]:
    return (
        str(run.id),
        time_text(run.begun_at),
        time_text(run.finished_at),
        run.state.value,
        run_name(run.kind, run.subject),
        (run.fingerprint or "-")[:_SHORT_HASH],
        _who(run.actor),
        run.outcome or "",
    )


def _who(actor: Actor) -> str:
    """Return `name`, `name at 1a2b3c4d5e6f`, or `name at 1a2b3c4d5e6f (page)`."""
    commit = f" at {actor.commit[:_SHORT_HASH]}" if actor.commit else ""
    return f"{actor.name}{commit}{f' ({actor.url})' if actor.url else ''}"


def runs_json(runs: Sequence[Run]) -> str:
    """Return runs as a JSON list, in the order given."""
    return _pretty([run_document(run) for run in runs])


def run_document(run: Run) -> dict[str, Any]:
    """Return a run as JSON values."""
    return {
        "id": run.id,
        "kind": run.kind.value,
        "subject": list(run.subject),
        "actor": {"name": run.actor.name, "commit": run.actor.commit, "url": run.actor.url},
        "state": run.state.value,
        "fingerprint": run.fingerprint,
        "begun_at": moment_json(run.begun_at),
        "committed_at": moment_json(run.committed_at),
        "finished_at": moment_json(run.finished_at),
        "outcome": run.outcome,
        "changes": run.changes,
        "uploaded_files": run.uploaded_files,
        "uploaded_bytes": run.uploaded_bytes,
        "user_rows_lost": run.user_rows_lost,
    }


def lease_text(lease: Lease | None) -> str:
    """Return who may apply now."""
    if lease is None:
        return "Nobody holds the lease."
    stale = " (stale: anybody may take it)" if lease.stale else ""
    lines = [
        f"Run {lease.run} holds the lease{stale}.",
        f"  holder     {lease.holder}",
        f"  page       {lease.url or '-'}",
        f"  acquired   {time_text(lease.acquired_at)}",
        f"  heartbeat  {time_text(lease.heartbeat_at)}",
        f"  expires    {time_text(lease.expires_at)}",
        f"  token      {lease.token}",
    ]
    return "\n".join(map(harmless, lines))


def lease_json(lease: Lease | None) -> str:
    """Return the lease as JSON, `null` when nobody holds it."""
    return "null" if lease is None else _pretty(lease_document(lease))


def lease_document(lease: Lease) -> dict[str, Any]:
    """Return the lease as JSON values."""
    return {
        "run": lease.run,
        "holder": lease.holder,
        "url": lease.url,
        "token": lease.token,
        "acquired_at": moment_json(lease.acquired_at),
        "heartbeat_at": moment_json(lease.heartbeat_at),
        "expires_at": moment_json(lease.expires_at),
        "stale": lease.stale,
    }


def audit_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """Yield one line of text for each audit entry, as it comes.

    The line has number, time, actor, run, event, address, and details as JSON. An entry that was
    altered into something else is shown unchanged.
    """
    for entry in entries:
        fact = _fact(entry)
        told = [entry.payload] if fact is None else _told(fact)
        yield harmless("  ".join([str(entry.seq), *told]))


def _told(fact: Mapping[str, Any]) -> list[str]:
    run, detail = fact.get("run"), fact.get("detail")
    return [
        _time_of(fact.get("at")),
        str(fact.get("actor") or "-"),
        "-" if run is None else f"run {run}",
        str(fact.get("event") or "-"),
        str(fact.get("address") or "-"),
        *([canonical_json(detail)] if detail else []),
    ]


def _fact(entry: AuditEntry) -> Mapping[str, Any] | None:
    """Return what an entry says; None when its payload is no JSON object."""
    try:
        fact = json.loads(entry.payload)
    except ValueError:
        return None
    return fact if isinstance(fact, dict) else None


def _time_of(text: object) -> str:
    """Return a time of the log in the form of all times.

    A text that is not a time is returned unchanged.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    return time_text(moment) if moment.tzinfo else str(text)


def audit_jsonl(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """Yield each entry as one line of JSON, as it comes.

    `payload` is the text that the hash covers, so that the chain can be verified without elmify; `fact` is
    what it says, null when it is no JSON object.
    """
    for entry in entries:
        line = {"seq": entry.seq, "previous": entry.previous, "payload": entry.payload, "hash": entry.hash}
        yield harmless_json(canonical_json({**line, "fact": _fact(entry)}))


def moment_json(moment: datetime | None) -> str | None:
    """Return a time as JSON has it: ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _pretty(document: object) -> str:
    return harmless_json(json.dumps(document, ensure_ascii=False, sort_keys=True, indent=2))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose columns are separated by two spaces.

    Each column is as wide as its longest cell; the last one has no fixed width.
    """
    cells = [tuple(head), *(tuple(map(harmless, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    widths[-1] = 0
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def git_advice(run: Run) -> str:
    """Return what to do in git after a run was taken back.

    The catalog still says what that run did.
    """
    if run.kind is RunKind.ROLLBACK:
        return (
            f"Run {run.id} was itself a rollback. If the catalog was reverted after it, take that back too, "
            "or the next apply would do the rollback once more:\n    git revert COMMIT"
        )
    if run.kind is RunKind.MERGE:
        return "If the catalog was changed to go with the merge, take that back too:\n    git revert COMMIT"
    return (
        f"The catalog in git is ahead now: the next apply would do run {run.id} again. Take its change back "
        f"there too:\n    git revert {harmless(run.actor.commit) if run.actor.commit else 'COMMIT'}"
    )
