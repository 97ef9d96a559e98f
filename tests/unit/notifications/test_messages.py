import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.logs import hiding
from reconciler.model.drift import DriftFinding, DriftKind, DriftReport
from reconciler.model.errors import (
    ElmifyError,
    Guarded,
    Interrupted,
    PutsFailed,
    Stale,
    Unfinished,
    UsageError,
)
from reconciler.model.history import Actor, Run, RunKind, RunState
from reconciler.model.notifications import NotificationKind, Takeover
from reconciler.notifications.messages import (
    UNDELIVERED,
    WELL,
    drift_message,
    failure_message,
    is_news,
    is_worth_sending,
    recovery_message,
    state_of,
    state_of_run,
    takeover_message,
    trial_message,
)

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
ACTOR = Actor(name="release-bot", url="https://ci.example.org/runs/77")
RUN = Run(
    id=3,
    kind=RunKind.APPLY,
    actor=ACTOR,
    state=RunState.DONE,
    fingerprint=None,
    begun_at=NOW,
    committed_at=NOW,
    finished_at=NOW,
    outcome="ok",
)


@pytest.mark.parametrize(
    ("error", "occasion"),
    [
        (Unfinished("x"), NotificationKind.PARTIAL),
        (Guarded("x"), NotificationKind.GUARDED),
        (Stale("x"), NotificationKind.FAILED),
        (ElmifyError("x"), NotificationKind.FAILED),
        (OSError(28, "No space left on device"), NotificationKind.FAILED),
        (RuntimeError("x"), NotificationKind.FAILED),
    ],
)
def test_a_failure_is_told_by_what_it_means(error: Exception, occasion: NotificationKind) -> None:
    message = failure_message("apply", "live", error, ACTOR)

    assert message.kind is occasion
    assert "live" in message.title
    assert "elmify apply" in message.title


def test_a_message_holds_what_happened_what_to_do_and_who_did_it() -> None:
    error = PutsFailed("2 files could not be stored", details=["a.mp3: gone", "b.mp3: gone"])

    body = failure_message("apply", "live", error, ACTOR, "Look.").body

    *said, by = body.splitlines()
    assert said == [error.message, "a.mp3: gone", "b.mp3: gone", "Look."]
    assert "release-bot" in by
    assert "https://ci.example.org/runs/77" in by


def test_a_message_does_not_list_a_thousand_files() -> None:
    error = PutsFailed("many", details=[f"{number}.mp3" for number in range(1_000)])

    lines = failure_message("apply", "live", error, Actor(name="maryam")).body.splitlines()

    assert "990" in lines[-2]
    assert "maryam" in lines[-1]
    assert len(lines) == 13


def test_failures_that_differ_in_a_number_are_one_state() -> None:
    assert state_of(PutsFailed("3 of 5 files failed")) == state_of(PutsFailed("12 of 50 files failed"))
    assert state_of(PutsFailed("3 of 5 files failed")) != state_of(PutsFailed("3 of 5 files burned"))
    assert state_of(ElmifyError("gone\nat 14:02")) == state_of(ElmifyError("gone\nat noon"))
    assert state_of(None) == WELL


def test_the_records_tell_the_same_state_as_the_command() -> None:
    error = Guarded("a guard refused 3 deletes\nand more")

    assert state_of_run(RUN) == state_of_run(replace(RUN, outcome=None)) == WELL
    assert state_of_run(replace(RUN, outcome=str(error))) == state_of(error)


def test_any_exception_is_a_state_and_the_same_as_the_records_have() -> None:
    assert state_of(RuntimeError("row 3")) == state_of_run(replace(RUN, outcome="row 12"))
    assert state_of(RuntimeError()) == state_of_run(replace(RUN, outcome="RuntimeError"))


def test_no_secret_is_in_a_message_or_a_state() -> None:
    error = RuntimeError("connection to planted-secret-77 failed")

    with hiding(["planted-secret-77"]):
        assert "planted" not in state_of(error)
        assert "planted" not in failure_message("apply", "live", error, ACTOR).body


@pytest.mark.parametrize(
    ("before", "now", "news"),
    [
        (None, WELL, False),
        (None, "failed", True),
        (WELL, WELL, False),
        (WELL, "failed", True),
        ("failed", "failed", False),
        ("failed", "burned", True),
        ("failed", WELL, True),
        (UNDELIVERED, "failed", True),
        (UNDELIVERED, WELL, False),
    ],
)
def test_only_a_change_of_state_is_news(before: str | None, now: str, news: bool) -> None:
    assert is_news(before, now) is news


def test_what_the_person_at_the_terminal_did_is_nobody_elses_news() -> None:
    assert not is_worth_sending(UsageError("x"))
    assert not is_worth_sending(Interrupted("x"))
    assert is_worth_sending(Stale("x"))
    assert is_worth_sending(OSError(28, "full"))
    assert is_worth_sending(RuntimeError("x"))


def test_drift_and_its_end_are_told() -> None:
    report = DriftReport(environment="live", taken_at=NOW, since=RUN)
    finding = DriftFinding(what=DriftKind.ROW_MISSING, address="a", attribute="row", recorded=1)

    gone = drift_message(report, "No drift.", [], ACTOR)
    come = drift_message(replace(report, findings=(finding,)), "It drifted.", ["1 row is missing"], ACTOR)

    assert gone.kind is come.kind is NotificationKind.DRIFT
    assert "live" in gone.title
    assert gone.title != come.title
    assert {"live", "1"} <= set(come.title.split())
    assert come.body.splitlines()[:2] == ["It drifted.", "1 row is missing"]


def test_a_takeover_names_both_runs() -> None:
    message = takeover_message("live", Takeover(run=12, from_run=11), ACTOR)

    assert re.findall(r"\d+|live", message.title) == ["live", "12", "11"]
    assert message.kind is NotificationKind.TAKEOVER


def test_a_recovery_and_a_trial_name_the_environment() -> None:
    recovery, trial = recovery_message("gc", "live", ACTOR), trial_message("live", ACTOR)

    assert ("live" in recovery.title, "elmify gc" in recovery.title) == (True, True)
    assert "live" in trial.title
