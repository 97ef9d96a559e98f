"""What holds for every catalog and every world."""

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from reconciler.model.actual import Row
from reconciler.model.address import Address, matches_any
from reconciler.model.catalog import Catalog
from reconciler.model.errors import InvalidInput
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import Action, Plan
from reconciler.model.values import nfc
from reconciler.planning.references import KeySearch
from reconciler.planning.world import DELETE_UNMANAGED, REKEY, World
from tests.unit.planning.small_worlds import Story, catalogs, reordered, stories
from tests.unit.planning.worlds import applied, edited, live, planned, wiped, with_rows, without_records

#: Columns that the backend owns: its own numbers, which elmify would set back.
OWNED = {"id", "play_count", "last_played_at", "waveform_data", "directory_id", "created_at", "updated_at"}

laws = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


def answered(world: World, *options: str, only: tuple[str, ...] = ()) -> Plan:
    """Plan a world that raises no question, and whose deletes take along only what they say."""
    try:
        plan = planned(world, options=options, only=only)
    except InvalidInput as refused:
        for code in sorted({d.code for d in refused.diagnostics}):
            event(f"asked {code}")
        assume(False)
        raise
    assume(all(blocked.guard != "undeclared-content" for blocked in plan.blocked))
    return plan


@laws
@given(catalogs())
def test_equal_worlds_plan_nothing(declared: Catalog) -> None:
    assert planned(live(declared)).changes == ()


@laws
@given(stories())
def test_applying_a_plan_converges(story: Story) -> None:
    world = story.world()
    plan = answered(world)
    for change in plan.changes:
        event(f"{change.action}")

    assert planned(applied(world, plan)).changes == ()


@laws
@given(stories())
def test_applying_a_plan_with_every_option_converges(story: Story) -> None:
    world = story.world()
    options = (REKEY, DELETE_UNMANAGED)

    after = applied(world, answered(world, *options))

    assert planned(after, options=options).changes == ()


@laws
@given(stories(), st.sampled_from([("s",), ("t",), ("s/c", "t/d"), ("*/c/l",), ("*/d",)]))
def test_a_partial_plan_stays_within_its_scope_and_the_rest_is_still_due(
    story: Story, only: tuple[str, ...]
) -> None:
    world = story.world()
    part = answered(world, only=only)
    after = applied(world, part)

    assert planned(after, only=only).changes == ()
    for change in part.changes:
        covered = any(
            matches_any(a, only) for a in (change.address, change.previous_address) if a is not None
        )
        assert covered or change.after is not None
    rest = answered(after)
    assert planned(applied(after, rest)).changes == ()


@laws
@given(stories())
def test_the_order_of_the_input_is_irrelevant(story: Story) -> None:
    world = story.world()

    assert answered(reordered(world)) == answered(world)


@laws
@given(stories())
def test_no_key_that_a_remaining_row_names_is_retired(story: Story) -> None:
    world = story.world()
    plan = answered(world, DELETE_UNMANAGED)
    after = applied(world, plan)

    retired = {nfc(key) for change in plan.changes for key in change.retired}
    assert KeySearch(retired).in_references(after.library.names()) == set()


@laws
@given(stories())
def test_what_played_plays_by_every_way_unless_a_guard_said_no(story: Story) -> None:
    world = story.world()
    plan = answered(world)
    assume(not any(blocked.guard == "playback" for blocked in plan.blocked))
    after = applied(world, plan)

    for row in after.library.rows[Kind.LECTURE].values():
        then = world.snapshot.rows[Kind.LECTURE].get(row.id)
        for place, way in enumerate(after.library.ways):
            if then is not None and not way.report and plays(world, then, place):
                assert plays(after, row, place), (way.name, row)


@laws
@given(stories())
def test_what_a_plan_declares_new_plays_by_every_way_unless_a_guard_said_no(story: Story) -> None:
    world = story.world()
    plan = answered(world)
    assume(not any(blocked.guard == "playback" for blocked in plan.blocked))
    after = applied(world, plan)

    for change in plan.changes:
        if change.action is Action.CREATE and change.kind is Kind.LECTURE:
            row = after.snapshot.rows[Kind.LECTURE][after.recorded.resources[Address(change.address)].row]
            assert all(plays(after, row, place) for place in range(len(after.library.ways)))


def plays(world: World, row: Row, place: int) -> bool:
    return world.library.plays(row, world.library.keys(row)[place])


@laws
@given(stories())
def test_no_plan_writes_a_column_that_the_backend_owns(story: Story) -> None:
    for change in answered(story.world()).changes:
        if change.after is not None and change.kind is not None:
            written = {*change.after.values, *change.after.pending}
            assert written <= set(TABLES[change.kind].index)
            assert written & OWNED == set()


@laws
@given(stories())
def test_rows_that_stay_keep_their_ids(story: Story) -> None:
    world = story.world()
    plan = answered(world)
    after = applied(world, plan)

    for change in plan.changes:
        if change.row is not None and change.kind is not None:
            stays = change.row in after.snapshot.rows[change.kind]
            assert stays is (change.action is not Action.DELETE)
        if change.action in {Action.UPDATE, Action.MOVE, Action.ADOPT, Action.NO_OP}:
            assert after.recorded.resources[Address(change.address)].row == change.row


@laws
@given(stories())
def test_only_what_the_catalog_lost_is_deleted(story: Story) -> None:
    world = story.world()

    deleted = {c.address for c in answered(world).changes if c.action is Action.DELETE}

    assert deleted <= {*world.recorded.resources} - {*world.catalog.resources}


@laws
@given(stories())
def test_a_plan_carried_out_leaves_no_managed_key_without_its_bytes(story: Story) -> None:
    world = story.world()
    after = applied(world, answered(world))

    for record in after.recorded.resources.values():
        for key in record.keys.values():
            assert nfc(key) in after.snapshot.objects


@laws
@given(stories(), st.sampled_from(["", "x.mp3", "é", "01 - Alpha.mp3 "]), st.booleans())
def test_a_file_name_is_written_together_with_a_new_file_path_only(
    story: Story, name: str, recorded: bool
) -> None:
    meddled = with_file_names(story.world() if recorded else without_records(story.world()), name)
    for options in ((), (REKEY,)):
        plan = answered(meddled, *options)
        after = applied(meddled, plan)

        for change in plan.changes:
            if change.kind is Kind.LECTURE and change.after is not None:
                now = change.after.values
                then = change.before.values if change.before is not None else {}
                if then.get("file_path") == now["file_path"]:
                    assert now["file_name"] == then["file_name"] == name
                else:
                    assert now["file_name"] == str(now["file_path"]).rpartition("/")[2]
        again = planned(after, options=options)
        assert (again.changes, [one for one in again.drift if one.attribute == "file_name"]) == ((), [])


def with_file_names(world: World, name: str) -> World:
    """Return the world after other hands gave every lecture's row that file name."""
    return with_rows(
        world, *(edited(row, file_name=name) for row in world.snapshot.rows[Kind.LECTURE].values())
    )


@laws
@given(catalogs())
def test_after_a_wipe_any_catalog_is_restored_as_it_was(declared: Catalog) -> None:
    known = live(declared)
    lost = wiped(known)

    plan = planned(lost)
    after = applied(lost, plan)

    assert not any(change.puts or change.retired for change in plan.changes)
    assert after.snapshot == known.snapshot
    assert after.recorded == known.recorded
