"""A drift report in words, the same for a terminal and for an issue."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from reconciler.model.drift import DriftFinding, DriftKind, DriftReport, Reimport
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.remedies import Remedy, Sentence
from reconciler.model.values import counted
from reconciler.planning.drift import drift_remedies
from reconciler.render.escape import arrow, harmless, value_text
from reconciler.render.history import time_text
from reconciler.render.plan.sentences import joined, row_name
from reconciler.render.remedies import commands_of

SYMBOLS = {
    DriftKind.ROW_MISSING: "-",
    DriftKind.ROW_REPLACED: ">",
    DriftKind.ROW_REMADE: ">",
    DriftKind.ROW_EDITED: "~",
    DriftKind.ROW_NEW: "+",
    DriftKind.WAY_BROKEN: "!",
    DriftKind.OBJECT_MISSING: "-",
    DriftKind.OBJECT_REPLACED: "~",
    DriftKind.COPY_LOST: "-",
    DriftKind.OBJECT_NEW: "+",
}

_TITLES = {
    DriftKind.ROW_MISSING: ("row is missing", "rows are missing"),
    DriftKind.ROW_REPLACED: ("row was made anew under another id", "rows were made anew under other ids"),
    DriftKind.ROW_REMADE: (
        "row was deleted and inserted again under its id",
        "rows were deleted and inserted again under their ids",
    ),
    DriftKind.ROW_EDITED: ("row was edited", "rows were edited"),
    DriftKind.ROW_NEW: ("row is new, and nobody declared it", "rows are new, and nobody declared them"),
    DriftKind.WAY_BROKEN: ("lecture no longer plays by every way", "lectures no longer play by every way"),
    DriftKind.OBJECT_MISSING: ("object is missing", "objects are missing"),
    DriftKind.OBJECT_REPLACED: ("object holds other bytes", "objects hold other bytes"),
    DriftKind.COPY_LOST: (
        "playback copy was removed or replaced",
        "playback copies were removed or replaced",
    ),
    DriftKind.OBJECT_NEW: (
        "object is new, and nobody declared it",
        "objects are new, and nobody declared them",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedDrift:
    """Drift found at one address.

    `where` says where the address is; `lines` has a line for each finding. `fresh` is true if one of
    the findings is new.
    """

    symbol: str
    address: str
    where: str
    lines: tuple[str, ...]
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All drift of one kind.

    `places` are the first places, in full; `more` is the number of places beyond them.
    """

    title: str
    places: tuple[PlacedDrift, ...]
    more: int


def headline(report: DriftReport, fresh: frozenset[str] | None = None) -> str:
    """Return a one-sentence summary of the drift report.

    `fresh` are the ids that were not reported before.
    """
    if report.since is None and report.clean:
        return f"Nothing was applied to {report.environment} yet, so nothing can have drifted."
    if report.clean:
        return f"No drift. {report.environment} is as {since(report)} left it."
    new = 0 if fresh is None else _events(report, fresh)
    told = f", {new:,} not reported before" if fresh is not None and new < report.count else ""
    number = counted(report.count, "difference")
    return f"{report.environment} has drifted since {since(report)}: {number}{told}."


def nothing_new(report: DriftReport) -> str:
    """Return what there is to say when all of it was reported before."""
    return f"No new drift in {report.environment}: {counted(report.count, 'difference')} reported before."


def since(report: DriftReport) -> str:
    """Return `run 12 (2026-11-23 14:02 UTC, octo-reader)`."""
    run = report.since
    if run is None:
        return "the last apply"
    return f"run {run.id} ({time_text(run.committed_at)}, {run.actor.name})"


def _events(report: DriftReport, ids: frozenset[str]) -> int:
    reimported = any(each.finding_id in ids for each in report.reimports)
    return sum(each.finding_id in ids for each in report.findings) + reimported


def reimport_sentences(report: DriftReport) -> tuple[str, ...]:
    """Return sentences about reimported tables, one for each table.

    Together, the reimported tables are one event. Empty when there is none.
    """
    if not report.reimports:
        return ()
    return (
        *(_reimport(each) for each in report.reimports),
        "Whatever users had kept on the old rows went with them: favourites, positions, statistics.",
    )


def users_lost_sentence(report: DriftReport) -> str:
    """Return how many rows of users are gone, by table; empty when none are."""
    lost = [f"{count:,} of {harmless(table)}" for table, count in report.users_lost.items()]
    return f"Rows of users that are gone since {since(report)}: {joined(lost)}." if lost else ""


def _reimport(event: Reimport) -> str:
    plural = TABLES[event.kind].name
    moved = len(event.found) - event.kept_ids
    told = f"{event.recorded:,} {plural} are"
    parts = [f"{moved:,} of {told} under new row ids"] if moved or not event.kept_ids else []
    if event.kept_ids:
        parts.append(f"{event.kept_ids:,} of {told} inserted again under the ids that they had")
    if event.missing:
        parts.append(f"{len(event.missing):,} were not imported again")
    if event.edited:
        parts.append(f"{counted(event.edited, 'value')} {'differs' if event.edited == 1 else 'differ'}")
    if event.undeclared:
        parts.append(f"{counted(event.undeclared, 'row')} beside them no record looks like")
    return "; ".join(parts) + "."


def groups(report: DriftReport, limit: int, fresh: frozenset[str] | None = None) -> Iterator[Group]:
    """Yield the drift of single rows and objects, grouped by kind.

    Each address occurs once in a group. `limit` is the number of places of a group that are shown in
    full.
    """
    for what in DriftKind:
        places: dict[str, list[DriftFinding]] = {}
        for each in report.findings:
            if each.what is what:
                places.setdefault(each.address, []).append(each)
        if places:
            number = sum(map(len, places.values())) if what is DriftKind.OBJECT_MISSING else len(places)
            yield Group(
                title=counted(number, *_TITLES[what]),
                places=tuple(
                    _place(what, found, fresh or frozenset()) for found in islice(places.values(), limit)
                ),
                more=max(len(places) - limit, 0),
            )


def _place(what: DriftKind, found: Sequence[DriftFinding], fresh: frozenset[str]) -> PlacedDrift:
    first = found[0]
    row = row_name(first.kind, first.row) if first.kind is not None and first.row is not None else ""
    return PlacedDrift(
        symbol=SYMBOLS[what],
        address=first.address,
        where="" if first.address.startswith("unmanaged.") else row,
        lines=tuple(_line(each) for each in found),
        fresh=any(each.finding_id in fresh for each in found),
    )


def _line(finding: DriftFinding) -> str:
    also = f" ({counted(finding.also, 'resource')} more)" if finding.also else ""
    match finding.what:
        case DriftKind.ROW_REMADE:
            return (
                f"{row_name(finding.kind or Kind.LECTURE, finding.row or 0)} is younger than the last apply"
            )
        case DriftKind.ROW_MISSING:
            return _missing_row(finding)
        case DriftKind.WAY_BROKEN:
            found = "nothing" if finding.actual is None else value_text(finding.actual)
            return f"no longer plays by way {finding.attribute}: {value_text(finding.recorded)} -> {found}"
        case DriftKind.COPY_LOST:
            now = "gone" if finding.actual is None else value_text(finding.actual)
            return f"{finding.attribute}: {arrow(value_text(finding.recorded), now)}"
        case DriftKind.ROW_REPLACED | DriftKind.ROW_EDITED | DriftKind.OBJECT_REPLACED:
            before, after = value_text(finding.recorded), value_text(finding.actual)
            return f"{finding.attribute}: {arrow(before, after)}{also}"
        case DriftKind.OBJECT_MISSING:
            return f"{finding.attribute}: {value_text(finding.recorded)}{also}"
        case DriftKind.ROW_NEW | DriftKind.OBJECT_NEW:
            return value_text(finding.actual)


def _missing_row(finding: DriftFinding) -> str:
    name = row_name(finding.kind or Kind.LECTURE, int(str(finding.recorded)))
    if finding.actual is None:
        return f"{name} is gone"
    return f"{name} is another one now: {value_text(finding.actual)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRemedy:
    """Remedy for drift: a sentence and its commands.

    The sentence says what a person can do; the commands do it, and are ready to be pasted.
    """

    sentence: str
    commands: tuple[str, ...]


def remedies(report: DriftReport) -> Iterator[DriftRemedy]:
    """Yield what a person can do about it, with the commands."""
    groups: list[tuple[str, list[Remedy]]] = []
    for remedy in drift_remedies(report):
        if isinstance(remedy, Sentence):
            groups.append((remedy.text, []))
        else:
            groups[-1][1].append(remedy)
    for sentence, operations in groups:
        yield DriftRemedy(sentence=sentence, commands=tuple(commands_of(operations)))
