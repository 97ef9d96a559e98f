import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.kinds import Slot
from reconciler.model.plan import Blocked, Impact, ObjectState, Plan, State, Unmanaged
from reconciler.model.remedies import LiftGuard, Sentence
from reconciler.render.escape import harmless
from reconciler.render.plan.html import plan_html
from reconciler.render.plan.parts import Detail
from tests.unit.render.plans import (
    HOSTILE,
    adopt,
    collection,
    create,
    delete,
    drift,
    empty_plan,
    full_plan,
    many,
    plan_of,
    update,
)

BASE = "https://cdn.example.com"


class _Reader(HTMLParser):
    """A page's tags with their attributes, and its text by tag."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside not in {"style", "script"}:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader


def _policy(page: _Reader) -> str:
    found = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv")]
    assert len(found) == 1
    return found[0] or ""


def _hostile(told: str) -> Plan:
    found = ObjectState(key=told, size_bytes=1)
    changes = [
        replace(create(title=told), reason=told, address=told),
        replace(delete(title=told), previous_address=told, impact=Impact(lost={told: 1})),
        replace(adopt(), after=State(values={"name": told}, objects={Slot.SPEAKER_IMAGE: found})),
    ]
    return replace(
        plan_of(
            changes,
            scope=(told,),
            blocked=(
                Blocked(
                    guard=told,
                    summary=told,
                    addresses=(told,),
                    remedies=(Sentence(text=told), LiftGuard(guard=told, number=1)),
                ),
            ),
            drift=(replace(drift(), actual=told, attribute=told),),
            unmanaged=Unmanaged(objects={told: 1}),
        ),
        environment=told,
    )


def test_a_page_names_nothing_outside_itself() -> None:
    page = _read(plan_html(full_plan()))

    assert not [attributes for _, attributes in page.found if {"src", "href", "srcset"} & attributes.keys()]
    assert "img-src 'none'; media-src 'none'" in _policy(page)
    assert _policy(page).startswith("default-src 'none'; ")


def test_only_its_own_script_and_styles_may_run() -> None:
    policy = _policy(_read(plan_html(full_plan())))

    assert len(re.findall(r"(?:script|style)-src 'sha256-[A-Za-z0-9+/]{43}='(?:;|$)", policy)) == 2
    assert "unsafe" not in policy


def test_what_acts_in_a_text_without_being_seen_is_shown_instead() -> None:
    text = plan_html(_hostile("\x1b[31m \u202e ::error::"), base_url=BASE)

    assert not set("\x1b\u202e") & set(text)


@pytest.mark.parametrize("told", HOSTILE)
def test_a_hostile_text_makes_no_tag_and_no_attribute(told: str) -> None:
    page = _read(plan_html(_hostile(told), base_url=BASE))
    twin = _read(plan_html(_hostile("plain"), base_url=BASE))

    def shape(reader: _Reader) -> list[tuple[str, list[str]]]:
        of_lines = {"br", "span"}  # a warning of several lines has more of these
        return [(tag, list(attributes)) for tag, attributes in reader.found if tag not in of_lines]

    assert shape(page) == shape(twin)
    assert harmless(told) in page.text


@settings(deadline=None)
@given(st.text(max_size=20))
def test_whatever_the_text_there_is_one_script_and_no_handler(told: str) -> None:
    page = _read(plan_html(_hostile(told), base_url=BASE))

    assert len(page.all("script")) == 1
    assert not [
        name for _, attributes in page.found for name in attributes if name.startswith(("on", "style"))
    ]


def test_a_new_lecture_can_be_heard_under_the_base_url() -> None:
    page = _read(plan_html(plan_of([create()]), base_url=BASE))

    assert [audio["src"] for audio in page.all("audio")] == [
        f"{BASE}/Abdul%20Rashid%20Sufi/Quran%20Hafs/114%20-%20An-Nas.mp3"
    ]
    assert f"media-src {BASE};" in _policy(page)


def test_a_new_lecture_shows_the_cover_of_its_newcollection() -> None:
    page = _read(plan_html(plan_of([collection(), create()]), base_url=BASE))

    cover = f"{BASE}/Abdul%20Rashid%20Sufi/Quran%20Hafs/collection.jpg"
    assert {(image["class"], image["src"]) for image in page.all("img")} == {
        ("picture", cover),
        ("cover", cover),
    }


def test_what_is_deleted_or_stays_as_it_is_brings_no_player() -> None:
    assert _read(plan_html(plan_of([delete(), update()]), base_url=BASE)).all("audio") == []


def test_a_link_that_was_made_goes_before_the_base_url_and_its_end_is_said() -> None:
    (put,) = create().puts
    links = {put.key: "https://bucket.example.com/a?X-Amz-Signature=abc"}

    text = plan_html(
        plan_of([create()]),
        base_url=BASE,
        links=links,
        links_end=datetime(2026, 11, 23, 14, 17, tzinfo=UTC),
    )

    page = _read(text)
    assert [audio["src"] for audio in page.all("audio")] == list(links.values())
    assert "media-src https://bucket.example.com;" in _policy(page)
    assert "until 2026-11-23 14:17 UTC" in page.text


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//elsewhere", ""])
def test_a_link_that_is_none_is_not_taken(link: str) -> None:
    (put,) = create().puts

    assert _read(plan_html(plan_of([create()]), links={put.key: link})).all("audio") == []


def test_everything_a_plan_holds_is_on_the_page() -> None:
    text = _read(plan_html(full_plan())).text

    for told in (
        "Plan: 1 to import, of which 1 is corrected: name 1; 1 to add, 2 to change",
        "4 user rows would be lost, and 0 are allowed",
        "elmify plan --allow deletes=12 --allow user-rows=4",
        "would lose 3 favourites and 1 playback position",
        "Changed outside elmify",
        '"Al-Baqara"',
        "year is no longer managed",
        "unmanaged.lectures[900]",
        "Allowed with this plan: deletes up to 12.",
        full_plan().fingerprint,
    ):
        assert told in text


def test_deletes_come_first() -> None:
    articles = _read(plan_html(full_plan())).all("article")

    assert [article["data-action"] for article in articles] == [
        "delete",
        "forget",
        "move",
        "update",
        "adopt",
        "create",
    ]


def test_thousands_of_changes_are_all_there_without_their_attributes() -> None:
    page = _read(plan_html(many(2_001)))

    assert len(page.all("article")) == 2_001
    assert page.all("del") == page.all("ins") == []
    assert len(_read(plan_html(many(2), detail=Detail.RESOURCES)).all("ins")) == 0
    assert len(_read(plan_html(many(2))).all("ins")) > 0


def test_an_empty_plan_has_nothing_to_search() -> None:
    page = _read(plan_html(empty_plan()))

    assert "No changes. The library matches the catalog." in page.text
    assert page.all("input") == []


def test_the_same_plan_gives_the_same_page() -> None:
    assert plan_html(full_plan(), base_url=BASE) == plan_html(full_plan(), base_url=BASE)
