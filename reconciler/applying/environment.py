"""T0: bucket and database agree, once, that they belong together."""

import hashlib
import io
import json
import uuid
from collections.abc import Sequence
from contextlib import suppress

from reconciler.applying.refresh import MARKER_KEY, check_identity, read_marker
from reconciler.model.errors import ObjectExists
from reconciler.model.history import Actor, AuditFact
from reconciler.model.policy import AUDIT_PREFIX, FORMER_AUDIT_PREFIX
from reconciler.model.ports import Database, ObjectStore, Upload
from reconciler.model.recorded import Identity, IdentityState


def establish(database: Database, objects: ObjectStore, environment: str) -> Identity:
    """Create schema `elmify` and the identity where absent; confirm it.

    Returns the confirmed identity.

    The row is committed as *pending*, then the marker is put where there is none, then the row is
    *confirmed*: a run killed at any point in between resumes here. Raises `IdentityMismatch` when the
    bucket carries another identity, or has lost the one that was confirmed.
    """
    marker = read_marker(objects)
    with database.read() as session:
        check_identity(session.records.load_identity(), marker, environment)
    with database.write() as work:
        identity = work.records.install(environment, str(uuid.uuid4()))
    if identity.state is IdentityState.CONFIRMED:
        return identity
    if marker is None:
        _put_marker(objects, identity)
    check_identity(identity, read_marker(objects), environment)
    with database.write() as work:
        work.records.confirm_identity()
    return identity


def rebind(database: Database, objects: ObjectStore, environment: str, actor: Actor) -> Identity:
    """Bind this bucket to this database's identity.

    The identity that the bucket carried before does not matter.

    Without records a new identity is made; every new key then gets a hash, because it is no longer
    known which keys were ever used. Audit heads of another log that the bucket keeps are moved to
    `FORMER_AUDIT_PREFIX`. They stay in the bucket, so that someone who can only write to the database
    cannot invalidate them.
    """
    marker = read_marker_or_nothing(objects)
    with database.write() as work:
        known = work.records.load_identity()
        identity = work.records.install(environment, str(uuid.uuid4()))
        anothers = known is None or marker not in {None, identity.id}
        heads = [stored.key for stored in objects.list(AUDIT_PREFIX)] if anothers else []
        work.records.confirm_identity(keys_lost=known is None and (marker is not None or bool(heads)))
        detail = {"was": marker, "is": identity.id, "environment": environment, "heads_set_aside": len(heads)}
        work.records.append_audit(None, actor, [AuditFact(event="rebind", detail=detail)])
        _set_aside(objects, heads, marker or "unknown")  # before the commit: cut short, it is begun again
    if marker != identity.id:
        objects.delete(MARKER_KEY)
        _put_marker(objects, identity)
    return identity


def _set_aside(objects: ObjectStore, heads: Sequence[str], owner: str) -> None:
    for key in heads:
        former = f"{FORMER_AUDIT_PREFIX}{owner}/{key.removeprefix(AUDIT_PREFIX)}"
        with suppress(ObjectExists):
            put_small(objects, former, objects.read(key), "text/plain")
        objects.delete(key)


def read_marker_or_nothing(objects: ObjectStore) -> str | None:
    """Return the identity that the bucket carries, if it can be read.

    None if there is no marker, and also if the marker cannot be read.
    """
    from reconciler.model.errors import IdentityMismatch

    try:
        return read_marker(objects)
    except IdentityMismatch:
        return None


def _put_marker(objects: ObjectStore, identity: Identity) -> None:
    marker = {"id": identity.id, "environment": identity.environment, "written_by": "elmify"}
    try:
        put_small(objects, MARKER_KEY, json.dumps(marker, indent=2).encode() + b"\n", "application/json")
    except ObjectExists:
        return  # another first run was quicker; the caller reads what it says


def put_small(objects: ObjectStore, key: str, content: bytes, media_type: str) -> None:
    """Store a few bytes under a free key.

    Raises `ObjectExists` when the key is not free.
    """
    objects.put(
        Upload(
            key=key,
            body=io.BytesIO(content),
            size_bytes=len(content),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            media_type=media_type,
            cache_control="private, no-store",
        )
    )
