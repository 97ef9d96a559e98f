"""The audit log: appended under the lock of its head, read as a stream."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reconciler.model.history import Actor, AuditEntry, AuditFact, AuditHead, chained
from reconciler.records.bulk import copy_into, storable_json

if TYPE_CHECKING:
    from psycopg import Connection

#: The clock is asked outside of the locking query, so that it is read after the wait for the lock: the times
#: of the log never go back.
_LOCK_HEAD = """
with head as materialized (select seq, hash from elmify.audit_head for update)
select seq, hash, clock_timestamp() from head
"""

_READ_CHUNK = "select seq, previous, payload, hash from elmify.audit where seq > %s order by seq limit %s"

#: Payloads are canonical JSON: a quote inside of a text is escaped there, so no title looks like an event.
#: The names of events hold neither `%` nor `_`.
_READ_FACTS = """
select seq, previous, payload, hash from elmify.audit
where payload like '%%"event":"' || %s || '"%%' and seq < %s
order by seq desc limit %s
"""

_CHUNK_ROWS = 2_000  # about a megabyte of entries in memory at a time

_AFTER_ALL = 2**63 - 1
_BEFORE_ALL = -(2**63)  # also shows an entry with a number that no entry should have


def append_audit(
    connection: "Connection[tuple[Any, ...]]", run: int | None, actor: Actor, facts: Sequence[AuditFact]
) -> AuditHead:
    """Append facts, in order, and return the new end. Appenders wait for one another."""
    if not facts:
        return read_audit_head(connection)
    seq, hash_, at = connection.execute(_LOCK_HEAD).fetchall()[0]
    entries = chained(AuditHead(seq, hash_), _payloads(at, run, actor, facts))
    rows = ((entry.seq, entry.previous, entry.payload, entry.hash, at) for entry in entries)
    copy_into(connection, "elmify.audit", "seq, previous, payload, hash, at", rows)
    head = AuditHead(entries[-1].seq, entries[-1].hash)
    connection.execute("update elmify.audit_head set seq = %s, hash = %s", (head.seq, head.hash))
    return head


def _payloads(
    at: datetime, run: int | None, actor: Actor, facts: Sequence[AuditFact]
) -> Iterator[dict[str, Any]]:
    common = {
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "run": run,
        "actor": actor.name,
        "commit": actor.commit,
        "url": actor.url,
    }
    for fact in facts:
        payload: dict[str, Any] = storable_json(
            {**common, "event": fact.event, "address": fact.address, "detail": fact.detail}
        )
        yield payload


def read_audit(connection: "Connection[tuple[Any, ...]]") -> Iterator[AuditEntry]:
    """Yield the log in the order of its numbers, a chunk in memory at a time."""
    last = _BEFORE_ALL
    while chunk := connection.execute(_READ_CHUNK, (last, _CHUNK_ROWS)).fetchall():
        for seq, previous, payload, hash_ in chunk:
            yield AuditEntry(seq=seq, previous=previous, payload=payload, hash=hash_)
        last = chunk[-1][0]


def read_facts(connection: "Connection[tuple[Any, ...]]", event: str) -> Iterator[AuditEntry]:
    """Yield the entries of one event, the newest first, a chunk in memory at a time.

    The first chunk is one entry: who wants the last one does not wait for a search through the whole log.
    """
    last, rows = _AFTER_ALL, 1
    while chunk := connection.execute(_READ_FACTS, (event, last, rows)).fetchall():
        for seq, previous, payload, hash_ in chunk:
            yield AuditEntry(seq=seq, previous=previous, payload=payload, hash=hash_)
        last, rows = chunk[-1][0], _CHUNK_ROWS


def read_audit_head(connection: "Connection[tuple[Any, ...]]") -> AuditHead:
    """Return the end of the log."""
    seq, hash_ = connection.execute("select seq, hash from elmify.audit_head").fetchall()[0]
    return AuditHead(seq, hash_)
