"""Identity: the environment of bucket and database, shown and repaired."""

from dataclasses import dataclass

from reconciler.applying import environment
from reconciler.applying.refresh import read_marker
from reconciler.applying.workspace import Workspace
from reconciler.model.errors import IdentityMismatch
from reconciler.model.recorded import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreIdentities:
    """Identity by source: the database's records and the bucket's marker.

    `marker` is None when the bucket carries none, or one that is not readable: then `trouble` says
    why.
    """

    recorded: Identity | None
    marker: str | None
    trouble: IdentityMismatch | None = None


def read_identities(workspace: Workspace) -> StoreIdentities:
    """Return which environment each store says it belongs to."""
    marker, trouble = None, None
    try:
        marker = read_marker(workspace.objects)
    except IdentityMismatch as unreadable:
        trouble = unreadable
    with workspace.database.read() as session:
        recorded = session.records.load_identity()
    return StoreIdentities(recorded=recorded, marker=marker, trouble=trouble)


def rebind(workspace: Workspace) -> None:
    """Pair this bucket with this database, whatever they were before.

    The audit log keeps who did it.
    """
    environment.rebind(workspace.database, workspace.objects, workspace.policy.environment, workspace.actor)
