"""Presigned links: short-lived links to the new files of a plan.

They lead to pictures and sound, for the person who reviews the plan.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from reconciler.model.plan import Change, Plan, PutOrigin, State
from reconciler.model.ports import ObjectStore
from reconciler.model.staging import Staging


def links_of(
    plan: Plan, objects: ObjectStore, staging: Staging | None, lasts: timedelta
) -> Mapping[str, str]:
    """Return a link by key for each object that a change brings.

    Only objects whose bytes are already in a bucket have a link. Anyone with a link can get the
    object for that long, so the links belong on the page alone, never in a log. Bytes that are only
    on somebody's disk have no link, and a store that makes no links gives none. No request is made.
    """
    found = ((key, store.presign(where, lasts)) for key, store, where in _places(plan, objects, staging))
    return {key: link for key, link in found if link is not None}


def _places(
    plan: Plan, objects: ObjectStore, staging: Staging | None
) -> Iterator[tuple[str, ObjectStore, str]]:
    """Yield each key that is new to a resource, with its present location.

    The location is the store and the key that hold its bytes now.
    """
    for change in plan.changes:
        puts = {put.key: put for put in change.puts}
        for key in _new_keys(change):
            put = puts.get(key)
            if put is None:
                yield key, objects, key
            elif put.origin is PutOrigin.COPY and put.copied_from is not None:
                yield key, objects, put.copied_from
            elif put.origin is PutOrigin.STAGED and staging is not None:
                yield key, staging.store, staging.key_of(put.sha256)


def _new_keys(change: Change) -> list[str]:
    if change.after is None:
        return []
    before = change.before or State(values={})
    return [found.key for slot, found in change.after.objects.items() if before.objects.get(slot) != found]
