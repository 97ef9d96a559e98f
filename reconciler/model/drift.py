"""Drift: changes made outside elmify since the last apply."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from reconciler.model.history import Run
from reconciler.model.kinds import Kind
from reconciler.model.values import Value, digest

_ID_DIGITS = 12  # hex: a collision among 10,000 findings is a chance in millions


class DriftKind(StrEnum):
    """Kind of change to a row or an object."""

    ROW_MISSING = "row-missing"
    ROW_REPLACED = "row-replaced"  # the recorded row is not it any more; one with another id looks like it
    ROW_REMADE = "row-remade"  # deleted, and inserted again under the id that it had
    ROW_EDITED = "row-edited"
    ROW_NEW = "row-new"
    WAY_BROKEN = "way-broken"  # the lecture no longer plays by a way of the apps, for rows were edited
    OBJECT_MISSING = "object-missing"
    OBJECT_REPLACED = "object-replaced"
    COPY_LOST = "copy-lost"  # a playback copy is gone, or holds other bytes
    OBJECT_NEW = "object-new"


@dataclass(frozen=True, kw_only=True)
class DriftFinding:
    """One thing that is not as the last apply left it.

    `address` is a resource's, or `unmanaged.lectures[980]`, `unmanaged.object[<key>]` for what no resource
    has. `attribute` is a column, a slot, `row` or `object`. `row` is where it was found, by id. `also` counts
    further resources that name the same object.
    """

    what: DriftKind
    address: str
    attribute: str
    recorded: Value = None
    actual: Value = None
    kind: Kind | None = None
    row: int | None = None
    also: int = 0

    @cached_property
    def finding_id(self) -> str:
        """Short hash of the finding.

        The same difference found again has the same hash.
        """
        return _short_digest([self.what, self.address, self.attribute, self.recorded, self.actual])


@dataclass(frozen=True, kw_only=True)
class Reimport:
    """Table whose rows were deleted and imported again.

    This is one event, however many rows it touched. `found` maps each address that was found again to
    its row id now; `kept_ids` of them have the id that they had. `missing` are the addresses that were
    not imported again. `edited` counts the values that differ from the recorded ones, `undeclared` the
    rows that match no record, `recorded` the resources of that kind that elmify knows.
    """

    kind: Kind
    found: Mapping[str, int]
    missing: tuple[str, ...]
    edited: int
    undeclared: int
    recorded: int
    kept_ids: int = 0

    @cached_property
    def finding_id(self) -> str:
        """A short hash of the event: the next wipe has another one."""
        return _short_digest(["reimport", self.kind, sorted(self.found.items()), sorted(self.missing)])


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """Drift: all changes that were made outside elmify.

    `since` is the last run that committed, None before the first. `findings` are sorted by what
    happened, then by address; what belongs to a reimport is not among them. `ignored` counts the
    differences that elmify.yaml ignores; they are not among the findings either. `users_lost` says by
    table how many rows of users there are fewer than at the last apply, where rows of content were lost or
    none of the users' is left: what users delete themselves is no drift.
    """

    environment: str
    taken_at: datetime
    since: Run | None
    findings: tuple[DriftFinding, ...] = ()
    reimports: tuple[Reimport, ...] = ()
    ignored: int = 0
    users_lost: Mapping[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Return whether both stores are as the last apply left them."""
        return not (self.findings or self.reimports or self.users_lost)

    @property
    def count(self) -> int:
        """Number of findings that a person has to look at.

        Tables that were reimported together count as one. Rows of users that were lost count where
        nothing else says why.
        """
        return len(self.findings) + bool(self.reimports) or int(bool(self.users_lost))

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of everything in the report."""
        findings = frozenset(finding.finding_id for finding in self.findings)
        lost = frozenset({self.users_lost_id} if self.users_lost else ())
        return findings | {event.finding_id for event in self.reimports} | lost

    @property
    def users_lost_id(self) -> str:
        """A short hash of the tables that lost rows of users.

        How many rows that is changes from day to day.
        """
        return _short_digest(["users-lost", sorted(self.users_lost)])

    def without(self, known: Iterable[str]) -> "DriftReport":
        """Return the report without what has one of those ids."""
        left_out = frozenset(known)
        return DriftReport(
            environment=self.environment,
            taken_at=self.taken_at,
            since=self.since,
            findings=tuple(each for each in self.findings if each.finding_id not in left_out),
            reimports=tuple(each for each in self.reimports if each.finding_id not in left_out),
            ignored=self.ignored,
            users_lost={} if self.users_lost_id in left_out else self.users_lost,
        )

    def addresses(self) -> tuple[str, ...]:
        """Return the addresses that can be adopted, sorted.

        These are the declared addresses whose row was edited.
        """
        edited = {DriftKind.ROW_EDITED, DriftKind.ROW_REPLACED, DriftKind.OBJECT_REPLACED}
        return tuple(sorted({each.address for each in self.findings if each.what in edited}))


def _short_digest(parts: list[object]) -> str:
    return digest(parts)[:_ID_DIGITS]
