"""Clearing what no row ever named: staged copies that had their time, uploads that nobody goes on with."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from reconciler.applying.tenure import Tenure
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Denied, ProviderError
from reconciler.model.ports import Database, ObjectStore, Observer, UnfinishedUpload
from reconciler.model.recorded import KeyRecord
from reconciler.model.staging import Staging
from reconciler.planning.leftovers import is_given_up, is_ours, wanted_hashes
