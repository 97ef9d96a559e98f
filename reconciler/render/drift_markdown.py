"""A drift report as the body of one issue, which also remembers what it reported.

The body is HTML, as in `comment`. Its first line is a hidden marker with the ids of what it reports: the next
report reads it, so a workflow that keeps nothing but the issue knows what is new.
"""

import re
from collections.abc import Iterator

from reconciler.model.drift import DriftReport
from reconciler.render.comment import code, marker_word, prose
from reconciler.render.drift_sentences import (
    Group,
    Place,
    groups,
    headline,
    reimport_sentences,
    remedies,
)

MAX_BYTES = 60_000  # under GitHub's limit of 65,536 characters for a body
_IDS_MAX = 2_000  # of 13 characters: beyond, what was not remembered is told again
_PLACES = (200, 50, 10, 0)  # of each group, until it fits

_MARKER = re.compile(r"<!-- elmify-drift:(?P<environment>\S+) ids=(?P<ids>[0-9a-f,]*) -->")

_CLOSE = "Both stores are as the last apply left them. This issue can be closed."


def drift_markdown(report: DriftReport, *, fresh: frozenset[str] | None = None) -> str:
    """Return the report as one body of at most `MAX_BYTES` of UTF-8.

    What does not fit is counted; the headline, a reimport and what to do are always there.
    """
    text = ""
    for limit in _PLACES:
        text = "\n".join(_lines(report, fresh, limit)) + "\n"
        if len(text.encode()) <= MAX_BYTES:
            break
    return text


def issue_marker(environment: str) -> str:
    """Return how the body of an environment's issue begins."""
    return f"<!-- elmify-drift:{marker_word(environment)} "


def remembered(body: str, environment: str) -> frozenset[str] | None:
    """Return the ids that a body remembers for an environment; None when it is not a body of ours."""
    for found in _MARKER.finditer(body):
        if found["environment"] == marker_word(environment):
            return frozenset(filter(None, found["ids"].split(",")))
    return None


def _lines(report: DriftReport, fresh: frozenset[str] | None, limit: int) -> Iterator[str]:
    ids = ",".join(sorted(report.ids)[:_IDS_MAX])
    yield f"{issue_marker(report.environment)}ids={ids} -->"
    yield f"<h3>{prose(headline(report, fresh))}</h3>"
    if report.clean:
        yield f"<p>{_CLOSE}</p>"
    if report.reimports:
        yield "<h4>Wiped and imported again by other hands</h4>"
        yield f"<ul>{''.join(f'<li>{prose(each)}</li>' for each in reimport_sentences(report))}</ul>"
    for group in groups(report, limit, fresh):
        yield f"<h4>{prose(group.title)}</h4>"
        yield _group(group)
    for remedy in remedies(report):
        commands = "<br>".join(map(code, remedy.commands))
        yield f"<p>{prose(remedy.sentence)}<br>{commands}</p>"


def _group(group: Group) -> str:
    shown = "".join(f"<li>{_place(place)}</li>" for place in group.places)
    more = (
        f"<li>{group.more:,} more; {code('elmify drift --format json')} has them</li>" if group.more else ""
    )
    return f"<ul>{shown}{more}</ul>"


def _place(place: Place) -> str:
    where = f" ({code(place.where)})" if place.where else ""
    mark = " <strong>new in this report</strong>" if place.fresh else ""
    lines = "<br>".join(map(code, place.lines))
    return f"{code(place.symbol)} {code(place.address)}{where}{mark}<br>{lines}"
