"""Whether the audit log is the one that was written: its chain, and the heads kept in the bucket."""

from collections.abc import Iterator

from reconciler.model.errors import ElmifyError
from reconciler.model.history import AuditEntry, AuditHead, first_break
from reconciler.model.policy import AUDIT_PREFIX
from reconciler.model.ports import Database, ObjectStore


class BrokenChain(ElmifyError):
    """The audit log was tampered with, or restored from an older backup."""

    code = "audit-broken"


def verify_chain(database: Database, objects: ObjectStore) -> AuditHead:
    """Recompute the whole chain and return its end; `BrokenChain` says what is wrong with it.

    A database ahead of the bucket is fine (a run was cut short after its commit); one that is behind a head
    kept in the bucket, or differs from it, is not.
    """
    anchors = dict(_anchors(objects))
    seen = _Seen()
    with database.read() as session:
        problem = first_break(seen.watching(session.records.audit(), anchors))
    if problem is None and seen.mismatch is not None:
        problem = f"entry {seen.mismatch} is not the one whose hash is kept in the bucket"
    if problem is None and anchors and max(anchors) > seen.head.seq:
        problem = f"it ends with entry {seen.head.seq}, but the bucket knows of entry {max(anchors)}"
    if problem is not None:
        raise BrokenChain(
            f"the audit log is not the one that was written: {problem}",
            hint="Compare it with a backup. Who can write to schema elmify in this database?",
        )
    return seen.head


class _Seen:
    def __init__(self) -> None:
        self.head = AuditHead()
        self.mismatch: int | None = None

    def watching(self, entries: Iterator[AuditEntry], anchors: dict[int, str]) -> Iterator[AuditEntry]:
        for entry in entries:
            if anchors.get(entry.seq, entry.hash) != entry.hash and self.mismatch is None:
                self.mismatch = entry.seq
            self.head = AuditHead(entry.seq, entry.hash)
            yield entry


def _anchors(objects: ObjectStore) -> Iterator[tuple[int, str]]:
    for stored in objects.list(AUDIT_PREFIX):
        seq, dash, digest = stored.key.removeprefix(AUDIT_PREFIX).partition("-")
        if dash and seq.isdecimal():
            yield int(seq), digest
