"""Workspace: the handles that an operation works with."""

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.applying.observer_guard import guarded
from reconciler.concurrency import NEVER_CANCELLED, CancellationToken
from reconciler.model.catalog import Catalog
from reconciler.model.history import Actor
from reconciler.model.policy import Policy
from reconciler.model.ports import Database, MediaFiles, ObjectStore, Observer
from reconciler.model.staging import Staging

#: Says whether the public URL (base URL, key) gives an object to anybody; None when no server answers there.
IsPublic = Callable[[str, str], bool | None]


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Policy, both stores, media, the actor, the catalog, and the observer of the work.

    `staging` keeps bytes that wait for a merge: a bucket of its own, or a prefix of `objects`.
    `load_catalog` reads the catalog once, however often it is called; it raises `InvalidInput` with every
    mistake. `is_public` asks the public domain for a key; None where the bucket is served to nobody. Safe to
    use from several threads, as each of the handles is.

    What `observer` raises is logged once and changes nothing. Once `cancel` is cancelled, every operation
    stops at its next item with `Interrupted`; what is committed by then stands (`Unfinished`).
    """

    policy: Policy
    objects: ObjectStore
    database: Database
    media: MediaFiles
    staging: Staging
    actor: Actor
    load_catalog: Callable[[], Catalog]
    observer: Observer
    cancel: CancellationToken = NEVER_CANCELLED
    is_public: IsPublic | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "observer", guarded(self.observer))
