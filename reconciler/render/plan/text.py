"""A plan as the text of a terminal, for readers who know Terraform's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from reconciler.model.drift import DriftFinding
from reconciler.model.plan import Action, Blocked, Change, Plan
from reconciler.model.values import counted
from reconciler.render.escape import arrow, harmless, styled, value_text
from reconciler.render.plan.attributes import Attribute, attributes, hidden_attributes
from reconciler.render.plan.costs import transfer_sentence
from reconciler.render.plan.notes import (
    kept_notes,
    record_notes,
    rekey_notes,
    released_notes,
    remembered_notes,
)
from reconciler.render.plan.parts import Detail, correction_parts, fitting_detail
from reconciler.render.plan.sentences import (
    ORDER,
    SYMBOLS,
    VERBS,
    allowances_sentence,
    beyond_sentence,
    by_kind,
    kept_sentence,
    lost_sentence,
    of_action,
    options_sentence,
    partial_line,
    people_sentence,
    plan_line,
    purpose_of,
    standing,
    stores_sentence,
    unmanaged_addresses,
    unmanaged_sentence,
    unverified_sentence,
)
from reconciler.render.plan.steps import changed_columns, steps_of
from reconciler.render.playback import copies_sentence, playback_sentence
from reconciler.render.remedies import guard_lines

_T = TypeVar("_T")

_EXAMPLES = 5  # of what is only counted
_LONGEST_LINE = 100  # characters of two values on one line; above it the new one gets its own
_MOST_NAMED = 20  # addresses under one blocked guard, drifts, notes: more are in the JSON

_COLOURS = {
    "+": "green",
    "~": "yellow",
    "-": "red",
    ">": "cyan",
    "<": "blue",
    ".": "magenta",
    "!": "red",
}


def plan_text(
    plan: Plan, *, detail: Detail | None = None, colour: bool = False, out: str | None = None
) -> str:
    """Return the plan as text that ends with the plan line.

    Blank lines separate the sections.

    Without `detail`, the text shows as much as a person can read. At every level, every delete and
    every refusal of a guard is named. `out` is the file that the plan is saved in. All text from
    outside is made harmless for a terminal. The result depends only on the arguments.
    """
    text = _Text(plan=plan, detail=detail or fitting_detail(plan), paint=_Paint(colour=colour), out=out)
    return "\n\n".join("\n".join(section) for section in map(list, text.sections()) if section)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paint:
    """Colours, or none."""

    colour: bool

    def __call__(self, text: str, fg: str | None = None, *, bold: bool = False) -> str:
        return styled(text, fg=fg, bold=bold or None) if self.colour else text

    def symbol(self, symbol: str) -> str:
        return self(symbol, _COLOURS.get(symbol))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """The sections of one plan, each as lines; an empty one is left out."""

    plan: Plan
    detail: Detail
    paint: _Paint
    out: str | None

    def sections(self) -> Iterator[Iterable[str]]:
        yield self._opening()
        yield self._drift()
        for action in ORDER:
            yield self._group(action)
        yield self._notes()
        yield self._unmanaged()
        yield self._guards()
        yield self._totals()
        yield self._closing()

    def _opening(self) -> Iterator[str]:
        if self.plan.scope:
            yield self._partial()
        if not self.plan.empty:
            where = self.paint(harmless(self.plan.environment), bold=True)
            purpose = purpose_of(self.plan)
            yield f"{purpose and f'{purpose}: '}elmify will do the following in {where}:"
        if stores := stores_sentence(self.plan):
            yield stores

    def _partial(self) -> str:
        return self.paint(partial_line(self.plan), "yellow", bold=True)

    def _drift(self) -> Iterator[str]:
        if self.plan.drift:
            yield "Changed outside elmify since the last apply:"
            shown, rest = _first(self.plan.drift, _MOST_NAMED)
            yield from map(_drift_line, shown)
            yield from rest

    def _group(self, action: Action) -> Iterator[str]:
        changes = of_action(self.plan, action)
        if not changes:
            return
        symbol = self.paint.symbol(SYMBOLS[action])
        yield self.paint(f"{len(changes):,} to {VERBS[action]} ({symbol}): {by_kind(changes)}", bold=True)
        yield from self._corrections(action)
        if self.detail is Detail.SUMMARY and action is not Action.DELETE:
            return
        for change in changes:
            yield from self._change(change)

    def _corrections(self, action: Action) -> Iterator[str]:
        if parts := correction_parts(self.plan, action):
            yield "  By column, with examples:"
        for part in parts:
            yield f"    {self.paint.symbol('~')} {harmless(part['column'])}, {counted(part['count'], 'time')}"
            for example in part["examples"]:
                yield f"        {_example_text(example)}"

    def _change(self, change: Change) -> Iterator[str]:
        yield self._headline(change)
        yield from self._people(change)
        if self.detail is Detail.ATTRIBUTES:
            yield f"      # {_why(change)}"
            yield from map(self._attribute, attributes(change))
            if hidden := hidden_attributes(change):
                yield f"      # {counted(hidden, 'unchanged attribute')} hidden"
            yield from (f"      = {step.store}: {step}" for step in steps_of(change))

    def _people(self, change: Change) -> Iterator[str]:
        if lost := lost_sentence(change.impact):
            yield f"      {self.paint(lost, 'red', bold=True)}"
        if beyond := beyond_sentence(change.impact):
            yield f"      {self.paint(beyond, 'yellow')}"
        if kept := kept_sentence(change.impact):
            yield f"      {kept}"

    def _headline(self, change: Change) -> str:
        address = self.paint(harmless(change.address), bold=True)
        was = f", was {harmless(change.previous_address)}" if change.previous_address else ""
        columns = changed_columns(change) if self.detail is Detail.RESOURCES else ()
        told = f": {', '.join(map(harmless, columns))}" if columns else ""
        return f"  {self.paint.symbol(SYMBOLS[change.action])} {address} ({standing(change)}{was}){told}"

    def _attribute(self, attribute: Attribute) -> str:
        name = f"{self.paint.symbol(attribute.symbol)} {harmless(attribute.name)}"
        note = f"  # {attribute.note}" if attribute.note else ""
        return f"      {name}: {_sides(attribute)}{note}"

    def _notes(self) -> Iterator[str]:
        for sentence, addresses in (
            *kept_notes(self.plan),
            *rekey_notes(self.plan),
            *released_notes(self.plan),
            *remembered_notes(self.plan),
            *record_notes(self.plan),
        ):
            yield sentence
            yield from self._examples(addresses)

    def _unmanaged(self) -> Iterator[str]:
        if sentence := unmanaged_sentence(self.plan):
            yield sentence
            for addresses in unmanaged_addresses(self.plan):
                yield from self._examples(addresses)

    def _examples(self, addresses: Sequence[str]) -> Iterator[str]:
        if self.detail is not Detail.SUMMARY:
            shown, rest = _first(addresses, _EXAMPLES)
            yield from (f"    {harmless(address)}" for address in shown)
            yield from rest

    def _guards(self) -> Iterator[str]:
        if self.plan.blocked:
            yield self.paint("Blocked: apply refuses this plan before it writes anything.", "red", bold=True)
            for blocked in self.plan.blocked:
                yield from self._blocked(blocked)

    def _blocked(self, blocked: Blocked) -> Iterator[str]:
        guard = self.paint(harmless(blocked.guard), bold=True)
        yield f"  {self.paint.symbol('!')} {guard}: {harmless(blocked.summary)}"
        shown, rest = _first(blocked.addresses, _MOST_NAMED)
        yield from (f"      {harmless(address)}" for address in shown)
        yield from (f"  {line}" for line in rest)
        lines = guard_lines(self.plan, blocked, self.out)
        if lines:
            yield "      To lift it:"
            yield from (f"          {harmless(line)}" for line in lines)

    def _totals(self) -> Iterator[str]:
        yield from filter(
            None,
            [
                people_sentence(self.plan),
                playback_sentence(self.plan),
                copies_sentence(self.plan),
                options_sentence(self.plan),
                allowances_sentence(self.plan),
                unverified_sentence(self.plan),
                transfer_sentence(self.plan),
            ],
        )

    def _closing(self) -> Iterator[str]:
        if self.plan.scope:
            yield self._partial()
        yield self.paint(plan_line(self.plan), bold=True)


def _first(items: Sequence[_T], limit: int) -> tuple[Sequence[_T], list[str]]:
    """Return the first items, and the line that says how many more there are."""
    extra = len(items) - limit
    return items[:limit], [f"    and {extra:,} more"] if extra > 0 else []


def _drift_line(drift: DriftFinding) -> str:
    sides = arrow(value_text(drift.recorded), value_text(drift.actual))
    return f"  {harmless(drift.address)}: {harmless(drift.attribute)}: {sides}"


def _why(change: Change) -> str:
    place = f" ({harmless(str(change.position))})" if change.position else ""
    return f"{harmless(change.reason)}{place}"


def _example_text(example: Mapping[str, str]) -> str:
    note = f"  # {example['note']}" if example["note"] else ""
    sides = _arrow(example["before"], example["after"], indent=8)
    return f"{sides} ({harmless(example['address'])}){note}"


def _sides(attribute: Attribute) -> str:
    if attribute.before is None:
        return str(attribute.after)
    return _arrow(attribute.before, attribute.after or "null", indent=6)


def _arrow(before: str, after: str, *, indent: int) -> str:
    """Return both values, the new one on its own line when they are long."""
    if len(before) + len(after) > _LONGEST_LINE:
        return f"{before}\n{' ' * (indent + 6)}-> {after}"
    return arrow(before, after)
