from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Action, ObjectState, State
from reconciler.model.values import Value, same
from reconciler.render.plan.attributes import Attribute, attributes, hidden_attributes
from tests.unit.render.plans import create, forget, update

VALUES: st.SearchStrategy[Value] = st.sampled_from(
    (None, True, False, 0, 1, 2, "", "1", "a", "A", "true", (), ("a",), ("a", "b"), ("b", "a"))
)
COLUMNS = st.fixed_dictionaries(
    dict.fromkeys(("title", "year", "is_public", "categories", "description"), VALUES)
)


def _only(before: Value, after: Value) -> Attribute:
    change = replace(update(), before=State(values={"x": before}), after=State(values={"x": after}))
    (found,) = attributes(change)
    return found


@given(COLUMNS, COLUMNS)
def test_what_is_explained_is_exactly_what_differs(before: dict[str, Value], after: dict[str, Value]) -> None:
    change = replace(update(), before=State(values=before), after=State(values=after))

    named = {attribute.name for attribute in attributes(change)}

    assert named == {name for name in after if not same(before[name], after[name])}
    assert hidden_attributes(change) == len(after) - len(named)


@pytest.mark.parametrize(
    ("before", "after", "symbol"), [(None, "a", "+"), ("a", None, "-"), ("a", "b", "~"), (1, True, "~")]
)
def test_the_symbol_says_whether_a_value_comes_goes_or_changes(
    before: Value, after: Value, symbol: str
) -> None:
    assert _only(before, after).symbol == symbol


def test_a_column_the_catalog_no_longer_manages_is_not_shown_as_going() -> None:
    change = replace(update(), before=State(values={"x": 1, "y": 2}), after=State(values={"x": 2}))

    assert [attribute.name for attribute in attributes(change)] == ["x"]


def test_a_value_that_the_store_will_make_is_known_after_apply() -> None:
    change = replace(
        update(),
        before=State(values={"speaker_id": 3}),
        after=State(values={}, pending={"speaker_id": "new-speaker"}),
    )

    assert attributes(change) == (Attribute(name="speaker_id", before="3", after="(known after apply)"),)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (("a",), ("a", "b"), 'adds "b"'),
        (("a", "b"), ("b",), 'drops "a"'),
        (("a", "b"), ("b", "c"), 'adds "c", drops "a"'),
        (("a", "b"), ("b", "a"), "another order"),
    ],
)
def test_a_list_says_what_it_gains_and_loses(before: Value, after: Value, told: str) -> None:
    assert _only(before, after).note == told


def test_texts_that_look_the_same_are_spelled_out() -> None:
    found = _only("cafe\u0301", "caf\u00e9")

    assert found.note == 'the spelling: "cafe\\u0301" -> "caf\\xe9"'


def test_long_texts_are_cut_around_their_first_difference() -> None:
    found = _only("x" * 500 + "old" + "y" * 500, "x" * 500 + "new" + "y" * 500)

    assert found.before == '…"' + "x" * 24 + "old" + "y" * 132 + "… (369 more characters)"
    assert found.after == '…"' + "x" * 24 + "new" + "y" * 132 + "… (369 more characters)"


def test_an_object_is_told_by_its_key_size_and_bytes() -> None:
    old = ObjectState(key="a.mp3", size_bytes=1024, verified=False)
    new = ObjectState(key="a~77aa00ff.mp3", size_bytes=2048, sha256="77aa00ff" * 8)
    change = replace(
        update(),
        before=State(values={}, objects={Slot.LECTURE_AUDIO: old}),
        after=State(values={}, objects={Slot.LECTURE_AUDIO: new}),
    )

    assert attributes(change) == (
        Attribute(
            name="audio",
            before='"a.mp3" (1.0 KiB, never hashed)',
            after='"a~77aa00ff.mp3" (2.0 KiB, sha256 77aa00ff)',
        ),
    )


@pytest.mark.parametrize(("retired", "shown"), [(("a.jpg",), 1), ((), 0)])
def test_an_object_goes_only_when_its_key_is_retired(retired: tuple[str, ...], shown: int) -> None:
    found = ObjectState(key="a.jpg", size_bytes=1)
    change = replace(
        update(),
        before=State(values={}, objects={Slot.COLLECTION_COVER: found}),
        after=State(values={}),
        retired=retired,
    )

    assert len(attributes(change)) == shown


def test_of_what_is_new_every_value_that_is_not_null_is_shown() -> None:
    names = [attribute.name for attribute in attributes(create())]

    assert names == ["collection_id", "is_public", "lecture_number", "title", "audio"]


@pytest.mark.parametrize(
    ("kind", "said", "told"),
    [
        (Kind.SPEAKER, {}, {"is_premium": "false", "visibility_type": '"public"'}),
        (Kind.SPEAKER, {"is_premium": True}, {"visibility_type": '"public"'}),
        (Kind.COLLECTION, {}, {}),
        (Kind.LECTURE, {}, {"is_public": "false"}),
        (Kind.LECTURE, {"is_public": True}, {}),
    ],
)
def test_of_a_new_row_the_plan_shows_what_the_database_chooses(
    kind: Kind, said: dict[str, Value], told: dict[str, str]
) -> None:
    change = replace(create(), kind=kind, after=State(values=said))

    chosen = [one for one in attributes(change) if one.note]

    assert {one.name: one.after for one in chosen} == told
    assert all((one.before, one.note) == (None, "the database's default") for one in chosen)
    assert set(change.defaults) == set(told)
    assert attributes(replace(change, action=Action.UPDATE, before=State(values=said))) == ()


def test_what_is_let_go_has_no_attributes_that_change() -> None:
    assert attributes(forget()) == ()
    assert hidden_attributes(forget()) == 0
