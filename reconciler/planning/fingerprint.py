"""Fingerprints of what was reviewed: hashes of a change and of a plan."""

from collections.abc import Iterable, Mapping

from reconciler.model.plan import ObjectState, State
from reconciler.model.playback import PlaybackCopy
from reconciler.model.values import digest, nfc


def change_id(
    environment: str,
    address: str,
    action: str,
    previous_address: str | None,
    before: State | None,
    after: State | None,
    copies: Iterable[PlaybackCopy] = (),
) -> str:
    """Return the id of a change: 64 hex digits.

    The same change has the same id in any plan.

    For an object, the id covers the key (by NFC), the SHA-256 and the size; for a value that the
    store makes at the commit, the address that it will come from; for a playback copy, the bytes that it
    is made of and those that it replaces. Times, counts of user rows, reasons
    and positions are left out.
    """
    parts = [environment, address, action, previous_address, _state(before), _state(after)]
    made = [
        [copy.step, nfc(copy.key), nfc(copy.source), copy.sha256 or copy.source_etag, copy.replaces]
        for copy in copies
    ]
    return digest([*parts, made] if made else parts)


def fingerprint(
    change_ids: Iterable[str],
    scope: Iterable[str],
    allowances: Mapping[str, int],
    options: Iterable[str] = (),
    *,
    rolls_back: int | None = None,
    merges: tuple[str, str] | None = None,
) -> str:
    """Return the hash of a plan, which a reviewer approves.

    The order of ids, globs and options is irrelevant.

    An option counts as the flag it was given by, together with the globs of the scope; so does the
    run that is rolled back, and the pair of lectures that is merged.
    """
    purposes = [f"--rollback={rolls_back}"] if rolls_back is not None else []
    purposes += [f"--merge={' '.join(merges)}"] if merges is not None else []
    asked = [*scope, *(f"--{option}" for option in options), *purposes]
    return digest({"changes": sorted(change_ids), "scope": sorted(asked), "allowances": dict(allowances)})


def _state(state: State | None) -> object:
    if state is None:
        return None
    return {
        "values": dict(state.values),
        "objects": {slot.value: _object(found) for slot, found in state.objects.items()},
        "pending": dict(state.pending),
    }


def _object(state: ObjectState) -> list[str | int | None]:
    return [nfc(state.key), state.sha256, state.size_bytes]
