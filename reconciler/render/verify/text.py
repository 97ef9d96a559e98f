"""Verification results for a person.

They begin with what listeners notice, and give a remedy for each finding.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.kinds import Kind
from reconciler.model.remedies import Apply
from reconciler.model.values import counted, readable_size
from reconciler.planning.verification.findings import (
    Condition,
    ConditionSeverity,
    Presence,
    Verification,
    VerifyFinding,
    apply_alone,
)
from reconciler.planning.verification.repair import beyond_repair, wrong
from reconciler.render.escape import harmless, styled
from reconciler.render.history import time_text
from reconciler.render.plan.sentences import joined
from reconciler.render.playback import ways_text
from reconciler.render.remedies import command_of, remedy_lines

_MOST_SHOWN = 5  # findings under one heading; all of them are in the JSON

_COLOURS = {
    ConditionSeverity.ERROR: "red",
    ConditionSeverity.WARNING: "yellow",
    ConditionSeverity.INFO: "cyan",
}

#: What listeners meet, one and several of it.
_MET: Mapping[Condition, tuple[str, str]] = {
    Condition.ROW_WITHOUT_OBJECT: ("lecture cannot be played", "lectures cannot be played"),
    Condition.EMPTY_AUDIO: ("recording is empty", "recordings are empty"),
    Condition.ENTRY_WITHOUT_ROW: ("declared entry has no row", "declared entries have no row"),
    Condition.WAY_BROKEN: ("way does not lead to its lecture", "ways do not lead to their lectures"),
    Condition.WAY_PLAYS_ANOTHER: ("way plays another recording", "ways play another recording"),
    Condition.OTHER_BYTES: ("object holds other bytes", "objects hold other bytes"),
    Condition.WRONG_LECTURE: ("row shows what is another's", "rows show what is another's"),
    Condition.DUPLICATE_ROWS: ("lecture stands there twice", "lectures stand there twice"),
    Condition.MISSING_IMAGE: ("image is missing", "images are missing"),
}

_MEANING: Mapping[Presence, str] = {
    (True, True, True): "whole",
    (True, True, False): "named by no row",
    (True, False, True): "no object: broken",
    (True, False, False): "declared, nothing else",
    (False, True, True): "not declared",
    (False, True, False): "an object alone",
    (False, False, True): "a row alone: broken",
    (False, False, False): "remembered by elmify alone",
}


def verify_text(found: Verification, *, colour: bool = False) -> str:
    """Return a verification as text.

    It has the headline, both sides, the truth table, and the findings under their headings.
    """
    paint = _Paint(colour)
    sections = [
        _opening(found, paint),
        _sides(found),
        _truth(found),
        *(_group(condition, findings, paint) for condition, findings in _by_condition(found.findings)),
        _closing(found),
    ]
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section)))


def headline(found: Verification) -> str:
    """Return what a person must know, in a sentence or two."""
    counts = {condition: len(findings) for condition, findings in _by_condition(found.findings)}
    met = [counted(counts[condition], *words) for condition, words in _MET.items() if condition in counts]
    if found.silent:
        declared = counted(found.sides.declared[Kind.LECTURE], "declared lecture")
        return f"Nothing can be heard: not one of {declared} has a row and an object with bytes in it."
    if met:
        return f"Listeners notice: {joined(met)}."
    if Condition.BROKEN_AUDIT in counts:
        return f"{_plays(found)}, and the audit log is not the one that was written."
    if found.wrong:
        return f"{_plays(found)}. Catalog, bucket and database do not agree on all of it."
    whole = found.truth[True, True, True]
    return f"All is well: {counted(whole, 'file')} in catalog, bucket and database, and nothing wrong."


def _plays(found: Verification) -> str:
    declared = found.sides.declared[Kind.LECTURE]
    if found.heard < declared:
        return f"{found.heard:,} of {counted(declared, 'declared lecture')} can be heard"
    if found.everywhere >= declared:
        return "Everything plays"
    return f"{found.everywhere:,} of {counted(declared, 'declared lecture')} play by every way"


def finding_text(finding: VerifyFinding, *, colour: bool = False) -> str:
    """Return one finding under its heading, with its whole remedy."""
    return "\n".join(_group(finding.condition, [finding], _Paint(colour)))


def retold(found: Sequence[VerifyFinding]) -> str:
    """Return the findings that no plan can repair, under their headings.

    Each has the remedy that decides it. Empty when there are none.
    """
    plain = _Paint(colour=False)
    groups = [_group(condition, findings, plain) for condition, findings in _by_condition(found)]
    return "\n\n".join("\n".join(group) for group in groups)


class _Paint:
    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, severity: ConditionSeverity) -> str:
        return styled(text, fg=_COLOURS[severity], bold=True) if self._colour else text


def _by_condition(findings: Sequence[VerifyFinding]) -> Sequence[tuple[Condition, Sequence[VerifyFinding]]]:
    groups: defaultdict[Condition, list[VerifyFinding]] = defaultdict(list)
    for finding in findings:
        groups[finding.condition].append(finding)
    return list(groups.items())


def _opening(found: Verification, paint: _Paint) -> Iterator[str]:
    worst = next(
        (severity for severity in ConditionSeverity if found.counts[severity]), ConditionSeverity.INFO
    )
    yield paint(headline(found), worst) if found.wrong else headline(found)
    errors = counted(found.counts[ConditionSeverity.ERROR], "error")
    warnings = counted(found.counts[ConditionSeverity.WARNING], "warning")
    yield f"{errors}, {warnings} in {harmless(found.environment)}, {time_text(found.made_at)}."
    if found.playing:
        yield f"Lectures that play: {ways_text(found.playing)}."
    if not found.adopted:
        yield "Nothing is managed yet: the first `elmify apply` adopts what is there."
    if found.depth is not None:
        part = f"today's {found.depth.part} of what is live" if found.depth.part else "all that is live"
        objects, size = counted(found.depth.objects, "object"), readable_size(found.depth.size_bytes)
        yield f"Hashed {part}: {objects}, {size}."
    if found.ignored:
        yield f"{counted(len(found.ignored), 'finding')} left out, as `ignore:` in elmify.yaml says."


def _sides(found: Verification) -> Iterator[str]:
    sides = found.sides
    yield f"catalog   {_kinds(sides.declared)}"
    yield f"bucket    {counted(sides.objects, 'object')}, {readable_size(sides.object_bytes)}"
    yield f"database  {_kinds(sides.rows)}"


def _kinds(counts: Mapping[Kind, int]) -> str:
    return ", ".join(counted(counts[kind], kind.value) for kind in Kind)


def _truth(found: Verification) -> Iterator[str]:
    yield "catalog  bucket  database    files"
    for presence, count in found.truth.items():
        catalog, bucket, database = ("x" if there else "-" for there in presence)
        yield f"{catalog:^7}  {bucket:^6}  {database:^8}  {count:>7,}  {_MEANING[presence]}"


def _group(condition: Condition, findings: Sequence[VerifyFinding], paint: _Paint) -> Iterator[str]:
    count = sum(finding.count for finding in findings)
    label = paint(f"{condition.severity}[{condition.code}]", condition.severity)
    yield f"{label} {condition.heading} ({count:,})"
    if condition.severity is ConditionSeverity.INFO:
        yield from _summary(findings)
        return
    told: set[str] = set()
    for finding in findings[:_MOST_SHOWN]:
        yield f"  {harmless(finding.what)}"
        yield f"      {harmless(finding.detail)}"
        yield from (f"      {line}" for line in _untold(finding, told))
    extra = len(findings) - _MOST_SHOWN
    if extra > 0:
        yield f"  … and {extra:,} more"
    if extra > 0 and all(map(_is_applied_alone, findings)):
        yield "  All of them at once, with whatever else the catalog asks for:"
        yield f"      {command_of(Apply())}"


def _summary(findings: Sequence[VerifyFinding]) -> Iterator[str]:
    """Yield one of several infos: nothing is wrong with any of them."""
    first = findings[0]
    if len(findings) == 1:
        yield f"  {harmless(first.detail)}"
    told: set[str] = set()
    shown = _untold(first, told) if len(findings) == 1 else ()
    yield from (f"  {line}" for line in shown)


def _untold(finding: VerifyFinding, told: set[str]) -> Iterator[str]:
    """Yield a remedy that was not yet shown under this heading.

    It is shown whole: a part of a remedy would be no remedy.
    """
    lines = remedy_lines(finding.remedies)
    if "\n".join(lines) not in told:
        told.add("\n".join(lines))
        yield from map(harmless, lines)


def _is_applied_alone(finding: VerifyFinding) -> bool:
    return finding.remedies == (apply_alone(finding.what),)


def _closing(found: Verification) -> Iterator[str]:
    all_of_them = len(wrong(found.findings))
    repaired = all_of_them - len(beyond_repair(found.findings))
    if repaired:
        yield f"A plan can repair {repaired:,} of the {all_of_them:,}:"
        yield "    elmify verify --repair-plan plans/repair.json"
        yield "    elmify apply plans/repair.json"
