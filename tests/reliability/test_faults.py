"""Killed, failing, without an answer, cut off: at every point, and nothing is ever lost."""

import pytest

from tests.reliability.courses import COURSES, SEED_VARIABLE, Course, todays_seed
from tests.reliability.results import Result, save
from tests.reliability.scenarios import DIRECTORY, NFC, NFD, SCENARIOS
from tests.reliability.trials import Theatre


@pytest.mark.timeout(0)  # dozens of commands one after the other
@pytest.mark.parametrize("course", COURSES, ids=str)
def test_whatever_fails_wherever_nothing_is_lost_and_the_next_apply_converges(
    theatre: Theatre, course: Course
) -> None:
    seed = todays_seed()
    with theatre.stage(course.scenario, course.place) as stage:
        assert stage.run_without_faults() == stage.points, "a point has not the same number each time"
        tried = course.chosen(stage.points, seed)
        violations = [f"{fault}: {said}" for fault in tried for said in stage.trial(fault)]

    save(Result.of(course, tried, violations))
    assert violations == [], f"to see it again: {SEED_VARIABLE}={seed} pytest -k {course}"


def test_the_faults_of_ten_days_are_all_the_faults_there_are(theatre: Theatre) -> None:
    course = COURSES[-1]
    with theatre.stage(course.scenario, course.place) as stage:
        tried = [fault for day in range(7, 17) for fault in course.chosen(stage.points, str(day))]

        assert sorted(tried) == sorted(course.chosen(stage.points, "all"))


def test_in_two_spellings_rows_name_one_object_by_another_spelling_than_the_bucket_lists(
    theatre: Theatre,
) -> None:
    [scenario] = (each for each in SCENARIOS if each.name == "two spellings")
    with theatre.stage(scenario, DIRECTORY) as stage:
        [named] = (row["file_path"] for row in stage.before.lectures)
        stage.put_back()
        bucket = stage.bucket.at(stage.root)
        listed = [stored.key for stored in bucket.list()]

        assert NFC in named
        assert named not in listed
        assert any(NFD in key for key in listed)
        assert bucket.read(named) == b"from a Mac"
