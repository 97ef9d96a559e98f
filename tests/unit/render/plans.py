"""Plans made by hand, for tests of what is shown of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from reconciler.model.diagnostics import Diagnostic, Position, Severity
from reconciler.model.drift import DriftFinding, DriftKind
from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import (
    Action,
    Blocked,
    Change,
    Impact,
    Merged,
    ObjectState,
    Plan,
    Put,
    Restored,
    State,
    Unmanaged,
)
from reconciler.model.remedies import LiftGuard
from reconciler.planning.fingerprint import change_id, fingerprint

ENVIRONMENT = "production"
QURAN = "abdul-rashid-sufi/quran-hafs"
OLD_HASH, NEW_HASH = "3f2a9c1b" * 8, "77aa00ff" * 8

HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "@team",
    "</details><script>alert(1)</script>",
    "| a | b",
    "::error::broken",
    "##[error]broken",
    "abc\u202edef",
    "one\n\ntwo",
    "`code` ```",
    "--> <!--",
    "*bold* _it_ [link](https://example.invalid) ![x](y)",
    "# heading",
    "&lt;b&gt;",
)


def identified(change: Change) -> Change:
    """Return the change with the id of its content."""
    name = change_id(
        ENVIRONMENT,
        change.address,
        change.action.value,
        change.previous_address,
        change.before,
        change.after,
        change.copies,
    )
    return replace(change, change_id=name)


def plan_of(
    changes: Sequence[Change] = (),
    *,
    scope: tuple[str, ...] = (),
    allowances: dict[str, int] | None = None,
    blocked: tuple[Blocked, ...] = (),
    drift: tuple[DriftFinding, ...] = (),
    impact: Impact | None = None,
    unmanaged: Unmanaged | None = None,
    unverified: int = 0,
    ignored: int = 0,
    listed: int = 0,
    options: tuple[str, ...] = (),
    unchanged: int = 0,
    rolls_back: int | None = None,
    restored: Restored | None = None,
    merges: tuple[str, str] | None = None,
    merged: Merged | None = None,
) -> Plan:
    """Return a plan of those changes, with the ids and the fingerprint of its content."""
    named = tuple(identified(change) for change in changes)
    return Plan(
        environment=ENVIRONMENT,
        made_at=datetime(2026, 11, 23, 14, 2, 5, tzinfo=UTC),
        changes=named,
        fingerprint=fingerprint(
            (change.change_id for change in named),
            scope,
            allowances or {},
            options,
            rolls_back=rolls_back,
            merges=merges,
        ),
        scope=scope,
        options=options,
        allowances=allowances or {},
        unchanged=unchanged,
        drift=drift,
        impact=impact or Impact(),
        blocked=blocked,
        unmanaged=unmanaged or Unmanaged(),
        unverified=unverified,
        ignored=ignored,
        listed=listed,
        rolls_back=rolls_back,
        restored=restored or Restored(),
        merges=merges,
        merged=merged or Merged(),
    )


def audio(title: str, sha256: str = OLD_HASH, size_bytes: int = 4_404_019) -> ObjectState:
    return ObjectState(key=f"Abdul Rashid Sufi/Quran Hafs/{title}.mp3", size_bytes=size_bytes, sha256=sha256)


def put_of(found: ObjectState, *, multipart: bool = False) -> Put:
    return Put(
        slot=Slot.LECTURE_AUDIO,
        key=found.key,
        path=found.key,
        size_bytes=found.size_bytes,
        sha256=found.sha256 or NEW_HASH,
        media_type="audio/mpeg",
        multipart=multipart,
    )


def create(name: str = "an-nas", title: str = "An-Nas", number: int = 114) -> Change:
    """A new lecture whose collection is new too."""
    found = audio(f"{number} - An-Nas", NEW_HASH)
    return Change(
        address=f"{QURAN}/{name}",
        kind=Kind.LECTURE,
        action=Action.CREATE,
        reason="it is not there yet",
        change_id="",
        after=State(
            values={"title": title, "lecture_number": number, "year": None},
            objects={Slot.LECTURE_AUDIO: found},
            pending={"collection_id": QURAN},
        ),
        puts=(put_of(found),),
        position=Position("catalog/abdul-rashid-sufi/quran-hafs.yaml", 40, 5),
    )


def collection() -> Change:
    """A new collection with a cover."""
    cover = ObjectState(key="Abdul Rashid Sufi/Quran Hafs/collection.jpg", size_bytes=9, sha256=NEW_HASH)
    return Change(
        address=QURAN,
        kind=Kind.COLLECTION,
        action=Action.CREATE,
        reason="it is not there yet",
        change_id="",
        after=State(values={"title": "Quran Hafs"}, objects={Slot.COLLECTION_COVER: cover}),
    )


def update(name: str = "al-baqarah", title: str = "Al-Baqarah (The cow)") -> Change:
    """A corrected row: a number, a title, a category more, and one value that stays."""
    return Change(
        address=f"{QURAN}/{name}",
        kind=Kind.LECTURE,
        action=Action.UPDATE,
        reason="the catalog says otherwise",
        change_id="",
        row=413,
        before=State(
            values={
                "title": "Al-Baqarah",
                "lecture_number": 11,
                "categories": ("quran",),
                "year": 2025,
                "genre": "tilawah",
                "description": None,
            }
        ),
        after=State(
            values={
                "title": title,
                "lecture_number": 2,
                "categories": ("quran", "tafsir"),
                "year": 2025,
                "genre": None,
                "description": "The longest.",
            }
        ),
        released=("bio",),
        position=Position("catalog/abdul-rashid-sufi/quran-hafs.yaml", 12, 5),
        impact=Impact(kept=41),
    )


def delete(name: str = "al-fatiha", title: str = "Al-Fatiha", row: int = 412) -> Change:
    """A lecture that left the catalog, and whom it takes along."""
    found = audio("01 - Al-Fatiha")
    return Change(
        address=f"{QURAN}/{name}",
        kind=Kind.LECTURE,
        action=Action.DELETE,
        reason="it left the catalog",
        change_id="",
        row=row,
        before=State(values={"title": title, "year": None}, objects={Slot.LECTURE_AUDIO: found}),
        retired=(found.key,),
        impact=Impact(lost={"favorites": 3, "playback_positions": 1}, users=2),
    )


def move(name: str = "al-imran") -> Change:
    """A lecture under another id, re-recorded at once."""
    old, new = audio("03 - Al-Imran"), audio("03 - Al-Imran~77aa00ff", NEW_HASH, 4_509_000)
    return Change(
        address=f"{QURAN}/{name}",
        kind=Kind.LECTURE,
        action=Action.MOVE,
        reason="the catalog says previously:",
        change_id="",
        row=414,
        previous_address=f"{QURAN}/imran",
        before=State(values={"title": "Al-Imran"}, objects={Slot.LECTURE_AUDIO: old}),
        after=State(values={"title": "Al-Imran"}, objects={Slot.LECTURE_AUDIO: new}),
        puts=(put_of(new),),
        retired=(old.key,),
        position=Position("catalog/abdul-rashid-sufi/quran-hafs.yaml", 16, 5),
    )


def adopt() -> Change:
    return Change(
        address="abdul-rashid-sufi",
        kind=Kind.SPEAKER,
        action=Action.ADOPT,
        reason="a row of that name is there",
        change_id="",
        row=7,
        before=State(values={"name": "Abdul Rashid Sufi "}),
        after=State(values={"name": "Abdul Rashid Sufi"}),
        reused=("Abdul Rashid Sufi/speaker.jpg",),
        protect=True,
        position=Position("catalog/abdul-rashid-sufi/speaker.yaml", 1, 1),
    )


def forget() -> Change:
    return Change(
        address="abdul-rashid-sufi/khutab",
        kind=Kind.COLLECTION,
        action=Action.FORGET,
        reason="the catalog lets it go",
        change_id="",
        row=31,
        before=State(values={"title": "Khutab"}),
        protect=True,
    )


def note() -> Change:
    """Nothing in either store; a column that left the catalog."""
    state = State(values={"title": "Quran Hafs"})
    return Change(
        address=QURAN,
        kind=Kind.COLLECTION,
        action=Action.NO_OP,
        reason="a field left the catalog",
        change_id="",
        row=30,
        before=state,
        after=state,
        released=("year",),
    )


def drift() -> DriftFinding:
    return DriftFinding(
        what=DriftKind.ROW_EDITED,
        kind=Kind.LECTURE,
        row=412,
        also=1,
        address=f"{QURAN}/al-baqarah",
        attribute="title",
        recorded="Al-Baqara",
        actual="Al-Baqarah",
    )


def warning() -> Diagnostic:
    return Diagnostic(
        code="EL301",
        summary="a gap in the numbers",
        detail="Numbers 4 to 113 are missing.",
        hint="Add them, or leave it so.",
        position=Position("catalog/abdul-rashid-sufi/quran-hafs.yaml", 40, 5),
        severity=Severity.WARNING,
    )


def blocked() -> Blocked:
    return Blocked(
        guard="user-rows",
        summary="4 user rows would be lost, and 0 are allowed",
        addresses=(f"{QURAN}/al-fatiha",),
        remedies=(LiftGuard(guard="user-rows", number=4),),
    )


def full_plan() -> Plan:
    """One of everything."""
    return plan_of(
        [adopt(), forget(), note(), update(), delete(), move(), create()],
        drift=(drift(),),
        blocked=(blocked(),),
        impact=Impact(
            lost={"favorites": 3, "playback_positions": 1},
            users=2,
            users_of={"favorites": 2, "playback_positions": 1},
            kept=41,
            beyond=4,
            beyond_users=3,
        ),
        unmanaged=Unmanaged(rows={Kind.LECTURE: (900, 901)}, objects={"old/a.mp3": 1024, "old/b.mp3": 2048}),
        unverified=5,
        listed=532,
        allowances={"deletes": 12},
        unchanged=460,
    )


def empty_plan() -> Plan:
    return plan_of(unchanged=467)


def many(count: int, make: Action = Action.CREATE) -> Plan:
    """A plan of that many creates or deletes."""
    if make is Action.DELETE:
        return plan_of([delete(f"lecture-{at}", row=at) for at in range(count)])
    return plan_of([create(f"lecture-{at}", number=at) for at in range(count)])


def corrected(count: int, title: str = "Al-Fatiha") -> Plan:
    """An import of that many lectures: all get an `audio_url`, half of them a number."""
    return plan_of([_corrected(at, title) for at in range(count)])


def _corrected(at: int, title: str) -> Change:
    url = f"https://cdn.example.test/{at}.mp3"
    return Change(
        address=f"{QURAN}/lecture-{at}",
        kind=Kind.LECTURE,
        action=Action.ADOPT,
        reason="found by its file",
        change_id="",
        row=at + 1,
        before=State(values={"title": title, "audio_url": None, "lecture_number": 11}),
        after=State(values={"title": title, "audio_url": url, "lecture_number": 11 + at % 2}),
    )
