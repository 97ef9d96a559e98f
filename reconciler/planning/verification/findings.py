"""What verification returns: findings, the truth table, and what was counted on each side."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.model.address import EXACTLY
from reconciler.model.kinds import TABLES, Kind
from reconciler.planning.verification.conditions import Condition, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing in one named state.

    `what` is an address, `unmanaged.lectures[412]`, `unmanaged.object[<key>]`, or a word for what has
    neither. `remedy` says what to do: commands of elmify, each on a line of its own and indented by four
    spaces, or the question that a person has to answer. `repairs` are the addresses that a plan can safely
    name to mend it, each alone; empty when no plan can. `count` and `size_bytes` are of the objects it
    speaks of, where it speaks of several.
    """

    condition: Condition
    what: str
    detail: str
    remedy: str = ""
    repairs: tuple[str, ...] = ()
    key: str | None = None
    row: int | None = None
    count: int = 1
    size_bytes: int = 0

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.condition.severity


#: Whether the catalog, the bucket and the database have a thing, in this order.
Presence = tuple[bool, bool, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """How much there is on each side: resources and rows by kind, objects and their bytes."""

    declared: Mapping[Kind, int]
    rows: Mapping[Kind, int]
    objects: int
    object_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How much was downloaded and hashed; `part` is the sample, such as `1/30`, None when it was all."""

    objects: int
    size_bytes: int
    part: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is true and what is not.

    `findings` are ordered: the worst first, then by condition, then by name. `truth` counts files (audio and
    images) by presence; all eight combinations are there. `ignored` are findings that elmify.yaml lets be,
    which count as nothing wrong. `depth` is None when nothing was hashed. `adopted` says whether any
    resource is managed yet.
    """

    environment: str
    made_at: datetime
    findings: tuple[Finding, ...]
    truth: Mapping[Presence, int]
    sides: Sides
    ignored: tuple[Finding, ...] = ()
    depth: Depth | None = None
    adopted: bool = True
    counts: Mapping[Severity, int] = field(init=False)

    def __post_init__(self) -> None:
        counts = dict.fromkeys(Severity, 0)
        for finding in self.findings:
            counts[finding.severity] += 1
        object.__setattr__(self, "counts", counts)

    @property
    def wrong(self) -> int:
        """Return how many findings are errors or warnings."""
        return self.counts[Severity.ERROR] + self.counts[Severity.WARNING]


_RANK = {severity: rank for rank, severity in enumerate(Severity)}
_PLACE = {condition: place for place, condition in enumerate(Condition)}


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by severity, then as listeners notice them, then by what they are about."""
    return tuple(sorted(findings, key=lambda f: (_RANK[f.severity], _PLACE[f.condition], f.what, f.detail)))


def row_address(kind: Kind, row: int) -> str:
    """Return what a row that nobody declared is called."""
    return f"unmanaged.{TABLES[kind].name}[{row}]"


def object_address(key: str) -> str:
    """Return what an object that nobody declared is called."""
    return f"unmanaged.object[{key}]"


def command(*words: str) -> str:
    """Return a command on a line of its own, as a shell takes it."""
    return f"    elmify {shlex.join(words)}"


def apply_alone(address: str, *options: str) -> str:
    """Return the command that applies one address and nothing under it."""
    return command("apply", *options, "--only", f"{EXACTLY}{address}")
