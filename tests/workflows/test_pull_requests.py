"""The workflows, step by step, against a repository, a bucket and a database."""

from pathlib import Path

import pytest

from tests.failures import named_in
from tests.media_files import wav
from tests.workflows.conftest import Team
from tests.workflows.runner import JobRan


def results(done: dict[str, JobRan]) -> dict[str, str]:
    return {name: job.result for name, job in done.items()}


def test_a_pull_request_is_planned_commented_merged_and_applied_without_the_media(
    team: Team, tmp_path: Path
) -> None:
    recording = tmp_path / "02 - The Women.wav"
    recording.write_bytes(wav(seconds=1))
    team.desk.elmify("new", "lecture", str(recording), "--collection", "ali/quran")
    team.desk.elmify("stage")
    pull = team.propose("the-women")

    planned = team.runner.pull_request(pull)

    assert results(planned) == {"validate": "success", "plan": "success"}, planned["plan"].out
    (comment,) = team.hub.comments_on(pull)
    assert named_in(comment, "1 to add", "0 to change", "0 to delete", pull.head)
    assert named_in(planned["plan"].summary, "1 to add")
    assert team.hub.labels.get(pull.number, []) == []
    assert [artifact["name"] for artifact in team.hub.artifacts] == [f"elmify-plan-{pull.head}"]
    assert team.titles() == ["The Opening"]

    applied = team.runner.merged(team.hub.merge(pull))

    assert results(applied) == {"apply": "success"}, applied["apply"].out
    assert team.titles() == ["The Opening", "The Women"]
    heard = "Ali/Quran/02 - The Women.mp3"  # the copy under the name by which apps look for it
    assert team.keys() == ["Ali/Quran/01 - The Opening.mp3", heard, "Ali/Quran/02 - The Women.wav"]
    assert named_in(applied["apply"].summary, "1 added")
    assert applied["apply"].step("Apply").outputs["adds"] == "1"
    assert results(team.runner.night()) == {"drift": "success"}
    assert team.hub.issues == []


def test_one_comment_is_kept_up_to_date_and_nobody_elses_is_touched(team: Team) -> None:
    team.desk.lecture("opening", number=1, title="The Beginning")
    pull = team.propose("titles")
    for words in ("Nice!", "And?", "<!-- elmify-plan:test --> I am not elmify."):
        team.hub.say(pull, words)
    team.runner.pull_request(pull)
    team.desk.lecture("opening", number=1, title="The Opening")
    team.amend(pull)

    team.runner.pull_request(pull)

    *others, ours = team.hub.comments_on(pull)
    assert others == ["Nice!", "And?", "<!-- elmify-plan:test --> I am not elmify."]
    assert "No changes. The library matches the catalog." in ours
    assert team.hub.labels[pull.number] == ["elmify: no changes"]


def test_a_plan_that_could_not_be_made_takes_the_old_ones_place(team: Team) -> None:
    team.desk.lecture("opening", number=1, title="The Beginning")
    pull = team.propose("titles")
    team.runner.pull_request(pull)
    team.desk.sql("alter table lectures rename to lessons")
    team.amend(pull)

    done = team.runner.pull_request(pull)

    assert results(done) == {"validate": "success", "plan": "failure"}
    (comment,) = team.hub.comments_on(pull)
    assert named_in(comment, pull.head)
    assert "to add" not in comment
    assert len(team.hub.artifacts) == 1


def test_labels_follow_the_plan_and_others_stay(team: Team) -> None:
    team.desk.lecture("women", number=2)
    team.desk.apply()
    team.desk.drop("women")
    pull = team.propose("fewer")
    team.hub.labels[pull.number] = ["urgent", "elmify: no changes"]

    done = team.runner.pull_request(pull)

    assert results(done)["plan"] == "success", done["plan"].out
    assert sorted(team.hub.labels[pull.number]) == ["elmify: deletes", "urgent"]


def test_the_pull_request_of_a_fork_is_only_validated(team: Team) -> None:
    team.desk.lecture("women", number=2)
    team.hub.push(team.desk.root, "theirs", "from a fork")
    pull = team.hub.open_pull("theirs", fork=True)

    assert results(team.runner.pull_request(pull)) == {"validate": "success", "plan": "skipped"}
    assert team.hub.comments_on(pull) == []


def test_mistakes_are_annotated_at_their_lines_and_nothing_is_planned(team: Team) -> None:
    for number in range(2, 20):
        team.desk.lecture(f"lecture-{number}", number=number, titel="misspelled")
    pull = team.propose("mistakes")

    done = team.runner.pull_request(pull)

    assert results(done) == {"validate": "failure", "plan": "skipped"}
    lines = done["validate"].out.splitlines()
    assert "::error file=catalog/ali/quran.yaml,line=5,col=" in "\n".join(lines)
    assert sum(line.startswith("::error ") for line in lines) == 10


def test_a_plan_that_a_guard_forbids_is_shown_and_fails(team: Team) -> None:
    team.desk.sql("insert into users (id, email) values (1, 'one@example.com')")
    team.desk.sql("insert into favorites (user_id, lecture_id) select 1, id from lectures")
    team.desk.drop("opening")
    pull = team.propose("emptied")

    done = team.runner.pull_request(pull)

    assert results(done)["plan"] == "failure"
    assert done["plan"].steps[-1].name == "Is nothing forbidden?"
    assert done["plan"].steps[-1].outcome == "failure"
    (comment,) = team.hub.comments_on(pull)
    assert named_in(comment, "1 favourite")
    assert {"elmify: blocked", "elmify: listeners lose"} < set(team.hub.labels[pull.number])


def test_bytes_that_are_nowhere_fail_the_pull_request_that_needs_them(team: Team) -> None:
    team.desk.lecture("women", number=2, title="The Women")
    pull = team.propose("the-women")

    done = team.runner.pull_request(pull)

    assert done["plan"].step("Are the bytes there?").outcome == "failure"
    assert "women.mp3" in done["plan"].step("Are the bytes there?").out
    assert len(team.hub.comments_on(pull)) == 1


@pytest.mark.parametrize("squash", [False, True])
def test_a_merge_whose_run_was_dropped_is_covered_by_the_next(team: Team, squash: bool) -> None:
    team.desk.lecture("opening", number=1, title="The Beginning")
    first = team.propose("first")
    team.runner.pull_request(first)
    team.hub.merge(first, squash=squash)  # its run waits, and is dropped for the next one
    team.main()
    team.desk.lecture("opening", number=1, title="The Very Beginning", description="Seven verses.")
    second = team.propose("second")
    team.runner.pull_request(second)

    done = team.runner.merged(team.hub.merge(second, squash=squash))

    assert results(done) == {"apply": "success"}, done["apply"].out
    assert "pull request #1" in done["apply"].out
    assert "pull request #2" in done["apply"].out
    assert team.titles() == ["The Very Beginning"]


def test_what_nobody_reviewed_stops_it_until_a_pull_request_has_shown_it(team: Team) -> None:
    team.desk.lecture("opening", number=1, title="Pushed Past Review")
    commit = team.hub.push(team.desk.root, "main", "no pull request")

    stopped = team.runner.merged(commit)

    assert results(stopped) == {"apply": "failure"}
    assert team.titles() == ["The Opening"]
    told = stopped["apply"].summary
    for line in ("reviewed: no change", "now:      update", "why:      no reviewed plan has a change here"):
        assert line in told

    pull = team.propose("show-it")
    team.runner.pull_request(pull)
    done = team.runner.merged(team.hub.merge(pull))

    assert results(done) == {"apply": "success"}, done["apply"].out
    assert team.titles() == ["Pushed Past Review"]


def test_an_older_run_that_is_started_again_takes_nothing_back(team: Team) -> None:
    commits = []
    for title in ("Second", "Third"):
        team.desk.lecture("opening", number=1, title=title)
        pull = team.propose(title.lower())
        team.runner.pull_request(pull)
        commits.append(team.hub.merge(pull))
        team.runner.merged(commits[-1])
        team.main()

    again = team.runner.merged(commits[0])

    assert results(again) == {"apply": "failure"}
    assert team.titles() == ["Third"]


def test_a_plan_that_others_left_under_the_name_is_not_taken(team: Team) -> None:
    team.desk.lecture("opening", number=1, title="Unreviewed")
    pull = team.propose("unreviewed")
    team.desk.elmify("plan", "--out", "forged/plan.json")
    name = f"elmify-plan-{pull.head}"
    forged = team.desk.root / "forged"
    team.hub.keep(team.hub.begin_run("elmify-plan.yml", pull.head, "pull_request", fork=True), name, forged)
    team.hub.keep(team.hub.begin_run("other.yml", pull.head, "pull_request"), name, forged)
    team.hub.keep(team.hub.begin_run("elmify-plan.yml", pull.head, "workflow_dispatch"), name, forged)
    team.hub.keep(team.hub.begin_run("elmify-plan.yml", "0" * 40, "pull_request"), name, forged)

    done = team.runner.merged(team.hub.merge(pull))

    assert results(done) == {"apply": "failure"}
    assert named_in(done["apply"].out, "pull request #1")
    assert not named_in(done["apply"].out, "expired")
    assert team.titles() == ["The Opening"]


def test_a_plan_that_has_expired_counts_as_not_reviewed(team: Team) -> None:
    team.desk.lecture("opening", number=1, title="Late")
    pull = team.propose("late")
    team.runner.pull_request(pull)
    team.hub.artifacts[0]["expired"] = True

    done = team.runner.merged(team.hub.merge(pull))

    assert results(done) == {"apply": "failure"}
    assert named_in(done["apply"].out, "pull request #1", "expired")
    assert team.titles() == ["The Opening"]


def test_one_issue_tells_of_drift_until_there_is_none(team: Team) -> None:
    team.desk.sql("update lectures set title = 'By Hand'")
    first = team.runner.night()
    second = team.runner.night()
    team.desk.sql("update lectures set title = 'The Opening'")
    third = team.runner.night()

    (issue,) = team.hub.issues
    assert [results(night)["drift"] for night in (first, second, third)] == ["failure", "success", "success"]
    assert "By Hand" in first["drift"].summary
    assert issue["state"] == "closed"
    assert issue["labels"] == ["elmify: drift"]
