"""A plan as a comment on a pull request.

The comment is HTML, which every forge's Markdown lets through, because Markdown has no way to quote a text
that holds for all of backticks, pipes, tags and mentions at once. What came from outside stands in `<code>`,
where forges look for neither mentions nor references.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from reconciler.model.plan import Action, Blocked, Change, Plan
from reconciler.model.values import counted
from reconciler.render.escape import code, marker_word, prose
from reconciler.render.plan.attributes import attributes
from reconciler.render.plan.parts import Detail, correction_parts, drift_part, notes, templates, totals
from reconciler.render.plan.sentences import (
    NO_CHANGES,
    ORDER,
    SYMBOLS,
    VERBS,
    beyond_sentence,
    by_kind,
    kept_sentence,
    lost_sentence,
    of_action,
    partial_line,
    people_sentence,
    plan_line,
    standing,
    stores_sentence,
)
from reconciler.render.plan.steps import changed_columns, steps_of
from reconciler.render.remedies import guard_lines

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

#: Under GitHub's limit of 65,536 characters for a comment, with room for what a workflow adds.
MAX_BYTES = 60_000
_LEAST_BYTES = 60  # of a change that is explained: its own tags alone are longer


class _Level(IntEnum):
    """Levels of a comment, from the finest to the coarsest.

    A level says how the comment shows what is not destroyed.
    """

    ATTRIBUTES = 0
    RESOURCES = 1
    COLLECTIONS = 2  # counts for each collection
    KINDS = 3  # counts of speakers, collections and lectures


#: How many examples of each corrected column a level has room for.
_EXAMPLES = {_Level.ATTRIBUTES: 3, _Level.RESOURCES: 3, _Level.COLLECTIONS: 1, _Level.KINDS: 0}

_FINEST = {
    Detail.ATTRIBUTES: _Level.ATTRIBUTES,
    Detail.RESOURCES: _Level.RESOURCES,
    Detail.SUMMARY: _Level.COLLECTIONS,
}


def plan_markdown(
    plan: Plan,
    *,
    detail: Detail = Detail.ATTRIBUTES,
    max_bytes: int = MAX_BYTES,
    out: str | None = None,
) -> str:
    """Return the plan as one Markdown comment.

    The comment has at most `max_bytes` of UTF-8 and begins with a hidden marker.

    A plan that does not fit is shown at a coarser level, with whole changes at a time. Deletes and
    blocked changes are named at every level, so a plan with thousands of them can still exceed the
    limit. `out` is the file that the plan is saved in.
    """
    if _nothing_to_say(plan):
        stores = prose(stores_sentence(plan))
        return f"{comment_marker(plan.environment)} {NO_CHANGES}{stores and f' {stores}'}\n"
    finest = _FINEST[detail]
    deletes = plan.count(Action.DELETE)
    text = ""
    for level in list(_Level)[finest:]:
        if level < _Level.COLLECTIONS and len(plan.changes) * _LEAST_BYTES > max_bytes:
            continue
        if level < _Level.KINDS and deletes * _LEAST_BYTES > max_bytes:
            continue
        text = _rendered(plan, level, coarser=level is not finest, out=out)
        if len(text.encode()) <= max_bytes:
            break
    return text


def plan_in_short(plan: Plan, where: str) -> str:
    """Return a short replacement for a plan that is too long.

    The deletes of such a plan alone are longer than its place allows. The text says how many there
    are and `where` all of them are named: a list that breaks off would look complete.
    """
    lines = [plan_line(plan), people_sentence(plan), partial_line(plan), stores_sentence(plan)]
    told = "".join(f"<p><strong>{prose(line)}</strong></p>\n" for line in lines if line)
    long = [
        counted(plan.count(Action.DELETE), "delete"),
        counted(len(plan.blocked), "guard's no", "guards' no"),
    ]
    return (
        f"{comment_marker(plan.environment)}\n<h3>elmify plan for {code(plan.environment)}</h3>\n{told}"
        f"<p>Too long to be shown here: {prose(' and '.join(long))}. {prose(where)}</p>\n"
        f"<p>Fingerprint <code>{plan.fingerprint}</code></p>\n"
    )


def _nothing_to_say(plan: Plan) -> bool:
    told = plan.changes or plan.blocked or plan.drift or plan.kept or plan.not_rekeyed or plan.scope
    return plan.empty and not told


def comment_marker(environment: str) -> str:
    """Return the hidden comment that identifies a plan's comment.

    A workflow finds the comment to replace by it. It cannot be closed from within.
    """
    return f"<!-- elmify-plan:{marker_word(environment)} -->"


def _rendered(plan: Plan, level: _Level, *, coarser: bool, out: str | None) -> str:
    text = _template().render(
        marker=_as_markup(comment_marker(plan.environment)),
        environment=plan.environment,
        line=plan_line(plan),
        stores=stores_sentence(plan),
        urgent=list(filter(None, [partial_line(plan), people_sentence(plan)])),
        coarser=coarser,
        counted=level >= _Level.COLLECTIONS,
        blocked=[_guard(plan, blocked, level, out) for blocked in plan.blocked],
        groups=[_group(plan, action, level) for action in ORDER if plan.count(action)],
        drift=[drift_part(drift) for drift in plan.drift],
        notes=list(notes(plan)),
        totals=totals(plan),
        fingerprint=plan.fingerprint,
        partial=partial_line(plan),
    )
    return "\n".join(line for line in text.split("\n") if line.strip()) + "\n"


@cache
def _template() -> "Template":
    environment = templates(_finalize)
    environment.filters["code"] = _code
    return environment.get_template("plan.md.j2")


def _finalize(value: object) -> "Markup":
    """Return a value of the template as escaped text.

    Markup of our own is not escaped again.
    """
    from markupsafe import Markup

    if isinstance(value, Markup):
        return value
    return Markup(prose(str(value)))  # noqa: S704 - escaped


def _code(value: object) -> "Markup":
    """Return a text from outside as code; nothing for None or an empty text."""
    return _as_markup("" if value is None else code(str(value)))


def _as_markup(text: str) -> "Markup":
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - its callers have escaped what came from outside


def _group(plan: Plan, action: Action, level: _Level) -> dict[str, Any]:
    changes = of_action(plan, action)
    form = _form(action, level)
    each = form in {"explained", "listed", "folded"}
    return {
        "title": f"{len(changes):,} to {VERBS[action]}",
        "kinds": by_kind(changes),
        "form": form,
        "corrections": correction_parts(plan, action, _EXAMPLES[level]),
        "changes": [_change(change, level) for change in changes] if each else [],
        "places": list(_places(changes, named=form == "named")) if form in {"placed", "named"} else [],
    }


def _form(action: Action, level: _Level) -> str:
    """Return the form in which a group is shown.

    What is destroyed is never only counted, and never folded away.
    """
    if level is _Level.ATTRIBUTES:
        return "explained"
    if action is Action.DELETE:
        return "named" if level is _Level.KINDS else "listed"
    return {_Level.RESOURCES: "folded", _Level.COLLECTIONS: "placed"}.get(level, "counted")


def _places(changes: Sequence[Change], *, named: bool) -> Iterator[dict[str, Any]]:
    """Yield the folder of each group of changes.

    It is a lecture's collection, or a collection's speaker. With `named`, each folder has the last
    parts of its addresses.
    """
    places: dict[str, list[Change]] = {}
    for change in changes:
        folder = change.address.rpartition("/")[0] if change.kind is not None else ""
        places.setdefault(folder, []).append(change)
    for folder, found in sorted(places.items()):
        names = [change.address.removeprefix(f"{folder}/") if folder else change.address for change in found]
        yield {
            "folder": f"{folder}/" if folder else "",
            "kinds": by_kind(found),
            "names": names if named else [],
        }


def _change(change: Change, level: _Level) -> dict[str, Any]:
    explained = level is _Level.ATTRIBUTES
    return {
        "symbol": SYMBOLS[change.action],
        "address": change.address,
        "standing": standing(change),
        "was": change.previous_address,
        "lost": lost_sentence(change.impact),
        "beyond": beyond_sentence(change.impact),
        "kept": kept_sentence(change.impact),
        "columns": "" if explained else ", ".join(changed_columns(change)),
        "why": change.reason,
        "position": change.position,
        "attributes": attributes(change) if explained else (),
        "steps": steps_of(change) if explained else (),
    }


def _guard(plan: Plan, blocked: Blocked, level: _Level, out: str | None) -> dict[str, Any]:
    """Return the refusal of a guard.

    The coarser levels leave out the addresses that the deletes name anyway.
    """
    deleted = {change.address for change in of_action(plan, Action.DELETE)}
    left_out = deleted if level >= _Level.COLLECTIONS else set()
    named = [address for address in blocked.addresses if address not in left_out]
    below = len(blocked.addresses) - len(named)
    return {
        "guard": blocked.guard,
        "summary": blocked.summary,
        "remedy": guard_lines(plan, blocked, out),
        "addresses": named,
        "below": f"{counted(below, 'address', 'addresses')} among the deletes below" if below else "",
    }
