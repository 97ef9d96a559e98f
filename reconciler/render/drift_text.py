"""A drift report for a person at a terminal: readable in ten seconds."""

from collections.abc import Iterator

import click

from reconciler.model.drift import DriftReport
from reconciler.render.drift_sentences import Group, Place, groups, headline, reimport_sentences, remedies
from reconciler.render.escape import harmless

_PLACES = 20  # of one group: more are counted, and JSON has them all
_LINES = 8  # of one address

_COLOURS = {"+": "green", "-": "red", "~": "yellow", ">": "cyan"}


def drift_text(report: DriftReport, *, fresh: frozenset[str] | None = None, colour: bool = False) -> str:
    """Return the report as text. `fresh` are the ids not reported before; None where nobody kept count."""
    return "\n".join(_lines(report, fresh, colour=colour))


def _lines(report: DriftReport, fresh: frozenset[str] | None, *, colour: bool) -> Iterator[str]:
    title = harmless(headline(report, fresh))
    yield click.style(title, bold=True) if colour else title
    if report.reimports:
        yield "\nWiped and imported again by other hands"
        yield from (f"  {sentence}" for sentence in reimport_sentences(report))
    for group in groups(report, _PLACES, fresh):
        yield f"\n{group.title}"
        yield from _places(group, marked=_is_mixed(report, fresh), colour=colour)
    if report.ignored:
        yield f"\nLet be, as elmify.yaml says, and not listed: {report.ignored:,}."
    for remedy in remedies(report):
        yield f"\n{remedy.sentence}"
        yield from (f"    {harmless(command)}" for command in remedy.commands)


def _is_mixed(report: DriftReport, fresh: frozenset[str] | None) -> bool:
    """Whether some of it is new and some is not: only then is it worth a mark."""
    return fresh is not None and bool(report.ids & fresh) and not report.ids <= fresh


def _places(group: Group, *, marked: bool, colour: bool) -> Iterator[str]:
    for place in group.places:
        yield _head(place, marked=marked, colour=colour)
        yield from (f"      {line}" for line in place.lines[:_LINES])
        yield from _more(len(place.lines) - _LINES, indent="      ")
    yield from _more(group.more, indent="  ")


def _head(place: Place, *, marked: bool, colour: bool) -> str:
    symbol = click.style(place.symbol, fg=_COLOURS[place.symbol]) if colour else place.symbol
    where = f" ({place.where})" if place.where else ""
    mark = "  # not reported before" if marked and place.fresh else ""
    return f"  {symbol} {harmless(place.address)}{where}{mark}"


def _more(count: int, *, indent: str) -> Iterator[str]:
    if count > 0:
        yield f"{indent}# {count:,} more; all of them with --format json"
