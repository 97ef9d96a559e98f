"""The audit log: appended under the lock of its head, read as a stream."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from reconciler.model.history import Actor, AuditEntry, AuditFact, AuditHead, chained
from reconciler.records.bulk import copy_into, storable_json
from reconciler.records.schema import SchemaRecords

#: The clock is asked outside of the locking query, so that it is read after the wait for the lock: the times
#: of the log never go back.
_LOCK_HEAD = """
with head as materialized (select seq, hash from elmify.audit_head for update)
select seq, hash, clock_timestamp() from head
"""

_READ_CHUNK = "select seq, previous, payload, hash from elmify.audit where seq > %s order by seq limit %s"

_CHUNK_ROWS = 2_000  # about a megabyte of entries in memory at a time

_BEFORE_ALL = -(2**63)  # also shows an entry with a number that no entry should have


class AuditRecords(SchemaRecords):
    """The audit log in the records."""

    def append_audit(self, run: int | None, actor: Actor, facts: Sequence[AuditFact]) -> AuditHead:
        """Append facts in order, and return the new end of the log.

        Processes that append wait for one another.
        """
        if not facts:
            return self.audit_head()
        seq, hash_, at = self._connection.execute(_LOCK_HEAD).fetchall()[0]
        entries = chained(AuditHead(seq, hash_), _payloads(at, run, actor, facts))
        rows = ((entry.seq, entry.previous, entry.payload, entry.hash, at) for entry in entries)
        copy_into(self._connection, "elmify.audit", "seq, previous, payload, hash, at", rows)
        head = AuditHead(entries[-1].seq, entries[-1].hash)
        self._connection.execute("update elmify.audit_head set seq = %s, hash = %s", (head.seq, head.hash))
        return head

    def audit(self) -> Iterator[AuditEntry]:
        """Yield the log in the order of its numbers, a chunk in memory at a time."""
        return self._entries() if self._readable() else iter(())

    def _entries(self) -> Iterator[AuditEntry]:
        last = _BEFORE_ALL
        while chunk := self._connection.execute(_READ_CHUNK, (last, _CHUNK_ROWS)).fetchall():
            for seq, previous, payload, hash_ in chunk:
                yield AuditEntry(seq=seq, previous=previous, payload=payload, hash=hash_)
            last = chunk[-1][0]

    def audit_head(self) -> AuditHead:
        """Return the end of the log."""
        if not self._readable():
            return AuditHead()
        seq, hash_ = self._connection.execute("select seq, hash from elmify.audit_head").fetchall()[0]
        return AuditHead(seq, hash_)


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
