"""Which bucket keeps the bytes that wait for their merge."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from reconciler.settings.source import Source
from reconciler.settings.values import DirectoryBucket, RemoteBucket, Secret
from reconciler.text.codes import Mistake

_BUCKET = "R2_STAGING_BUCKET"
_KEY_ID = "R2_STAGING_ACCESS_KEY_ID"
_KEY = "R2_STAGING_SECRET_ACCESS_KEY"

STAGING_VARIABLES = (_BUCKET, _KEY_ID, _KEY)

Bucket = DirectoryBucket | RemoteBucket


def read_staging(source: Source, environ: Mapping[str, str], root: Path, objects: Bucket) -> Bucket | None:
    """Return the staging bucket, of the same provider and account as the library's; None without one.

    Its own key, where the variables name one, is used for all but the copies into the library's bucket.
    """
    section = source.section("staging")
    name = environ.get(_BUCKET) or section.get("bucket")
    match objects:
        case DirectoryBucket():
            folder = section.get("directory")
            return DirectoryBucket(path=root / folder) if folder else None
        case RemoteBucket() if not name:
            return None
        case RemoteBucket(bucket=library):
            if name == library:
                detail = f"`{name}` is the bucket of the library itself."
                hint = "Name another one: the library's bucket is public, and what is staged is not reviewed."
                source.report(Mistake.BAD_VARIABLE, ("staging", "bucket"), detail, hint)
            return _with_own_key(replace(objects, bucket=str(name)), source, environ)


def _with_own_key(bucket: RemoteBucket, source: Source, environ: Mapping[str, str]) -> RemoteBucket:
    key_id, key = environ.get(_KEY_ID), environ.get(_KEY)
    if key_id and key:
        return replace(bucket, access_key_id=key_id, secret_access_key=Secret(key))
    if key_id or key:
        detail = f"For the staging bucket, {_KEY if key_id else _KEY_ID} is missing."
        source.report(Mistake.HALF_SET_STORE, ("staging",), detail)
    return bucket
