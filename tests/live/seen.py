"""Both stores as they were at one moment, and the moments of a first day."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Plan
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
