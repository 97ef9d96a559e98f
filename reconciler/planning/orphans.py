"""Orphaned uploads: ownership and expiry rules.

These are what runs left behind and no commit took up.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from reconciler.model.policy import OWN_PREFIX
from reconciler.model.ports import UnfinishedUpload
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.staging import Staging
from reconciler.model.values import nfc

#: An upload that nobody has gone on with for this long is given up; the store itself waits for seven days.
UNFINISHED_KEPT = timedelta(hours=24)

#: A key in one of these states was put by elmify alone, if by anybody.
_OURS = frozenset({KeyState.INTENDED, KeyState.CONDEMNED, KeyState.DELETED})


def is_ours(upload: UnfinishedUpload, staging: Staging, keys: Mapping[str, KeyRecord]) -> bool:
    """Return whether elmify began an upload.

    Such an upload goes to a key that a run intended, or to a staged copy.

    `keys` are the recorded keys by NFC. In a separate staging bucket, the key of an upload is looked
    at only as the key of a staged copy.
    """
    if upload.key.startswith(OWN_PREFIX) or staging.hash_in(upload.key) is not None:
        return True
    record = keys.get(nfc(upload.key))
    return record is not None and record.state in _OURS


def is_given_up(upload: UnfinishedUpload, now: datetime) -> bool:
    """Return whether an upload is abandoned.

    It was begun so long ago that no run continues it.
    """
    return upload.begun_at < now - UNFINISHED_KEPT


def wanted_hashes(keys: Mapping[str, KeyRecord]) -> frozenset[str]:
    """Return the hashes of bytes that a run meant to put but did not commit.

    The next run may need these bytes.
    """
    intended = (record for record in keys.values() if record.state is KeyState.INTENDED)
    return frozenset(record.sha256 for record in intended if record.sha256 is not None)
