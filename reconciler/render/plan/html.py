"""A plan as one self-contained HTML page.

The page needs nothing else: no network, no other file, and no right to run anything. Its policy
lets a browser run only the script and the styles that are in it (by their hashes), and load only
pictures and sound, only from where the links of this plan lead.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reconciler.model.address import Address, parent_of
from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Action, Blocked, Change, ObjectState, Plan, State
from reconciler.planning.references import url_of
from reconciler.render.escape import harmless
from reconciler.render.plan.attributes import attributes, hidden_attributes
from reconciler.render.plan.parts import Detail, correction_parts, drift_part, notes, templates, totals
from reconciler.render.plan.sentences import (
    ORDER,
    SYMBOLS,
    VERBS,
    beyond_sentence,
    kept_sentence,
    lost_sentence,
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

#: Above this many changes a phone takes seconds to open a page that holds their attributes too.
_READABLE_CHANGES = 2_000
_COVERS = (Slot.COLLECTION_COVER_SMALL, Slot.COLLECTION_COVER)
_SCHEMES = ("https", "http")
#: The columns by which an address is known to people.
_NAMES = ("title", "name")


def plan_html(
    plan: Plan,
    *,
    detail: Detail | None = None,
    base_url: str | None = None,
    links: Mapping[str, str] | None = None,
    links_end: datetime | None = None,
    out: str | None = None,
) -> str:
    """Return the plan as an HTML page in UTF-8.

    Every change is on the page; the coarser levels of detail leave out the attributes of the changes.

    New pictures and sound are shown when there is a link: from `links`, by key, which work until
    `links_end`; otherwise under `base_url`, where they are once the plan is applied. `out` is the
    plan's file.
    """
    if detail is None:
        detail = Detail.ATTRIBUTES if len(plan.changes) <= _READABLE_CHANGES else Detail.RESOURCES
    media = _Media(plan, base_url, links or {})
    changes = [_change(change, media, detail) for change in _in_order(plan)]
    style, script = _text("plan.css"), _text("plan.js")
    return _template().render(
        policy=_policy(style, script, sorted(media.origins)),
        style=style,
        script=script,
        environment=plan.environment,
        made_at=plan.made_at,
        line=plan_line(plan),
        stores=stores_sentence(plan),
        partial=partial_line(plan),
        people=people_sentence(plan),
        blocked=[_guard(plan, blocked, out) for blocked in plan.blocked],
        actions=[_action(plan, action) for action in ORDER if plan.count(action)],
        corrections=[_corrections(plan, action) for action in ORDER if correction_parts(plan, action)],
        changes=changes,
        drift=[drift_part(drift) for drift in plan.drift],
        notes=list(notes(plan)),
        totals=totals(plan),
        fingerprint=plan.fingerprint,
        links_end=links_end,
    )


class _Media:
    """The links of a plan's new objects, and where they lead."""

    def __init__(self, plan: Plan, base_url: str | None, links: Mapping[str, str]) -> None:
        self._base_url = base_url
        self._links = links
        self.origins = set[str]()
        self._covers = {
            change.address: change.after
            for change in plan.changes
            if change.kind is Kind.COLLECTION and change.after is not None
        }

    def of(self, change: Change) -> Iterator[dict[str, str]]:
        """Yield the sound and the pictures that a change brings.

        Each of them has its link.
        """
        if change.after is None:
            return
        before = change.before or State(values={})
        for slot, found in sorted(change.after.objects.items()):
            if not found.is_same(before.objects.get(slot)) and (link := self._link(found)):
                yield {"slot": slot.value, "link": link, "sort": "audio" if _is_sound(slot) else "image"}

    def cover(self, change: Change) -> str | None:
        """Return the link of the cover of a lecture's collection.

        It is the cover that the collection has or gets, where this plan names it; else None.
        """
        parent = parent_of(Address(change.address))
        state = self._covers.get(parent) if parent is not None else None
        found = (state.objects.get(slot) for slot in _COVERS) if state is not None else ()
        return next((link for each in found if each is not None and (link := self._link(each))), None)

    def _link(self, found: ObjectState) -> str | None:
        link = self._links.get(found.key)
        if link is None and self._base_url is not None:
            link = url_of(self._base_url, found.key)
        if link is None:
            return None
        place = urlsplit(link)
        if place.scheme not in _SCHEMES or not place.netloc:
            return None
        self.origins.add(f"{place.scheme}://{place.netloc}")
        return link


def _is_sound(slot: Slot) -> bool:
    return slot is Slot.LECTURE_AUDIO


def _in_order(plan: Plan) -> list[Change]:
    """Return the changes that somebody would notice, deletes first."""
    return [change for action in ORDER for change in plan.changes if change.action is action]


def _action(plan: Plan, action: Action) -> dict[str, Any]:
    return {
        "name": action.value,
        "verb": VERBS[action],
        "symbol": SYMBOLS[action],
        "count": plan.count(action),
    }


def _corrections(plan: Plan, action: Action) -> dict[str, Any]:
    return {"count": plan.count(action), "verb": VERBS[action], "columns": correction_parts(plan, action)}


def _change(change: Change, media: _Media, detail: Detail) -> dict[str, Any]:
    explained = detail is Detail.ATTRIBUTES
    return {
        "action": change.action.value,
        "symbol": SYMBOLS[change.action],
        "verb": VERBS[change.action],
        "title": _title(change),
        "address": change.address,
        "standing": standing(change),
        "was": change.previous_address,
        "lost": lost_sentence(change.impact),
        "beyond": beyond_sentence(change.impact),
        "kept": kept_sentence(change.impact),
        "why": change.reason,
        "position": str(change.position or ""),
        "columns": "" if explained else ", ".join(changed_columns(change)),
        "attributes": attributes(change) if explained else (),
        "hidden": hidden_attributes(change) if explained else 0,
        "steps": steps_of(change) if explained else (),
        "media": list(media.of(change)),
        "cover": media.cover(change) if change.action is Action.CREATE else None,
    }


def _title(change: Change) -> str:
    """Return the name that people use for the resource.

    When it has no name, that is the last part of its address.
    """
    for state in filter(None, (change.after, change.before)):
        for column in _NAMES:
            if isinstance(name := state.values.get(column), str):
                return name
    return change.address.rpartition("/")[2]


def _guard(plan: Plan, blocked: Blocked, out: str | None) -> dict[str, Any]:
    return {
        "guard": blocked.guard,
        "summary": blocked.summary,
        "remedy": guard_lines(plan, blocked, out),
        "addresses": blocked.addresses,
    }


@lru_cache(maxsize=8)
def _text(name: str) -> str:
    return (files("reconciler.render") / "templates" / name).read_text("utf-8")


@cache
def _template() -> "Template":
    environment = templates(_finalize, trim=True)
    return environment.get_template("plan.html.j2")


def _finalize(value: object) -> object:
    """Return a value of the template as text in which nothing acts.

    What is not a string is shown as it is.
    """
    return harmless(value) if type(value) is str else value


def _policy(style: str, script: str, origins: list[str]) -> str:
    """Return the page's Content-Security-Policy."""
    sources = " ".join(origins) or "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            f"img-src {sources}",
            f"media-src {sources}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
