"""Both stores as they were at one moment, and the moments of a first day."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Plan
from reconciler.model.ports import ObjectStore
from reconciler.model.values import nfc
from tests.listener.cdn import object_bytes
from tests.listener.urls import Row, Way, request_target, url_of
from tests.live.project import LiveProject
from tests.live.system import (
    Dump,
    Listing,
    dump_backend,
    dump_bucket,
    dump_content,
    dump_database,
    dump_users,
)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Both stores as they were at one moment."""

    database: Dump
    users: Dump
    content: Mapping[str, Mapping[int, Mapping[str, Any]]]
    backend: Mapping[int, Mapping[str, Any]]
    bucket: Listing


def look(project: LiveProject) -> Seen:
    """Look at both stores from outside."""
    return Seen(
        database=dump_database(project.url),
        users=dump_users(project.url),
        content=dump_content(project.url),
        backend=dump_backend(project.url),
        bucket=dump_bucket(project.bucket),
    )


@dataclass(frozen=True, kw_only=True)
class FirstDay:
    """The first plan and the first apply: the stores before, between and after them, and the next plan."""

    project: LiveProject
    found: Seen
    plan: Plan
    planned: Seen
    outcome: Outcome
    applied: Seen
    next_plan: Plan
    recorded: Mapping[str, int]


def stream_keys(seen: Seen) -> dict[int, str]:
    """Return the key that reaches the CDN when an app asks for the stream of each lecture."""
    speakers, collections = seen.content["speakers"], seen.content["collections"]
    keys = {}
    for id_, row in seen.content["lectures"].items():
        known = Row(
            id=id_,
            title=row["title"],
            number=row["lecture_number"],
            file_path=row["file_path"],
            speaker=speakers[row["speaker_id"]]["name"] if row["speaker_id"] else None,
            collection=collections[row["collection_id"]]["title"] if row["collection_id"] else None,
        )
        target = request_target(url_of(known, Way.STREAM) or "")
        keys[id_] = nfc(unquote(target.partition("?")[0]).removeprefix("/"))
    return keys


def same_recordings(bucket: ObjectStore, seen: Seen, keys: Mapping[int, str]) -> bool:
    """Return whether each key holds the bytes under the `file_path` of its lecture row."""
    rows = seen.content["lectures"]
    found = [
        (object_bytes(bucket, key), object_bytes(bucket, rows[row]["file_path"])) for row, key in keys.items()
    ]
    return all(copy and own and copy[1] == own[1] for copy, own in found)
