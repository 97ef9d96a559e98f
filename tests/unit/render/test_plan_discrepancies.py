"""What is said when what would happen now is not what was reviewed."""

from reconciler.planning.plan_comparison import comparison_lines, discrepancies
from reconciler.planning.world import World
from tests.unit.planning.worlds import (
    catalog,
    declaring,
    edited,
    lecture,
    live,
    planned,
    row_of,
    speaker,
    with_rows,
    without_rows,
)

PAIR = live(catalog(speaker("s", bio="old"), lecture("s/c/l")))
EDITED = declaring(PAIR, speaker("s", bio="new"), lecture("s/c/l"))


def lines(reviewed: World, now: World) -> list[str]:
    return list(comparison_lines(discrepancies([planned(reviewed)], planned(now), now)))


def test_another_outcome_is_told_with_the_values_of_both() -> None:
    other = declaring(PAIR, speaker("s", bio="newer"), lecture("s/c/l"))

    assert lines(EDITED, other) == [
        "s",
        "    reviewed: update (the catalog says otherwise: bio)",
        '        bio: "old" -> "new"',
        "    now:      update (the catalog says otherwise: bio)",
        '        bio: "old" -> "newer"',
        "    why:      its outcome has changed since the review: bio",
    ]


def test_stores_that_changed_are_told_with_what_they_show_now() -> None:
    told = lines(EDITED, with_rows(EDITED, edited(row_of(EDITED, "s"), bio="by hand")))

    assert '        bio: "old" -> "new"' in told
    assert '        bio: "by hand" -> "new"' in told


def test_what_nobody_reviewed_is_told_with_what_it_would_do() -> None:
    told = lines(PAIR, EDITED)

    assert told[1:4] == [
        "    reviewed: no change",
        "    now:      update (the catalog says otherwise: bio)",
        '        bio: "old" -> "new"',
    ]


def test_another_action_is_told_with_a_bounded_number_of_values() -> None:
    told = lines(EDITED, without_rows(EDITED, row_of(EDITED, "s")))

    assert any("-> " in line for line in told)
    assert len([line for line in told if line.startswith("        ")]) <= 22 * 3


def test_long_values_are_cut_around_the_place_where_they_part() -> None:
    long = "x" * 4000
    reviewed = declaring(PAIR, speaker("s", bio=f"{long} one {long}"), lecture("s/c/l"))
    now = declaring(PAIR, speaker("s", bio=f"{long} two {long}"), lecture("s/c/l"))
    before = with_rows(reviewed, edited(row_of(reviewed, "s"), bio=f"{long} old"))
    after = with_rows(now, edited(row_of(now, "s"), bio=f"{long} old"))

    told = lines(before, after)

    assert any(" one x" in line for line in told)
    assert any(" two x" in line for line in told)
    assert max(map(len, told)) < 250


def test_of_very_many_the_first_are_told_and_the_rest_counted() -> None:
    many = live(catalog(*(speaker(f"s{number:02}", bio="old") for number in range(25))))
    edited_ = declaring(many, *(speaker(f"s{number:02}", bio="new") for number in range(25)))

    told = lines(many, edited_)

    assert told[-1] == "and 5 more"
    assert sum(line.startswith("s") for line in told) == 20
