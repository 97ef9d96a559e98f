"""Drift report as text for a terminal, as JSON, and as an issue body.

The body is HTML, as in `comment`. Its first line is a hidden marker with the ids of what it reports: the next
report reads it, so a workflow that keeps nothing but the issue knows what is new.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from reconciler.model.drift import DriftFinding, DriftReport, Reimport
from reconciler.planning.drift import drift_remedies
from reconciler.render.drift.sentences import (
    Group,
    PlacedDrift,
    groups,
    headline,
    reimport_sentences,
    remedies,
    users_lost_sentence,
)
from reconciler.render.escape import code, harmless, harmless_json, marker_word, prose, styled
from reconciler.render.remedies import remedy_json

_PLACES = 20  # of one group: more are counted, and JSON has them all
_LINES = 8  # of one address

_COLOURS = {"+": "green", "-": "red", "~": "yellow", ">": "cyan"}


def drift_text(report: DriftReport, *, fresh: frozenset[str] | None = None, colour: bool = False) -> str:
    """Return the drift report as text.

    `fresh` are the ids that were not reported before; None where no count was kept.
    """
    return "\n".join(_lines(report, fresh, colour=colour))


def _lines(report: DriftReport, fresh: frozenset[str] | None, *, colour: bool) -> Iterator[str]:
    title = harmless(headline(report, fresh))
    yield styled(title, bold=True) if colour else title
    if report.reimports:
        yield "\nWiped and imported again by other hands"
        yield from (f"  {sentence}" for sentence in reimport_sentences(report))
    if told := users_lost_sentence(report):
        yield f"\n{told}"
    for group in groups(report, _PLACES, fresh):
        yield f"\n{group.title}"
        yield from _places(group, marked=_is_mixed(report, fresh), colour=colour)
    if report.ignored:
        yield f"\nLet be, as elmify.yaml says, and not listed: {report.ignored:,}."
    for remedy in remedies(report):
        yield f"\n{remedy.sentence}"
        yield from (f"    {harmless(command)}" for command in remedy.commands)


def _is_mixed(report: DriftReport, fresh: frozenset[str] | None) -> bool:
    """Return whether the report has both new and known differences.

    Only then are the new ones worth a mark.
    """
    return fresh is not None and bool(report.ids & fresh) and not report.ids <= fresh


def _places(group: Group, *, marked: bool, colour: bool) -> Iterator[str]:
    for place in group.places:
        yield _head(place, marked=marked, colour=colour)
        yield from (f"      {line}" for line in place.lines[:_LINES])
        yield from _more(len(place.lines) - _LINES, indent="      ")
    yield from _more(group.more, indent="  ")


def _head(place: PlacedDrift, *, marked: bool, colour: bool) -> str:
    symbol = styled(place.symbol, fg=_COLOURS[place.symbol]) if colour else place.symbol
    where = f" ({place.where})" if place.where else ""
    mark = "  # not reported before" if marked and place.fresh else ""
    return f"  {symbol} {harmless(place.address)}{where}{mark}"


def _more(count: int, *, indent: str) -> Iterator[str]:
    if count > 0:
        yield f"{indent}# {count:,} more; all of them with --format json"


FORMAT_VERSION = "1.2"


def drift_json(report: DriftReport, *, fresh: frozenset[str] | None = None) -> str:
    """Return the whole drift report as JSON.

    `new` says of each finding whether it was never reported before.
    """
    new = report.ids if fresh is None else fresh
    document = {
        "format_version": FORMAT_VERSION,
        "environment": report.environment,
        "taken_at": report.taken_at.isoformat(),
        "since": _since(report),
        "count": report.count,
        "new": len(report.ids & new),
        "ignored": report.ignored,
        "findings": [_finding(each, new) for each in report.findings],
        "reimports": [_reimport(each, new) for each in report.reimports],
        "users_lost": dict(report.users_lost),
        "remedies": [remedy_json(each) for each in drift_remedies(report)],
    }
    return harmless_json(json.dumps(document, ensure_ascii=False, indent=2))


def _since(report: DriftReport) -> dict[str, Any] | None:
    run = report.since
    if run is None:
        return None
    committed = run.committed_at.isoformat() if run.committed_at is not None else None
    return {
        "run": run.id,
        "kind": run.kind.value,
        "subject": list(run.subject),
        "actor": run.actor.name,
        "committed_at": committed,
    }


def _finding(finding: DriftFinding, new: frozenset[str]) -> dict[str, Any]:
    return {
        "id": finding.finding_id,
        "what": finding.what.value,
        "address": finding.address,
        "kind": finding.kind.value if finding.kind is not None else None,
        "row": finding.row,
        "attribute": finding.attribute,
        "recorded": finding.recorded,
        "actual": finding.actual,
        "also": finding.also,
        "new": finding.finding_id in new,
    }


def _reimport(event: Reimport, new: frozenset[str]) -> dict[str, Any]:
    return {
        "id": event.finding_id,
        "kind": event.kind.value,
        "recorded": event.recorded,
        "found": dict(event.found),
        "missing": list(event.missing),
        "edited": event.edited,
        "undeclared": event.undeclared,
        "kept_ids": event.kept_ids,
        "new": event.finding_id in new,
    }


MAX_BYTES = 60_000  # under GitHub's limit of 65,536 characters for a body
_IDS_MAX = 2_000  # of 13 characters: beyond, what was not remembered is told again
_ISSUE_PLACES = (200, 50, 10, 0)  # of each group, until it fits

_MARKER = re.compile(r"<!-- elmify-drift:(?P<environment>\S+) ids=(?P<ids>[0-9a-f,]*) -->")

_CLOSE = "Both stores are as the last apply left them. This issue can be closed."


def drift_markdown(report: DriftReport, *, fresh: frozenset[str] | None = None) -> str:
    """Return the report as one body of at most `MAX_BYTES` of UTF-8.

    What does not fit is counted; the headline, a reimport and what to do are always there.
    """
    text = ""
    for limit in _ISSUE_PLACES:
        text = "\n".join(_issue_lines(report, fresh, limit)) + "\n"
        if len(text.encode()) <= MAX_BYTES:
            break
    return text


def issue_marker(environment: str) -> str:
    """Return how the body of an environment's issue begins."""
    return f"<!-- elmify-drift:{marker_word(environment)} "


def remembered(body: str, environment: str) -> frozenset[str] | None:
    """Return the ids that an issue body remembers for an environment.

    None when it is not a body that elmify wrote for that environment.
    """
    for found in _MARKER.finditer(body):
        if found["environment"] == marker_word(environment):
            return frozenset(filter(None, found["ids"].split(",")))
    return None


def _issue_lines(report: DriftReport, fresh: frozenset[str] | None, limit: int) -> Iterator[str]:
    ids = ",".join(sorted(report.ids)[:_IDS_MAX])
    yield f"{issue_marker(report.environment)}ids={ids} -->"
    yield f"<h3>{prose(headline(report, fresh))}</h3>"
    if report.clean:
        yield f"<p>{_CLOSE}</p>"
    if report.reimports:
        yield "<h4>Wiped and imported again by other hands</h4>"
        yield f"<ul>{''.join(f'<li>{prose(each)}</li>' for each in reimport_sentences(report))}</ul>"
    if told := users_lost_sentence(report):
        yield f"<p>{prose(told)}</p>"
    for group in groups(report, limit, fresh):
        yield f"<h4>{prose(group.title)}</h4>"
        yield _issue_group(group)
    for remedy in remedies(report):
        commands = "<br>".join(map(code, remedy.commands))
        yield f"<p>{prose(remedy.sentence)}<br>{commands}</p>"


def _issue_group(group: Group) -> str:
    shown = "".join(f"<li>{_issue_place(place)}</li>" for place in group.places)
    more = (
        f"<li>{group.more:,} more; {code('elmify drift --format json')} has them</li>" if group.more else ""
    )
    return f"<ul>{shown}{more}</ul>"


def _issue_place(place: PlacedDrift) -> str:
    where = f" ({code(place.where)})" if place.where else ""
    mark = " <strong>new in this report</strong>" if place.fresh else ""
    lines = "<br>".join(map(code, place.lines))
    return f"{code(place.symbol)} {code(place.address)}{where}{mark}<br>{lines}"
