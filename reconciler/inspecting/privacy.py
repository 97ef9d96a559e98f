"""Whether the public can read elmify's own prefix of the bucket."""

import hashlib
import io
import uuid
from collections.abc import Callable

from reconciler.model.policy import PROBE_PREFIX
from reconciler.model.ports import ObjectStore, Upload

#: Says whether the public URL of a key gives its bytes to anybody; None when nobody answers there.
IsPublic = Callable[[str, str], bool | None]


def own_prefix_is_public(objects: ObjectStore, base_url: str, is_public: IsPublic) -> bool | None:
    """Put one small object under elmify's own prefix, ask for it as a listener would, and delete it."""
    upload = probe(f"{PROBE_PREFIX}{uuid.uuid4()}")
    objects.put(upload)
    try:
        return is_public(base_url, upload.key)
    finally:
        objects.delete(upload.key)


def probe(key: str) -> Upload:
    """Return the small object that is put to try what may be done; its bytes say whose it is."""
    content = f"elmify doctor, {key}\n".encode()
    return Upload(
        key=key,
        body=io.BytesIO(content),
        size_bytes=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        media_type="text/plain",
        cache_control="private, no-store",
    )
