import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.kinds import Slot
from reconciler.model.plan import Action, Blocked, Impact, ObjectState, Plan, State, Unmanaged
from reconciler.model.remedies import LiftGuard, Sentence
from reconciler.render.escape import harmless
from reconciler.render.plan.markdown import plan_markdown
from reconciler.render.plan.parts import Detail
from tests.unit.render.plans import (
    HOSTILE,
    QURAN,
    adopt,
    create,
    delete,
    drift,
    empty_plan,
    full_plan,
    many,
    plan_of,
    update,
)

SMALL = """\
<!-- elmify-plan:production -->
<h3>elmify plan for <code>production</code></h3>
<p><strong>Plan: 1 to add, 0 to change, 1 to delete.</strong></p>
<p><strong>People: would lose 3 favourites of 2 listeners; keeps 41 user rows.</strong></p>
<h4>Blocked: apply refuses this plan before it writes anything</h4>
<ul>
<li><code>user-rows</code>: 3 user rows would be lost, and 0 are allowed
<br>To lift it:<br><code>elmify plan --allow user-rows=3</code>
<ul><li><code>abdul-rashid-sufi/quran-hafs/al-fatiha</code></li></ul></li>
</ul>
<h4>1 to delete</h4>
<details><summary><code>-</code> <code>abdul-rashid-sufi/quran-hafs/al-fatiha</code> (lectures&#91;412&#93;) \
<strong>would lose 3 favourites of 2 listeners</strong></summary>
<p>it left the catalog</p>
<table><tr><th></th><th>attribute</th><th>before</th><th>after</th></tr>
<tr><td><code>-</code></td><td><code>title</code></td>
<td><code>&#34;Al-Fatiha&#34;</code></td>
<td></td></tr>
</table>
<ul><li>database: <code>delete lectures&#91;412&#93; (and 3 rows of favorites)</code></li>\
<li>records: <code>forget abdul-rashid-sufi/quran-hafs/al-fatiha</code></li></ul>
</details>
<h4>1 to add</h4>
<details><summary><code>+</code> <code>abdul-rashid-sufi/quran-hafs/an-nas</code> (lecture)</summary>
<p>it is not there yet (<code>catalog/abdul-rashid-sufi/quran-hafs.yaml:40:5</code>)</p>
<table><tr><th></th><th>attribute</th><th>before</th><th>after</th></tr>
<tr><td><code>+</code></td><td><code>is&#95;public</code></td>
<td></td>
<td><code>false</code><br><code>the database&#39;s default</code></td></tr>
<tr><td><code>+</code></td><td><code>title</code></td>
<td></td>
<td><code>&#34;An-Nas&#34;</code></td></tr>
</table>
<ul><li>database: <code>insert into lectures</code></li></ul>
</details>
<p>Upload: 0 objects, 0 B. R2 operations: about 2 of class A and 0 of class B, less than &#36;0.01.</p>
<p>Fingerprint <code>FINGERPRINT</code></p>
"""


TAGS = {
    *("h3", "h4", "p", "strong", "code", "ul", "li", "br"),
    *("details", "summary", "table", "tr", "th", "td"),
}


def _small_plan() -> Plan:
    guard = Blocked(
        guard="user-rows",
        summary="3 user rows would be lost, and 0 are allowed",
        addresses=(f"{QURAN}/al-fatiha",),
        remedies=(LiftGuard(guard="user-rows", number=3),),
    )
    lost = Impact(lost={"favorites": 3}, users=2)
    gone = replace(delete(), before=State(values={"title": "Al-Fatiha"}), retired=(), impact=lost)
    new = replace(create(), after=State(values={"title": "An-Nas"}), puts=())
    return plan_of([gone, new], blocked=(guard,), impact=replace(lost, kept=41))


def _hostile_plan(told: str) -> Plan:
    """A plan with that text wherever text from outside can stand."""
    found = ObjectState(key=told, size_bytes=1)
    changes = [
        replace(create(title=told), reason=told, reused=(told,), address=told),
        replace(delete(title=told), previous_address=told, impact=Impact(lost={told: 1})),
        replace(update(title=told), released=(told,)),
        replace(adopt(), after=State(values={"name": told}, objects={Slot.SPEAKER_IMAGE: found})),
    ]
    return replace(
        plan_of(
            changes,
            scope=(told,),
            allowances={told: 1},
            blocked=(
                Blocked(
                    guard=told,
                    summary=told,
                    addresses=(told,),
                    remedies=(Sentence(text=told), LiftGuard(guard=told, number=1)),
                ),
            ),
            drift=(replace(drift(), actual=told, attribute=told),),
            impact=Impact(lost={told: 1}),
            unmanaged=Unmanaged(objects={told: 1}),
            options=(told,),
        ),
        environment=told,
    )


class _Reader(HTMLParser):
    """What a browser would make of a comment: its tags in order, and the text outside `<code>`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[str | None] = []
        self.prose = ""
        self.code = ""
        self.comments = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "code" in self.open:
            self.code += data
        else:
            self.prose += data + "\0"

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_a_small_plan_as_a_comment() -> None:
    plan = _small_plan()

    assert plan_markdown(plan) == SMALL.replace("FINGERPRINT", plan.fingerprint)


def test_an_empty_plan_is_one_line_that_a_workflow_still_finds() -> None:
    assert plan_markdown(empty_plan()) == (
        "<!-- elmify-plan:production --> No changes. The library matches the catalog.\n"
    )


def test_an_empty_plan_with_something_to_say_says_it() -> None:
    text = plan_markdown(plan_of(blocked=(Blocked(guard="empty-catalog", summary="nothing declared"),)))

    assert "No changes. The library matches the catalog." in text
    assert "nothing declared" in text


def test_a_partial_plan_says_so_at_both_ends() -> None:
    lines = plan_markdown(plan_of([create()], scope=("abdul-*",))).splitlines()

    assert "PARTIAL: only abdul-&#42; was compared" in lines[3]
    assert "PARTIAL: only abdul-&#42; was compared" in lines[-1]


@pytest.mark.parametrize("detail", list(Detail))
@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_text_makes_neither_a_tag_nor_a_line_nor_a_mention(title: str, detail: Detail) -> None:
    text = plan_markdown(_hostile_plan(title), detail=detail)
    harmless_twin = plan_markdown(_hostile_plan("plain"), detail=detail)

    reader = _read(text)
    assert set(reader.tags) <= TAGS
    assert reader.attributes == []
    assert reader.comments == 1
    assert "\n\n" not in text
    assert "@" not in text
    assert "::" not in text
    assert "##[" not in text
    assert not re.search(r"[`|*\[\]_]", text.partition("\n")[2])
    assert not re.search(r"[@#]\w|://\w", reader.prose)
    assert harmless(title) in reader.code
    assert text.count("<li>") <= harmless_twin.count("<li>") + 4  # a remedy or a warning of several lines


@settings(deadline=None)
@given(st.text(max_size=20), st.sampled_from(Detail))
def test_whatever_the_text_the_comment_stays_one_block_of_known_tags(told: str, detail: Detail) -> None:
    text = plan_markdown(_hostile_plan(told), detail=detail)

    assert _read(text).comments == 1
    assert all(line.startswith("<") for line in text.splitlines()[:3])
    assert "\n\n" not in text


def test_the_marker_names_the_environment_as_it_is() -> None:
    text = plan_markdown(replace(empty_plan(), environment="prod-eu.2"))

    assert text.startswith("<!-- elmify-plan:prod-eu.2 -->")


def test_the_marker_cannot_be_closed_by_the_name_of_an_environment() -> None:
    text = plan_markdown(replace(empty_plan(), environment="a --> <script>"))

    assert text.startswith("<!-- elmify-plan:a_-____script_ --> No changes.")


def test_arabic_stays_readable_in_a_cell_of_its_own() -> None:
    assert "<td><code>&#34;سورة محمد ﷺ&#34;</code></td>" in plan_markdown(
        plan_of([create(title="سورة محمد ﷺ")])
    )


def test_a_plan_that_fits_keeps_its_attributes() -> None:
    text = plan_markdown(many(50))

    assert text.count("<details>") == 50
    assert "less detail" not in text


def test_a_plan_that_does_not_fit_is_shown_a_level_coarser_and_says_so() -> None:
    text = plan_markdown(many(300))

    assert len(text.encode()) <= 60_000
    assert "In less detail than asked for" in text
    assert text.count("<li><code>+</code>") == 300


def test_thousands_of_creates_are_counted() -> None:
    text = plan_markdown(many(5_000))

    assert len(text.encode()) <= 60_000
    assert f"<h4>5,000 to add</h4>\n<ul>\n<li><code>{QURAN}/</code> 5,000 lectures</li>\n</ul>" in text


def test_what_is_counted_is_counted_for_each_collection_while_these_fit() -> None:
    places = [f"speaker/collection-{at}" for at in range(20)]
    plan = plan_of([replace(create(), address=f"{place}/{at}") for place in places for at in range(9)])

    in_collections = plan_markdown(plan, detail=Detail.SUMMARY)
    in_kinds = plan_markdown(plan, detail=Detail.SUMMARY, max_bytes=500)

    assert all(f"<li><code>{place}/</code> 9 lectures</li>" in in_collections for place in places)
    assert "less detail" not in in_collections
    assert "<h4>180 to add</h4>\n<p>180 lectures</p>" in in_kinds
    assert "less detail" in in_kinds


def _deleted(text: str) -> set[str]:
    """Return the addresses that a comment says are deleted, whichever way it says so."""
    section = text.partition(" to delete</h4>")[2].partition("<h4>")[0]
    found = set(re.findall(r"<code>-</code> <code>([^<]*)</code>", section))
    for folder, names in re.findall(r"<li><code>([^<]*/)</code>((?: <code>[^<]*</code>)+)</li>", section):
        found |= {folder + name for name in re.findall(r"<code>([^<]*)</code>", names)}
    return found


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["create", "update", "delete"]), max_size=60),
    st.text(max_size=30),
    st.integers(min_value=1, max_value=40_000),
)
def test_a_comment_fits_or_is_the_shortest_there_is_and_names_every_delete(
    actions: list[str], title: str, max_bytes: int
) -> None:
    make = {"create": create, "update": update, "delete": delete}
    plan = plan_of([make[action](f"{action}-{at}", title) for at, action in enumerate(actions)])

    text = plan_markdown(plan, max_bytes=max_bytes)

    assert len(text.encode()) <= max_bytes or text == plan_markdown(plan, max_bytes=1)
    assert _deleted(text) == {change.address for change in plan.changes if change.action is Action.DELETE}
    assert _read(text).open == []


def test_the_names_of_a_thousand_deletes_fit_into_a_comment() -> None:
    assert len(plan_markdown(many(1_000, Action.DELETE)).encode()) <= 60_000


@pytest.mark.parametrize("max_bytes", [100, 10_000, 60_000])
def test_no_delete_and_nothing_blocked_is_ever_left_out(max_bytes: int) -> None:
    deletes = many(1_000, Action.DELETE).changes
    addresses = tuple(change.address for change in deletes)
    guard = Blocked(guard="deletes", summary="1,000 deletes", addresses=("elsewhere", *addresses))
    plan = plan_of([*deletes, *many(100).changes], blocked=(guard,))

    text = plan_markdown(plan, max_bytes=max_bytes)

    assert _deleted(text) == set(addresses)
    assert "<code>elsewhere</code>" in text
    assert "1,000 addresses among the deletes below" in text


def test_the_level_asked_for_is_the_finest() -> None:
    text = plan_markdown(full_plan(), detail=Detail.RESOURCES)

    assert "<th>attribute</th><th>before</th>" not in text
    assert "less detail" not in text


def test_the_same_plan_gives_the_same_comment() -> None:
    assert plan_markdown(full_plan()) == plan_markdown(full_plan())


def test_everything_a_plan_holds_is_in_its_comment() -> None:
    text = plan_markdown(full_plan())

    for told in (
        "Changed outside elmify",
        "Al-Baqara&#34;",
        "year is no longer managed",
        "unmanaged.lectures&#91;900&#93;",
        "Allowed with this plan: deletes up to 12.",
        "5 objects were never hashed",
        full_plan().fingerprint,
    ):
        assert told in text
