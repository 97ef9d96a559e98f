"""The titles of notifications: what is read on a lock screen."""

from datetime import UTC, datetime

import pytest

from reconciler.model.drift import DriftFinding, DriftKind, DriftReport
from reconciler.model.errors import ElmifyError, Guarded, Unfinished
from reconciler.model.history import Actor
from reconciler.model.notifications import Takeover
from reconciler.notifications.messages import (
    drift_message,
    failure_message,
    recovery_message,
    takeover_message,
    trial_message,
)

ACTOR = Actor(name="release-bot", url="https://ci.example.org/runs/77")
GONE = DriftReport(environment="live", taken_at=datetime(2026, 11, 23, tzinfo=UTC), since=None)
FINDING = DriftFinding(what=DriftKind.ROW_MISSING, address="a", attribute="row", recorded=1)
COME = DriftReport(environment="live", taken_at=GONE.taken_at, since=None, findings=(FINDING,))


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (Unfinished("x"), "live: elmify apply committed, but did not finish"),
        (Guarded("x"), "live: a guard stopped elmify apply"),
        (ElmifyError("x"), "live: elmify apply failed"),
        (RuntimeError("x"), "live: elmify apply failed"),
    ],
)
def test_a_failure_is_titled_by_what_it_means(error: Exception, title: str) -> None:
    assert failure_message("apply", "live", error, ACTOR).title == title


def test_the_other_messages_are_titled_by_what_happened() -> None:
    assert drift_message(GONE, "", [], ACTOR).title == "live: no drift any more"
    assert drift_message(COME, "", [], ACTOR).title == "live has drifted: 1 difference"
    assert takeover_message("live", Takeover(run=12, from_run=11), ACTOR).title == (
        "live: run 12 took over the lease of run 11"
    )
    assert recovery_message("gc", "live", ACTOR).title == "live: elmify gc works again"
    assert trial_message("live", ACTOR).title == "live: elmify can reach you"


def test_a_message_ends_with_who_did_it() -> None:
    body = failure_message("apply", "live", RuntimeError("row 7"), ACTOR).body

    assert body.splitlines() == [
        "a mistake in elmify: RuntimeError: row 7",
        "by release-bot, https://ci.example.org/runs/77",
    ]


def test_many_details_are_cut_with_their_number() -> None:
    error = ElmifyError("many", details=[f"{number}.mp3" for number in range(1_000)])

    assert "and 990 more" in failure_message("apply", "live", error, ACTOR).body.splitlines()
