import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.model.errors import PlanRefused
from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import (
    Action,
    Change,
    Hindrance,
    Impact,
    Merged,
    NamedBy,
    NotRekeyed,
    ObjectState,
    Plan,
    PutOrigin,
    Restored,
    State,
    Stores,
    Unmanaged,
)
from reconciler.model.playback import CopyStep, PlaybackCopy, WayCount
from reconciler.model.remedies import MakePlan
from reconciler.render.plan.json import dump_plan, load_plan, plan_schema
from tests.unit.render.plans import (
    HOSTILE,
    create,
    delete,
    empty_plan,
    full_plan,
    many,
    move,
    plan_of,
    put_of,
    update,
    warning,
)

SCHEMA = Path(__file__).parents[3] / "docs" / "plan.schema.json"
REGENERATE = (
    'python -c "import json; from reconciler.render.plan.json import plan_schema; '
    'print(json.dumps(plan_schema(), indent=2, sort_keys=True))" > docs/plan.schema.json'
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.dictionaries(
    st.sampled_from(["title", "lecture_number", "is_public", "categories", "description"]),
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT | st.lists(TEXT).map(tuple),
)
OBJECTS = st.builds(
    ObjectState,
    key=TEXT,
    size_bytes=st.integers(0, 2**50),
    sha256=st.none() | st.just("ab" * 32),
    verified=st.booleans(),
)
STATES = st.builds(State, values=VALUES, objects=st.dictionaries(st.sampled_from(Slot), OBJECTS))
PENDING = st.dictionaries(st.sampled_from(["speaker_id", "collection_id"]), TEXT)
CHANGES = st.builds(
    Change,
    address=TEXT,
    kind=st.none() | st.sampled_from(Kind),
    action=st.sampled_from(Action),
    reason=TEXT,
    change_id=st.just(""),
    row=st.none() | st.integers(1, 2**62),
    previous_address=st.none() | TEXT,
    before=st.none() | STATES,
    after=st.none() | st.builds(replace, STATES, pending=PENDING),
    puts=st.lists(st.builds(put_of, OBJECTS, multipart=st.booleans()), max_size=2).map(tuple),
    reused=st.lists(TEXT).map(tuple),
    retired=st.lists(TEXT).map(tuple),
    released=st.lists(TEXT).map(tuple),
    remembered=st.lists(TEXT).map(tuple),
    protect=st.booleans(),
    impact=st.none()
    | st.builds(
        Impact,
        lost=st.dictionaries(TEXT, st.integers(0, 9)),
        users=st.integers(0, 9),
        kept=st.integers(0, 9),
    ),
    position=st.none() | st.just(warning().position),
)
PLANS = st.builds(
    plan_of,
    st.lists(CHANGES, max_size=3),
    scope=st.lists(TEXT, max_size=2).map(tuple),
    allowances=st.dictionaries(TEXT, st.integers(0, 99), max_size=2),
    unmanaged=st.builds(
        Unmanaged,
        rows=st.dictionaries(st.sampled_from(Kind), st.lists(st.integers(1, 99)).map(tuple)),
        objects=st.dictionaries(TEXT, st.integers(0, 99)),
    ),
)


ALIAS = PlaybackCopy(
    step=CopyStep.ALIAS,
    key="A/B/01 - C.mp3",
    source="A/B/01 - C~00000000.mp3",
    size_bytes=7,
    way="stream",
    sha256="0" * 64,
    source_etag="1" * 32,
    replaces="2" * 32,
    media_type="audio/mpeg",
    address="a/b/c",
    row=412,
)


def _everything() -> Plan:
    """A plan in which every field of every value it is made of somewhere differs from its default."""
    plan = full_plan()
    found = ObjectState(key="a.mp3", size_bytes=1, verified=False)
    copied = replace(put_of(found), origin=PutOrigin.COPY, copied_from="b.mp3")
    unhashed = replace(
        plan.changes[0],
        before=State(values={}, objects={Slot.SPEAKER_IMAGE: found}),
        puts=(copied,),
        remembered=("duration",),
        copies=(ALIAS,),
    )
    whole = plan_of(
        [unhashed, *plan.changes[1:]],
        scope=("abdul-rashid-sufi",),
        allowances=dict(plan.allowances),
        drift=plan.drift,
        blocked=plan.blocked,
        ignored=3,
        impact=plan.impact,
        unmanaged=plan.unmanaged,
        options=("rekey",),
        unchanged=4,
        unverified=2,
        listed=3,
        rolls_back=12,
        restored=Restored(
            rows={"public.favorites": 3},
            users=2,
            orphaned={"public.favorites": 1},
            present={"public.pins": 1},
        ),
        merges=("unmanaged.lectures[412]", "a/b/c"),
        merged=Merged(moved={"public.favorites": 3}, combined={"public.favorites": 1}, users=4),
    )
    kept = {"c.jpg": NamedBy(column="private.notes", readable=False)}
    left = NotRekeyed(
        address="a",
        slot=Slot.SPEAKER_IMAGE,
        key="i.jpg",
        wished="A/speaker.jpg",
        reason=Hindrance.NEVER_HASHED,
    )
    ways = (WayCount(way="stream", lectures=3, plays=1, lectures_after=4, plays_after=2, report=True),)
    stores = Stores(bucket="bucket b", database="database d")
    return replace(whole, kept=kept, not_rekeyed=(left,), stores=stores, playback=ways)


def _values_in(value: object) -> Iterator[Any]:
    """Yield every dataclass value that `value` is made of, itself first."""
    if is_dataclass(value) and not isinstance(value, type):
        yield value
        parts: Iterable[object] = [getattr(value, field.name) for field in fields(value)]
    elif isinstance(value, Mapping):
        parts = value.values()
    else:
        parts = value if isinstance(value, tuple) else ()
    for part in parts:
        yield from _values_in(part)


def _fields_at_default(values: Iterable[Any]) -> set[str]:
    """Return the fields that hold their default in every value of their class."""
    told: dict[str, bool] = {}
    for value in values:
        for field in fields(value):
            name = f"{type(value).__name__}.{field.name}"
            told[name] = told.get(name, False) or getattr(value, field.name) != _default(field)
    return {name for name, differs in told.items() if not differs}


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _edited(edit: Callable[[dict[str, Any]], object], plan: Plan | None = None) -> str:
    document = json.loads(dump_plan(plan or full_plan()))
    edit(document)
    return json.dumps(document)


@given(PLANS)
def test_a_plan_comes_back_exactly_and_is_dumped_to_the_same_bytes(plan: Plan) -> None:
    text = dump_plan(plan)

    loaded = load_plan(text, "plan.json")

    assert loaded == plan
    assert dump_plan(loaded) == text


def test_no_field_of_a_plan_is_left_out_of_the_file() -> None:
    plan = _everything()
    assert _fields_at_default(_values_in(plan)) == set()

    assert load_plan(dump_plan(plan), "plan.json") == plan


@pytest.mark.parametrize(
    ("said", "edited"), [('"rolls_back": 12', '"rolls_back": 13'), ('"a/b/c"', '"a/b/d"')]
)
def test_a_plan_whose_purpose_was_edited_is_refused(said: str, edited: str) -> None:
    text = dump_plan(plan_of([], rolls_back=12, merges=("unmanaged.lectures[412]", "a/b/c")))

    with pytest.raises(PlanRefused, match="was changed after it was made"):
        load_plan(text.replace(said, edited), "plan.json")


def test_true_comes_back_as_true_and_one_as_one() -> None:
    state = State(values={"is_public": True, "lecture_number": 1})
    plan = plan_of([replace(create(), after=state)])

    loaded = load_plan(dump_plan(plan), "plan.json").changes[0].after

    assert loaded is not None
    assert repr(dict(sorted(loaded.values.items()))) == "{'is_public': True, 'lecture_number': 1}"


def test_the_same_plan_gives_the_same_bytes_but_for_the_timestamp() -> None:
    plan, later = full_plan(), replace(full_plan(), made_at=full_plan().made_at + timedelta(days=1))

    lines = zip(dump_plan(plan).splitlines(), dump_plan(later).splitlines(), strict=True)

    assert [one.strip() for one, other in lines if one != other] == ['"timestamp": "2026-11-23T14:02:05Z",']


def test_the_order_in_which_columns_and_objects_were_met_is_irrelevant() -> None:
    turned = replace(
        full_plan(),
        unmanaged=Unmanaged(rows={Kind.LECTURE: (900, 901)}, objects={"old/b.mp3": 2048, "old/a.mp3": 1024}),
        allowances=dict(full_plan().allowances),
    )

    assert dump_plan(turned) == dump_plan(full_plan())


def test_a_change_reads_like_terraforms() -> None:
    document = json.loads(dump_plan(plan_of([create()])))
    change = document["resource_changes"][0]

    assert document["format_version"] == "2.1"
    assert change["address"] == "abdul-rashid-sufi/quran-hafs/an-nas"
    assert change["mode"] == "managed"
    assert change["change"]["actions"] == ["create"]
    assert change["change"]["before"] is None
    assert change["change"]["after"]["title"] == "An-Nas"
    assert change["change"]["after_unknown"] == {"collection_id": True}
    assert change["position"] == {
        "file": "catalog/abdul-rashid-sufi/quran-hafs.yaml",
        "line": 40,
        "column": 5,
    }


def test_the_file_says_what_is_unmanaged_drifted_and_forbidden_by_address() -> None:
    document = json.loads(dump_plan(full_plan()))

    assert document["unmanaged"]["rows"]["lecture"][0]["address"] == "unmanaged.lectures[900]"
    assert document["unmanaged"]["objects"][0]["address"] == "unmanaged.object[old/a.mp3]"
    assert document["unmanaged"]["counts"] == {"lecture": 2, "object": 2, "object_bytes": 3072}
    assert document["resource_drift"][0]["change"]["after"] == {"title": "Al-Baqarah"}
    assert document["guards"][0]["guard"] == "user-rows"
    assert document["summary"]["delete"] == 1
    assert document["summary"]["import"] == 1


def test_arabic_stays_readable_in_the_file() -> None:
    assert "محمد ﷺ" in dump_plan(plan_of([create(title="محمد ﷺ")]))


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_comes_back_exactly(title: str) -> None:
    plan = plan_of([create(title=title), delete(title=title), update(title=title)])

    assert load_plan(dump_plan(plan), "plan.json") == plan


@pytest.mark.parametrize("version", ["1.0", "0.9", "10.1"])
def test_another_major_version_is_refused_by_its_number(version: str) -> None:
    text = json.dumps({"format_version": version, "nothing": "else is known"})

    with pytest.raises(PlanRefused, match=f"format version {version}; this elmify reads 2.x") as caught:
        load_plan(text, "plan.json")

    assert caught.value.remedies == (MakePlan(review=True),)


def test_a_later_minor_version_with_more_keys_is_read() -> None:
    def edit(document: dict[str, Any]) -> None:
        document["format_version"] = "2.7"
        document["new"] = {"key": 1}
        document["resource_changes"][0]["new"] = []

    assert load_plan(_edited(edit), "plan.json") == full_plan()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"1.0"', "{}", '{"format_version": 2.0}', "[" * 100_000]
)
def test_what_is_no_plan_is_refused_with_the_name_of_the_file(text: str) -> None:
    with pytest.raises(PlanRefused, match="next is not a plan") as caught:
        load_plan(text, "plans/next")

    assert caught.value.remedies == (MakePlan(review=True),)
    assert caught.value.details


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (lambda d: d.pop("scope"), "scope: "),
        (lambda d: d.update(unchanged="4"), "unchanged: "),
        (lambda d: d.update(timestamp="2026-11-23T14:02:05"), "timestamp: "),
        (lambda d: d["resource_changes"][0].update(row="7"), "resource_changes.0.row: "),
        (lambda d: d["resource_changes"][0].update(kind="sermon"), "resource_changes.0.kind: "),
        (
            lambda d: d["resource_changes"][0]["change"].update(actions=[]),
            "resource_changes.0.change.actions: ",
        ),
        (
            lambda d: d["resource_changes"][0]["change"]["after"].update(name=1.5),
            "resource_changes.0.change.after",
        ),
    ],
)
def test_a_missing_key_or_a_wrong_type_is_named(edit: Callable[[dict[str, Any]], object], place: str) -> None:
    with pytest.raises(PlanRefused) as caught:
        load_plan(_edited(edit), "plan.json")

    assert caught.value.details[0].startswith(place)


def test_only_the_first_mistakes_are_told() -> None:
    def edit(document: dict[str, Any]) -> None:
        for change in document["resource_changes"]:
            del change["row"], change["address"]

    with pytest.raises(PlanRefused) as caught:
        load_plan(_edited(edit, many(100)), "plan.json")

    assert len(caught.value.details) == 11
    assert caught.value.details[-1] == "and 190 more"


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.update(scope=["else"]),
        lambda d: d.update(options=["rekey"]),
        lambda d: d.update(allowances={"deletes": 999}),
        lambda d: d.update(environment="staging"),
        lambda d: d["resource_changes"].pop(),
        lambda d: d["resource_changes"][0].update(address="else"),
        lambda d: d["resource_changes"][0]["change"]["after"].update(name="Else"),
        lambda d: d["resource_changes"][0]["change"].update(before=None),
    ],
)
def test_a_plan_edited_after_it_was_made_is_refused(edit: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(PlanRefused, match="was changed after it was made"):
        load_plan(_edited(edit), "plan.json")


def test_the_edited_change_is_named() -> None:
    text = _edited(lambda d: d["resource_changes"][4]["change"]["before"].update(title="Else"))

    with pytest.raises(PlanRefused) as caught:
        load_plan(text, "plan.json")

    assert caught.value.details == (
        "abdul-rashid-sufi/quran-hafs/al-fatiha: not the change that its id names",
    )


def test_the_published_schema_is_up_to_date() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == plan_schema(), f"write it again: {REGENERATE}"


@pytest.mark.parametrize("plan", [empty_plan(), full_plan(), _everything(), many(3), plan_of([move()])])
def test_every_dumped_plan_is_valid_by_the_published_schema(plan: Plan) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)

    assert list(Draft202012Validator(schema).iter_errors(json.loads(dump_plan(plan)))) == []


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    document = json.loads(dump_plan(full_plan()))
    document["resource_changes"][0]["change"]["actions"] = ["destroy"]

    assert not Draft202012Validator(schema).is_valid(document)


def test_a_plan_of_thousands_of_changes_comes_back() -> None:
    plan = many(5_000)

    assert load_plan(dump_plan(plan), "plan.json") == plan
