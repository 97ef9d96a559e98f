"""Pydantic models for the format of a saved plan.

They check a file that comes from outside.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from reconciler.model.drift import DriftKind
from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Action, Hindrance, PutOrigin
from reconciler.model.playback import CopyStep

Size = Annotated[int, Field(ge=0)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
#: The value of a managed column; a list is one of category slugs, the primary one first.
Scalar = str | int | bool | tuple[str, ...] | None


class PlanPart(BaseModel):
    """Part of a plan file.

    Types are exact (`true` is not a number); keys that a later 2.x version adds are ignored.
    """

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class ObjectPart(PlanPart):
    """An object and the bytes under its key.

    `verified` is false until the stored bytes have been hashed.
    """

    key: str
    size_bytes: Size
    sha256: str | None
    verified: bool


class StatePart(PlanPart):
    """One side of a change: managed columns by name, and `objects` by slot."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Scalar]

    objects: dict[Slot, ObjectPart]


class ChangePart(PlanPart):
    """Both sides of a change.

    `waits_for` names, by column, the address whose row id is not known yet.
    """

    actions: Annotated[list[Action], Field(min_length=1, max_length=1)]
    before: StatePart | None
    after: StatePart | None
    after_unknown: dict[str, Literal[True]]
    waits_for: dict[str, str]


class PutPart(PlanPart):
    """An object to store before the commit."""

    slot: Slot
    key: str
    path: str
    size_bytes: Size
    sha256: str
    media_type: str
    multipart: bool
    origin: PutOrigin = PutOrigin.DISK
    copied_from: str | None = None


class CopyPart(PlanPart):
    """A copy within the bucket, so that every way leads to its recording.

    `fill` and `keep` are made before the commit, where nothing stands; `alias` replaces the object with
    the ETag `replaces` right after it.
    """

    step: CopyStep
    key: str
    source: str
    size_bytes: Size
    way: str | None = None
    sha256: str | None = None
    source_etag: str | None = None
    replaces: str | None = None
    media_type: str | None = None
    address: str | None = None
    row: int | None = None


class WayPart(PlanPart):
    """The lectures that play by one way, now and after the plan.

    A way with `report` never blocks a plan.
    """

    way: str
    lectures: Size
    plays: Size
    lectures_after: Size
    plays_after: Size
    report: bool


class ImpactPart(PlanPart):
    """Effect on user data: rows lost, their users, and what stays.

    `lost` counts the user rows that would go, by table. `users` counts the distinct users behind them
    in all, and `users_of` by table. `kept` counts what stays. `beyond` counts the playback positions
    behind the end of audio that becomes shorter.
    """

    lost: dict[str, Size]
    users: Size
    users_of: dict[str, Size]
    kept: Size
    beyond: Size
    beyond_users: Size


class RestoredPart(PlanPart):
    """User rows that a rollback brings back, and those that it leaves out.

    They are counted by table. `orphaned` rows belong to what was deleted since; the place of
    `present` rows is taken again.
    """

    rows: dict[str, Size] = Field(default_factory=dict)
    users: Size = 0
    orphaned: dict[str, Size] = Field(default_factory=dict)
    present: dict[str, Size] = Field(default_factory=dict)


class MergedPart(PlanPart):
    """User rows that move from one lecture to another, by table.

    They are `moved`, or `combined` with a row that is there already.
    """

    moved: dict[str, Size] = Field(default_factory=dict)
    combined: dict[str, Size] = Field(default_factory=dict)
    users: Size = 0


class PositionPart(PlanPart):
    """A place in a file of the catalog; line and column count from 1."""

    file: str
    line: int
    column: int


class StepPart(PlanPart):
    """One step of a change in one store.

    It is derived from the change, and not read back.
    """

    store: Literal["bucket", "database", "records"]
    verb: str
    target: str
    note: str


class ResourceChange(PlanPart):
    """The change of one address, and its reason.

    `kind` is null for an object that no resource has. `defaults` are the columns of a new row that the
    catalog leaves out, with the value that the database chooses; they are not read back.
    """

    address: str
    kind: Kind | None
    mode: Literal["managed"]
    previous_address: str | None
    change_id: Hash
    action_reason: str
    change: ChangePart
    defaults: dict[str, Scalar] = Field(default_factory=dict)
    row: int | None
    steps: list[StepPart]
    impact: ImpactPart | None
    position: PositionPart | None
    puts: list[PutPart]
    copies: list[CopyPart] = Field(default_factory=list)
    reused: list[str]
    retired: list[str]
    released: list[str]
    remembered: list[str] = Field(default_factory=list)
    protect: bool


class ExamplePart(PlanPart):
    """A row that is an example of a correction.

    For an object, both sides are keys. `after_unknown` says that the database makes
    the value when the plan is applied.
    """

    address: str
    before: Scalar
    after: Scalar
    after_unknown: bool


class ColumnPart(PlanPart):
    """Rows in which one column, or the object in one slot, gets another value."""

    column: str
    count: Size
    examples: list[ExamplePart]


class CorrectionsPart(PlanPart):
    """Columns that the changes of one action rewrite in existing rows.

    The most frequent column comes first. It is derived from the changes, and not read back.
    """

    actions: Annotated[list[Action], Field(min_length=1, max_length=1)]
    rows: Size
    columns: list[ColumnPart]


class DriftChange(PlanPart):
    """One drifted attribute.

    `before` is the value as it was recorded, and `after` as it was found.
    """

    actions: tuple[Literal["update"]]
    before: dict[str, Scalar]
    after: dict[str, Scalar]


class ResourceDrift(PlanPart):
    """An attribute that other hands changed since the last apply."""

    kind: DriftKind
    address: str
    attribute: str
    type: Kind | None
    row: int | None
    also: Size
    change: DriftChange


class SentencePart(PlanPart):
    """Sentence among the remedies.

    It says what only a person can do, or when to choose the remedy that follows.
    """

    kind: Literal["sentence"]
    text: str


class LiftGuardPart(PlanPart):
    """Plan the same again, and allow a guard as many as `number`."""

    kind: Literal["lift-guard"]
    guard: str
    number: Size


class Guard(PlanPart):
    """A guard's no; `remedies` is empty when nothing lifts it."""

    guard: str
    summary: str
    addresses: list[str]
    remedies: list[Annotated[SentencePart | LiftGuardPart, Field(discriminator="kind")]]


class UnmanagedRow(PlanPart):
    """A row that is not declared: `unmanaged.lectures[412]`."""

    address: str
    row: int


class UnmanagedObject(PlanPart):
    """An object that is not declared: `unmanaged.object[<key>]`."""

    address: str
    key: str
    size_bytes: Size


class UnmanagedPart(PlanPart):
    """Rows and objects that exist and are not declared.

    `counts` has their numbers by kind, and `object` and `object_bytes`.
    """

    rows: dict[Kind, list[UnmanagedRow]]
    objects: list[UnmanagedObject]
    counts: dict[str, Size]


class Summary(PlanPart):
    """Counts over the plan. Derived, and not read back.

    `corrected` are the imports that rewrite a column; they count among `change` too, as does what a
    rollback forgets and changes back.
    """

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, populate_by_name=True)

    imported: Size = Field(alias="import")
    add: Size
    change: Size
    move: Size
    delete: Size
    forget: Size
    corrected: Size = 0
    upload_objects: Size
    upload_bytes: Size
    copy_objects: Size = 0
    copy_bytes: Size = 0
    class_a_operations: Size
    class_b_operations: Size
    blocked: bool


class KeptPart(PlanPart):
    """An object that is kept because a column still names it.

    The plan would have retired it, but a column that elmify does not manage names it. Where that
    table may not be read in full, `readable` is false and `column` names the table.
    """

    key: str
    column: str
    readable: bool


class ImportLivePart(PlanPart):
    """Import what is live.

    With `hash_bytes`, objects that nobody has hashed are read.
    """

    kind: Literal["import-live"]
    clean: list[str]
    hash_bytes: bool


class NotRekeyedPart(PlanPart):
    """Object that keeps its key though `--rekey` was given.

    The remedy lets it move. `wished` is the key that its template gives today.
    """

    address: str
    slot: Slot
    key: str
    wished: str
    reason: Hindrance
    remedy: ImportLivePart


class StoresPart(PlanPart):
    """Names of the stores that the plan was made of, without any secret."""

    bucket: str
    database: str


class Header(PlanPart):
    """The part of a saved plan that is checked first.

    A file of another major version is not read any further.
    """

    format_version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+$")]


class PlanFile(Header):
    """A saved plan of elmify.

    `rolls_back` is a run to take back; `merges` are two lectures that become one.
    """

    elmify_version: str
    timestamp: AwareDatetime
    environment: str
    stores: StoresPart | None = None
    fingerprint: Hash
    partial: bool
    scope: list[str]
    options: list[str]
    allowances: dict[str, int]
    resource_changes: list[ResourceChange]
    corrections: list[CorrectionsPart] = Field(default_factory=list)
    resource_drift: list[ResourceDrift]
    impact: ImpactPart
    guards: list[Guard]
    unmanaged: UnmanagedPart
    unchanged: Size
    unverified: Size
    ignored: Size = 0
    listed: Size
    rolls_back: int | None = None
    restored: RestoredPart = Field(default_factory=RestoredPart)
    merges: tuple[str, str] | None = None
    merged: MergedPart = Field(default_factory=MergedPart)
    kept: list[KeptPart] = Field(default_factory=list)
    playback: list[WayPart] = Field(default_factory=list)
    not_rekeyed: list[NotRekeyedPart] = Field(default_factory=list)
    summary: Summary


def json_schema() -> Mapping[str, Any]:
    """Return the JSON Schema (2020-12) of a saved plan."""
    schema = PlanFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "plan.schema.json", **schema}
