"""Public access to elmify's own prefix of the bucket."""

import hashlib
import io
import uuid

from reconciler.applying.workspace import Workspace
from reconciler.model.policy import PROBE_PREFIX
from reconciler.model.ports import Upload


def own_prefix_is_public(workspace: Workspace, base_url: str) -> bool | None:
    """Return whether elmify's own prefix is public.

    Puts one small object under the prefix, requests it as a listener would, and deletes it. None when
    no server answers at the base URL.
    """
    if workspace.is_public is None:
        return False
    upload = probe(f"{PROBE_PREFIX}{uuid.uuid4()}")
    workspace.objects.put(upload)
    try:
        return workspace.is_public(base_url, upload.key)
    finally:
        workspace.objects.delete(upload.key)


def probe(key: str) -> Upload:
    """Return the small object that is put to try out the rights.

    Its bytes say which program put it.
    """
    content = f"probe of elmify, {key}\n".encode()
    return Upload(
        key=key,
        body=io.BytesIO(content),
        size_bytes=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        media_type="text/plain",
        cache_control="private, no-store",
    )
