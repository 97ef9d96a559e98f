"""Ports: the protocols between elmify and the outside world.

Their docstrings are the contract. Every implementation of a protocol passes the same contract
suite. Failures are `ProviderError`s; a provider has already retried a transient one, with
backoff, before it raises it.
"""

from reconciler.model.ports.cdn import Cdn
from reconciler.model.ports.database import (
    MOST_COUNTED,
    Captured,
    CommitUnknown,
    Database,
    DatabaseFacts,
    Dependents,
    Edit,
    Library,
    LibraryReader,
    NewRow,
    PositionsPastEnd,
    ReadSession,
    UnitOfWork,
)
from reconciler.model.ports.objects import (
    Capabilities,
    Copy,
    MediaFiles,
    ObjectFacts,
    ObjectStore,
    UnfinishedUpload,
    Upload,
    ignore_bytes,
)
from reconciler.model.ports.observing import SILENT, Meter, Observer, Silence
from reconciler.model.ports.records import Records, RecordsReader

__all__ = [
    "MOST_COUNTED",
    "SILENT",
    "Capabilities",
    "Captured",
    "Cdn",
    "CommitUnknown",
    "Copy",
    "Database",
    "DatabaseFacts",
    "Dependents",
    "Edit",
    "Library",
    "LibraryReader",
    "MediaFiles",
    "Meter",
    "NewRow",
    "ObjectFacts",
    "ObjectStore",
    "Observer",
    "PositionsPastEnd",
    "ReadSession",
    "Records",
    "RecordsReader",
    "Silence",
    "UnfinishedUpload",
    "UnitOfWork",
    "Upload",
    "ignore_bytes",
]
