"""Findings of a verification: conditions, severity, counts and remedies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum

from reconciler.model.address import EXACTLY
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.playback import WayCount
from reconciler.model.remedies import Apply, Remedy


class ConditionSeverity(StrEnum):
    """Severity of a condition: error, warning or info.

    Errors and warnings are wrong (exit 2); an info is worth knowing and is not wrong.
    """

    ERROR = "error"  # a listener meets it, or elmify's own records cannot be believed
    WARNING = "warning"  # the three disagree, and nothing is broken yet
    INFO = "info"


class Condition(Enum):
    """Condition of a finding: its code, its severity and a heading.

    The heading contains no names that the user chose. Within a severity, conditions are reported in
    the order in which they are defined.
    """

    ROW_WITHOUT_OBJECT = (
        "row-without-object",
        ConditionSeverity.ERROR,
        "row without object: playback is broken",
    )
    EMPTY_AUDIO = (
        "empty-audio",
        ConditionSeverity.ERROR,
        "audio object of zero bytes: playback is broken",
    )
    ENTRY_WITHOUT_ROW = ("entry-without-row", ConditionSeverity.ERROR, "catalog entry without row")
    OTHER_BYTES = ("other-bytes", ConditionSeverity.ERROR, "object with other bytes than the catalog means")
    WRONG_LECTURE = (
        "wrong-lecture",
        ConditionSeverity.ERROR,
        "row pointing at the object of another resource",
    )
    WAY_BROKEN = ("way-broken", ConditionSeverity.ERROR, "lecture that a way of the apps does not play")
    WAY_PLAYS_ANOTHER = (
        "way-plays-another",
        ConditionSeverity.ERROR,
        "lecture for which a way of the apps plays another recording",
    )
    BROKEN_AUDIT = ("broken-audit-chain", ConditionSeverity.ERROR, "broken audit chain")
    QUESTION = ("question", ConditionSeverity.ERROR, "only a person can say what is meant")
    DUPLICATE_ROWS = ("duplicate-rows", ConditionSeverity.WARNING, "duplicate rows for one file")
    ORPHAN = ("object-without-row", ConditionSeverity.WARNING, "object without row")
    UNDECLARED_ROW = ("row-without-catalog", ConditionSeverity.WARNING, "row without catalog entry")
    UNDECLARED_WAY = (
        "undeclared-way-broken",
        ConditionSeverity.WARNING,
        "undeclared lecture that a way of the apps does not play",
    )
    WRONG_FACTS = (
        "wrong-facts",
        ConditionSeverity.WARNING,
        "wrong size, hash or other fact of the file in the row",
    )
    WRONG_URL = ("wrong-url", ConditionSeverity.WARNING, "wrong URL column")
    MISSING_IMAGE = ("missing-image", ConditionSeverity.WARNING, "missing image")
    WRONG_TYPE = ("wrong-content-type", ConditionSeverity.WARNING, "wrong content type")
    TWINS = (
        "spelling-twins",
        ConditionSeverity.WARNING,
        "two objects whose keys differ by their spelling alone",
    )
    OTHER_VALUES = ("other-values", ConditionSeverity.WARNING, "row saying otherwise than the catalog")
    COPY_PENDING = (
        "playback-copy-pending",
        ConditionSeverity.INFO,
        "committed, and the playback copy is not replaced yet",
    )
    PENDING = ("pending", ConditionSeverity.INFO, "declared and not applied yet")
    ADOPTION_PENDING = ("adoption-pending", ConditionSeverity.INFO, "found, and not adopted yet")
    UNHASHED = ("unhashed", ConditionSeverity.INFO, "live, and hashed by nobody yet")
    UNDER_WAY = ("under-way", ConditionSeverity.INFO, "being stored by a run that is under way")
    RETIRED = ("retired", ConditionSeverity.INFO, "retired, waiting for gc")
    STAGED = ("staged", ConditionSeverity.INFO, "staged, waiting for an apply")
    LEFTOVER = ("leftover", ConditionSeverity.INFO, "left over from a run that did not commit")
    USED_ELSEWHERE = (
        "used-elsewhere",
        ConditionSeverity.INFO,
        "object without lecture that another column names",
    )
    UNFINISHED = ("unfinished-upload", ConditionSeverity.INFO, "multipart upload begun and not completed")

    @property
    def code(self) -> str:
        """The stable name, as JSON and JUnit have it."""
        return self.value[0]

    @property
    def severity(self) -> ConditionSeverity:
        """Severity of the condition, the same for everything it is found on."""
        return self.value[1]

    @property
    def heading(self) -> str:
        """Meaning of the condition, in one clause."""
        return self.value[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyFinding:
    """One thing in one named state.

    `what` is an address, `unmanaged.lectures[412]`, `unmanaged.object[<key>]`, or a word for what has
    neither. `remedies` are what to do: operations, and sentences for what a person has to decide. `repairs`
    are the addresses that a plan can safely name to repair it, each alone; empty when none can. `count` and
    `size_bytes` are of the objects it speaks of, where it speaks of several.
    """

    condition: Condition
    what: str
    detail: str
    remedies: tuple[Remedy, ...] = ()
    repairs: tuple[str, ...] = ()
    key: str | None = None
    row: int | None = None
    count: int = 1
    size_bytes: int = 0

    @property
    def severity(self) -> ConditionSeverity:
        """Severity of the finding."""
        return self.condition.severity


#: Whether the catalog, the bucket and the database have a thing, in this order.
Presence = tuple[bool, bool, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Totals of each side: resources and rows by kind, objects and bytes.

    The bytes are those of the objects.
    """

    declared: Mapping[Kind, int]
    rows: Mapping[Kind, int]
    objects: int
    object_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """Amount that was downloaded and hashed.

    `part` is the sample, such as `1/30`, None when everything was hashed.
    """

    objects: int
    size_bytes: int
    part: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Result of a verification: what is true and what is not.

    `findings` are ordered: the worst first, then by condition, then by name. `truth` counts files
    (audio and images) by presence; all eight combinations are there. `ignored` are findings that
    elmify.yaml ignores, which do not count as wrong. `depth` is None when nothing was hashed.
    `adopted` says whether any resource is managed yet. `heard` counts the declared lectures that play by
    some way, `everywhere` those that play by every way; ways that are only reported do not count.
    `playing` has the lecture rows that play, by way.
    """

    environment: str
    made_at: datetime
    findings: tuple[VerifyFinding, ...]
    truth: Mapping[Presence, int]
    sides: Sides
    heard: int
    ignored: tuple[VerifyFinding, ...] = ()
    depth: Depth | None = None
    adopted: bool = True
    everywhere: int = 0
    playing: tuple[WayCount, ...] = ()
    counts: Mapping[ConditionSeverity, int] = field(init=False)

    def __post_init__(self) -> None:
        counts = dict.fromkeys(ConditionSeverity, 0)
        for finding in self.findings:
            counts[finding.severity] += 1
        object.__setattr__(self, "counts", counts)

    @property
    def silent(self) -> bool:
        """Return whether lectures are declared and not one can be heard."""
        return self.sides.declared[Kind.LECTURE] > 0 and self.heard == 0

    @property
    def wrong(self) -> int:
        """Return how many findings are errors or warnings."""
        return self.counts[ConditionSeverity.ERROR] + self.counts[ConditionSeverity.WARNING]


_RANK = {severity: rank for rank, severity in enumerate(ConditionSeverity)}
_PLACE = {condition: place for place, condition in enumerate(Condition)}


def worst_first(findings: Iterable[VerifyFinding]) -> tuple[VerifyFinding, ...]:
    """Return the findings in order, the worst first.

    They are ordered by severity, then as listeners notice them, then by what they are about.
    """
    return tuple(sorted(findings, key=lambda f: (_RANK[f.severity], _PLACE[f.condition], f.what, f.detail)))


def row_address(kind: Kind, row: int) -> str:
    """Return what a row that nobody declared is called."""
    return f"unmanaged.{TABLES[kind].name}[{row}]"


def object_address(key: str) -> str:
    """Return what an object that nobody declared is called."""
    return f"unmanaged.object[{key}]"


def apply_alone(address: str, *options: str) -> Apply:
    """Return the advice to apply one address and nothing under it."""
    return Apply(scope=(f"{EXACTLY}{address}",), options=options)
