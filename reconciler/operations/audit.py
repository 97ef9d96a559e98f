"""Audit log: its entries, and the check of its chain.

The chain is checked against the heads kept in the bucket.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from reconciler.applying.workspace import Workspace
from reconciler.model.actual import StoredObject
from reconciler.model.errors import ElmifyError
from reconciler.model.history import AuditEntry, AuditHead, first_break
from reconciler.model.policy import AUDIT_PREFIX


class BrokenChain(ElmifyError):
    """The audit log was tampered with, or restored from an older backup."""

    code = "audit-broken"


def verify_chain(workspace: Workspace) -> AuditHead:
    """Recompute the whole audit chain and return its end.

    Raises `BrokenChain`, which says what is wrong with it. A database that is ahead of the bucket is
    correct (a run was interrupted after its commit); a database that is behind a head kept in the
    bucket, or differs from it, is not.
    """
    with workspace.database.read() as session:
        anchors = anchored(workspace.objects.list(AUDIT_PREFIX))
        head, problem = chain_problem(session.records.audit(), anchors)
    if problem is not None:
        raise BrokenChain(
            f"the audit log is not the one that was written: {problem}",
            hint="Compare it with a backup. Who can write to schema elmify in this database?",
        )
    return head


@contextmanager
def audit_entries(workspace: Workspace) -> Iterator[Iterator[AuditEntry]]:
    """Yield the entries of the audit log from the first.

    They are streamed for as long as the block runs.
    """
    with workspace.database.read() as session:
        yield session.records.audit()


def chain_problem(entries: Iterator[AuditEntry], anchors: Mapping[int, str]) -> tuple[AuditHead, str | None]:
    """Read the log to its end or first break; return that end and the problem.

    The problem is None when the chain is whole. `anchors` are the hashes kept in the bucket, by the
    number of their entry.
    """
    seen = _Seen()
    found = first_break(seen.watching(entries, anchors))
    problem = found.sentence if found is not None else None
    if problem is None and seen.mismatch is not None:
        problem = f"entry {seen.mismatch} is not the one whose hash is kept in the bucket"
    if problem is None and anchors and max(anchors) > seen.head.seq:
        problem = f"it ends with entry {seen.head.seq}, but the bucket knows of entry {max(anchors)}"
    return seen.head, problem


class _Seen:
    def __init__(self) -> None:
        self.head = AuditHead()
        self.mismatch: int | None = None

    def watching(self, entries: Iterator[AuditEntry], anchors: Mapping[int, str]) -> Iterator[AuditEntry]:
        for entry in entries:
            if anchors.get(entry.seq, entry.hash) != entry.hash and self.mismatch is None:
                self.mismatch = entry.seq
            self.head = AuditHead(entry.seq, entry.hash)
            yield entry


def anchored(listed: Iterable[StoredObject]) -> Mapping[int, str]:
    """Return the audit heads among listed objects.

    They map the number of an entry to its hash.
    """
    found = (
        stored.key.removeprefix(AUDIT_PREFIX) for stored in listed if stored.key.startswith(AUDIT_PREFIX)
    )
    parts = (name.partition("-") for name in found)
    return {int(seq): digest for seq, dash, digest in parts if dash and seq.isdecimal()}
