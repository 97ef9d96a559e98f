"""Workspace: the handles that an operation works with."""

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.applying.observer_guard import guarded
from reconciler.concurrency import NEVER_CANCELLED, CancellationToken
from reconciler.model.catalog import Catalog
from reconciler.model.explanation import PublicAnswer
from reconciler.model.history import Actor
from reconciler.model.plan import Stores
from reconciler.model.policy import Policy
from reconciler.model.ports import Cdn, Database, MediaFiles, ObjectStore, Observer
from reconciler.model.staging import Staging

#: Says whether the public URL (base URL, key) gives an object to anybody; None when no server answers there.
IsPublic = Callable[[str, str], bool | None]

#: Asks a public URL as an app does, and says what came back.
AskPublic = Callable[[str], PublicAnswer]


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Workspace of an operation: policy, stores, media, catalog, observer.

    It holds the policy, both stores, the media, the actor, the catalog, and the observer of the work.

    `stores` names both stores in plans. `staging` keeps bytes that wait for a merge: a separate bucket,
    or a prefix of `objects`.
    `load_catalog` reads the catalog once, no matter how often it is called; it raises `InvalidInput`
    with every mistake. `is_public` asks the public domain for a key; it is None when the bucket is
    not served publicly. `cdn` is the CDN in front of the bucket; it is None when nobody named it.
    Safe to use from several threads, as each of the handles is.

    What `observer` raises is logged once and changes nothing. Once `cancel` is cancelled, every
    operation stops at its next item with `Interrupted`; what is already committed remains committed
    (`Unfinished`).
    """

    policy: Policy
    stores: Stores
    objects: ObjectStore
    database: Database
    media: MediaFiles
    staging: Staging
    actor: Actor
    load_catalog: Callable[[], Catalog]
    observer: Observer
    cancel: CancellationToken = NEVER_CANCELLED
    is_public: IsPublic | None = None
    ask_public: AskPublic | None = None
    cdn: Cdn | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "observer", guarded(self.observer))
