"""Staging of bytes before a merge, never where the public can read."""

import hashlib
import io
import uuid
from collections.abc import Sequence

from reconciler.applying.refresh import make_plan, read_bucket, read_staging
from reconciler.applying.stage import Stager
from reconciler.applying.workspace import Workspace
from reconciler.model.catalog import MediaFile, media_by_path
from reconciler.model.errors import ElmifyError, UsageError
from reconciler.model.policy import PROBE_PREFIX
from reconciler.model.ports import Upload
from reconciler.model.staging import Located
from reconciler.model.values import nfc
from reconciler.planning.byte_sources import Origins, origins_in
from reconciler.planning.world import Request

_REMEDY = (
    "Set R2_STAGING_BUCKET to a private bucket of the same account. Or keep `.elmify/` off the public\n"
    "domain, and say so in elmify.yaml:\n    staging: {prefix_is_private: true}"
)


def stage(workspace: Workspace, *, by_lockfile: bool) -> Sequence[Located]:
    """Stage the bytes that the library lacks.

    Return where the bytes of each line are afterwards. The current plan decides which lines count;
    with `by_lockfile`, which needs no database, every line counts: somewhat more than a plan would
    need. Raises before the first put where the public can read what is staged.
    """
    stager, lines = _prepared(workspace, by_lockfile=by_lockfile)
    _refuse_public(workspace)
    return stager.stage(lines)


def check_staged(workspace: Workspace, *, by_lockfile: bool) -> Sequence[Located]:
    """Return where the bytes of each line are.

    Lines and `by_lockfile` are as for `stage`. Writes nothing.
    """
    stager, lines = _prepared(workspace, by_lockfile=by_lockfile)
    return stager.locate(lines)


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


def _prepared(workspace: Workspace, *, by_lockfile: bool) -> tuple[Stager, Sequence[MediaFile]]:
    lines, origins = _by_lockfile(workspace) if by_lockfile else _by_plan(workspace)
    stager = Stager(
        staging=workspace.staging,
        media=workspace.media,
        limits=workspace.policy.transfer,
        origins=origins,
        observer=workspace.observer,
        cancel=workspace.cancel,
    )
    return stager, lines


def _by_lockfile(workspace: Workspace) -> tuple[Sequence[MediaFile], Origins]:
    listed = read_bucket(workspace.objects, workspace.cancel)
    staging = workspace.staging
    staged = read_staging(staging, workspace.cancel) if staging.separate else listed.staged
    return tuple(workspace.load_catalog().media.values()), Origins(listed.objects, staged, {})


def _by_plan(workspace: Workspace) -> tuple[Sequence[MediaFile], Origins]:
    made, world = make_plan(workspace, Request())
    lines = media_by_path(world.catalog)
    puts = [put for change in made.changes for put in change.puts]
    return [lines[nfc(put.path)] for put in puts], origins_in(world)


def _refuse_public(workspace: Workspace) -> None:
    """Refuse to stage where the public can read.

    These bytes have not been reviewed yet.
    """
    base_url = workspace.policy.layout.base_url
    if workspace.staging.separate or base_url is None or workspace.is_public is None:
        return
    if not workspace.policy.own_prefix_is_private:
        raise UsageError(
            "the library's bucket is public, and nothing says that `.elmify/` is not", hint=_REMEDY
        )
    if own_prefix_is_public(workspace, base_url):
        raise ElmifyError(
            f"everybody can read {base_url}/.elmify/, so nothing was staged",
            code="staging-public",
            hint=_REMEDY,
        )
