"""Placement of bytes under object keys; no key is chosen twice in a plan."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from reconciler.model.actual import Snapshot, StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.policy import TransferLimits
from reconciler.model.recorded import KeyRecord, KeyState, Recorded
from reconciler.model.values import nfc
from reconciler.planning.byte_sources import Match, compare
from reconciler.planning.object_keys import (
    arriving_key,
    extension_of,
    is_form_of,
    with_hash,
)

#: A key in one of these states may not be named by a row: gc may be deleting the object at this moment.
_BURNT = frozenset({KeyState.CONDEMNED})


class How(Enum):
    """Way in which the bytes come to be under the key."""

    KEPT = "kept"  # they are there, and this resource's row or record names them already
    REUSED = "reused"  # they are there, and nothing names them yet
    PUT = "put"  # they have to be stored
    ASIDE = "aside"  # they are under a key that another lecture's playback needs: copied to their own
    NOWHERE = "nowhere"  # nobody knows their hash, and they are not live under this key


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Placement of a slot's bytes under an object key.

    `verified` is false when the stored bytes have never been hashed.
    """

    key: str
    how: How
    media: MediaFile
    verified: bool = True


class Placer:
    """Chooses keys for one plan; never the same key twice."""

    def __init__(
        self,
        snapshot: Snapshot,
        recorded: Recorded,
        transfer: TransferLimits,
        named_elsewhere: Callable[[str], bool],
        *,
        rekey: bool = False,
    ) -> None:
        """Prepare to choose the keys of one plan.

        `named_elsewhere` returns whether any row names an NFC key. `rekey` limits keys to what the
        templates render.
        """
        self._rekey = rekey
        self._objects = snapshot.objects
        self._records = recorded.keys
        self._always_hash = recorded.identity is not None and recorded.identity.keys_lost
        self._transfer = transfer
        self._named_elsewhere = named_elsewhere
        self._chosen: set[str] = set()

    @cached_property
    def _idle(self) -> Mapping[str, list[str]]:
        return _idle_keys(self._records, self._objects)

    def keep(self, key: str, media: MediaFile) -> Placement | None:
        """Return the placement under the present key; None if it cannot be kept.

        The key is kept when it already holds those bytes, or when its object is missing and can be put
        back.
        """
        folded = nfc(key)
        record, stored = self._records.get(folded), self._objects.get(folded)
        if record is not None and record.state in _BURNT:
            return None
        if stored is not None:
            match = compare(stored, media, record)
            if match is Match.OTHER:
                return None
            self._chosen.add(folded)
            return Placement(key=key, how=How.KEPT, media=media, verified=match is Match.SAME)
        return self._put_back(key, media, record)

    def _put_back(self, key: str, media: MediaFile, record: KeyRecord | None) -> Placement | None:
        """Return a placement that puts a missing object back under its own key.

        Its own bytes are put back; otherwise None. Where two resources share the key, only one of them puts
        it back: the other gets a different key.
        """
        own = self._may_have_been(key, media) if record is None else record.sha256 in {None, media.sha256}
        if media.sha256 is None or not own or nfc(key) in self._chosen:
            return None
        self._chosen.add(nfc(key))
        return Placement(key=key, how=How.PUT, media=media)

    def _may_have_been(self, key: str, media: MediaFile) -> bool:
        """Return whether a key that only a row knows may get these bytes.

        It may not if another object has them already, or if the file has another extension than the key.
        """
        path = nfc(media.path)
        stands_elsewhere = path != nfc(key) and self._lies_free(path, media) and self._holds(path, media)
        return extension_of(key) == extension_of(media.path) and not stands_elsewhere

    def choose(self, wished: str, media: MediaFile, *, address: str, replaces: bool) -> Placement:
        """Choose a key for bytes that this slot of `address` does not hold yet.

        `wished` is the rendered key. It gets the hash when it is used, when anything else is under it, or
        when it replaces other bytes. A key that gc has deleted may be used again once nothing is under it.
        Bytes that are already in the bucket and named by nothing are used where they are: under a key that
        lies idle, the rendered one, or the one that the file's own path is.
        """
        idle = self._reuse(media, wished, address=address, replaces=replaces)
        if idle is not None:
            return self._chose(idle, How.REUSED, media)
        if media.sha256 is None:
            return Placement(key=wished, how=How.NOWHERE, media=media)
        if not (replaces or self._always_hash or self._taken(wished, media)):
            return self._chose(wished, How.PUT, media)
        return self._chose(
            with_hash(wished, media.sha256, lambda key: self._taken(key, media)), How.PUT, media
        )

    def aside(self, key: str, media: MediaFile, *, verified: bool) -> Placement:
        """Return the placement of bytes that leave their key to another."""
        name = media.sha256 or self._objects[nfc(key)].etag.replace("-", "")
        free = with_hash(arriving_key(key), name, lambda wished: self._taken(wished, media, intended=True))
        return replace(self._chose(free, How.ASIDE, media), verified=verified)

    def is_multipart(self, media: MediaFile) -> bool:
        """Return whether the file is too large for a single put."""
        return media.size_bytes > self._transfer.single_put_bytes

    def _chose(self, key: str, how: How, media: MediaFile) -> Placement:
        self._chosen.add(nfc(key))
        return Placement(key=key, how=how, media=media, verified=media.sha256 is not None)

    def _reuse(self, media: MediaFile, wished: str, *, address: str, replaces: bool) -> str | None:
        if self._rekey and self._is_own_copy(nfc(wished), media, address):
            return self._objects[nfc(wished)].key
        for key in self._waiting(media.sha256, wished, address):
            if replaces and key == nfc(wished) and self._records[key].state is KeyState.INTENDED:
                continue  # a playback copy of the bytes, by a run that did not commit
            if not self._claimed(key) and self._holds(key, media):
                return self._objects[key].key
        for key in (nfc(media.path),) if replaces else dict.fromkeys((nfc(wished), nfc(media.path))):
            if self._lies_free(key, media) and self._holds(key, media):
                return self._objects[key].key
        return None

    def _is_own_copy(self, key: str, media: MediaFile, address: str) -> bool:
        """Return whether a key is the resource's own playback copy of the bytes."""
        record = self._records.get(key)
        own = record is not None and record.state is KeyState.LIVE and record.address == address
        return own and key not in self._chosen and self._holds(key, media)

    def _lies_free(self, key: str, media: MediaFile) -> bool:
        """Return whether a row may name this key from now on without a conflict.

        Bytes of unknown hash exist nowhere else, so they may be shared, and taken back from what was
        retired.
        """
        if media.sha256 is None:
            record = self._records.get(key)
            return record is None or record.state not in _BURNT
        return key not in self._records and not self._claimed(key)

    def _waiting(self, sha256: str | None, wished: str, address: str) -> list[str]:
        """Return the idle keys of those bytes that this address may use.

        The most likely one comes first.

        Bytes that were put for another address, and not retired since, wait for that address: the keys of
        a plan that was reviewed before a crash are its keys after the crash.
        """
        if sha256 is None:
            return []
        free = [
            key
            for key in self._idle.get(sha256, ())
            if self._records[key].state is KeyState.RETIRED or self._records[key].address in {None, address}
        ]
        forms = [key for key in free if is_form_of(key, wished, sha256)]
        return forms if self._rekey else forms + [key for key in free if key not in forms]

    def _holds(self, key: str, media: MediaFile) -> bool:
        stored = self._objects.get(key)
        if stored is None:
            return False
        match = compare(stored, media, self._records.get(key))
        return match is Match.SAME or (match is Match.UNVERIFIED and media.sha256 is None)

    def _claimed(self, key: str) -> bool:
        return key in self._chosen or self._named_elsewhere(key)

    def _taken(self, key: str, media: MediaFile, *, intended: bool = False) -> bool:
        """Return whether `key` is not available for a put.

        It was once used for other bytes, it is used by something else, or it is occupied; with `intended`,
        not by what a run that did not commit has stored there of these very bytes.
        """
        folded = nfc(key)
        record = self._records.get(folded)
        again = record is not None and record.state is KeyState.INTENDED and record.sha256 == media.sha256
        mine = record is None or again or record.state is KeyState.DELETED
        occupied = folded in self._objects and not (intended and again)
        return not mine or occupied or self._claimed(folded)


def _idle_keys(
    records: Mapping[str, KeyRecord], objects: Mapping[str, StoredObject]
) -> Mapping[str, list[str]]:
    """Return the recorded keys that may be idle, by SHA-256.

    Their bytes are in the bucket. They were retired, or a run put them and did not reach its commit,
    or their row was deleted outside elmify.
    """
    idle: defaultdict[str, list[str]] = defaultdict(list)
    for key in sorted(records):
        record = records[key]
        waiting = record.state in {KeyState.RETIRED, KeyState.INTENDED, KeyState.LIVE}
        if waiting and record.sha256 is not None and key in objects:
            idle[record.sha256].append(key)
    return idle
