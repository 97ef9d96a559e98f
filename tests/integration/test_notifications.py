"""Somebody is told of what goes wrong, once, and again when it is otherwise."""

import errno
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from reconciler.model.drift import DriftReport
from reconciler.model.errors import Guarded, PutsFailed, Unfinished, UsageError
from reconciler.model.history import Actor
from reconciler.model.notifications import Takeover
from reconciler.notifications.messages import (
    DeliveryFailed,
    drift_message,
    failure_message,
    recovery_message,
    takeover_message,
    trial_message,
)
from tests.failures import named_in
from tests.inside import InsideProject, inside_project
from tests.mailbox import Mailbox, mailbox

#: A library of Apprise's imports it on Python 3.11 and 3.12.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TESTER = Actor(name="tester")
FAILED = failure_message("apply", "test", PutsFailed("no"), TESTER).title
RECOVERED = recovery_message("apply", "test", TESTER).title
STOPPED = failure_message("apply", "test", Guarded("no"), TESTER).title
UNFINISHED = failure_message("apply", "test", Unfinished("no"), TESTER).title
TRIAL = trial_message("test", TESTER).title

PASSWORD = "planted-mail-password"
NOWHERE = "json://127.0.0.1:1/hook"


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> InsideProject:
    return inside_project(tmp_path, database_url)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture
def heard(project: InsideProject, box: Mailbox) -> InsideProject:
    """A project whose failures are told to the mailbox."""
    project.environ["ELMIFY_NOTIFY_URLS"] = box.url
    return project


def lose_media(project: InsideProject, id_: str) -> None:
    """Declare a lecture whose file is not there: an apply fails at its upload."""
    project.lecture(id_, title=id_.title(), number=2)
    (project.root / "media" / f"{id_}.mp3").unlink()


def test_a_failed_apply_is_told_once_and_its_recovery_once(heard: InsideProject, box: Mailbox) -> None:
    lose_media(heard, "cow")
    heard.apply(status=1)
    heard.apply(status=1)
    heard.drop("cow")
    heard.apply()
    heard.apply()

    assert box.titles == [FAILED, RECOVERED]
    assert "cow.mp3" in box.messages[0]["message"]
    assert named_in(box.messages[0]["message"], "tester")


def test_another_kind_of_failure_is_told_again(heard: InsideProject, box: Mailbox) -> None:
    lose_media(heard, "cow")
    heard.apply(status=1)
    (heard.root / ".elmify" / "bucket" / "objects" / ".elmify" / "identity.json").unlink()
    heard.apply(status=1)

    assert box.titles == [FAILED] * 2


def test_a_fresh_checkout_knows_from_the_records_what_was_told(heard: InsideProject, box: Mailbox) -> None:
    lose_media(heard, "cow")
    heard.apply(status=1)
    (heard.root / ".elmify" / "notified.json").unlink()
    heard.apply(status=1)
    heard.drop("cow")
    heard.apply()
    (heard.root / ".elmify" / "notified.json").unlink()
    heard.apply()

    assert box.titles == [FAILED, RECOVERED]


def test_a_guard_is_told_and_what_lifts_it(heard: InsideProject, box: Mailbox) -> None:
    heard.apply()
    shutil.rmtree(heard.root / "catalog" / "ali")

    heard.apply(status=6)

    assert box.titles == [STOPPED]
    assert "--allow empty-catalog" in box.messages[0]["message"]


_UNENDING = """
create function elmify.never_ending() returns trigger language plpgsql as $$
begin
    raise exception 'the disk is full' using errcode = 'disk_full';
end
$$;
create trigger never_ending before update on elmify.run
    for each row when (new.state = 'done') execute function elmify.never_ending();
"""


def test_an_apply_that_committed_and_did_not_finish_is_told_as_such(
    heard: InsideProject, box: Mailbox
) -> None:
    heard.apply()
    heard.sql(_UNENDING)
    heard.lecture("opening", number=1, title="Renamed")

    heard.apply(status=3)

    assert box.titles == [UNFINISHED]
    assert heard.sql("select title from lectures") == [{"title": "Renamed"}]


def test_an_apply_that_goes_well_is_nobodys_news(heard: InsideProject, box: Mailbox) -> None:
    heard.apply()
    heard.elmify("plan")
    heard.elmify("apply", status=64)  # there is nobody to ask

    assert box.messages == []


def test_drift_is_told_when_it_is_new_and_when_it_is_gone(heard: InsideProject, box: Mailbox) -> None:
    heard.apply()
    heard.elmify("drift")
    heard.sql("update lectures set title = 'By hand'")
    heard.elmify("drift", status=2)
    heard.elmify("drift", status=2)
    heard.apply()
    heard.elmify("drift")
    heard.elmify("drift")

    come, gone = box.titles
    assert named_in(come, "test", 2)
    none = DriftReport(environment="test", taken_at=datetime.now(UTC), since=None)
    assert gone == drift_message(none, "", (), TESTER).title
    assert named_in(box.messages[0]["message"], "tester", 2)


def test_a_lease_that_was_taken_over_is_told(heard: InsideProject, box: Mailbox) -> None:
    heard.apply()
    heard.sql("insert into elmify.run (kind, actor) values ('apply', 'gone')")
    heard.sql(
        "update elmify.lease set run = 2, holder = 'gone', acquired_at = now() - interval '1 hour', "
        "heartbeat_at = now() - interval '1 hour', expires_at = now() - interval '59 minutes'"
    )
    heard.lecture("cow", title="The Cow", number=2)

    applied = heard.apply()

    assert box.titles == [takeover_message("test", Takeover(run=3, from_run=2), TESTER).title]
    assert "lease-taken-over" in applied.err


def test_an_error_of_the_operating_system_is_sent_once(heard: InsideProject, box: Mailbox) -> None:
    heard.apply()
    heard.environ["GITHUB_OUTPUT"] = str(heard.root)  # a folder: nothing can be appended to it
    heard.elmify("drift", status=1)
    heard.elmify("drift", status=1)

    assert box.titles == [failure_message("drift", "test", OSError(), TESTER).title]
    assert f"{heard.root}: {os.strerror(errno.EISDIR)}" in box.messages[0]["message"]


def test_a_mistake_in_the_program_is_sent_once_and_ends_the_command_as_before(
    heard: InsideProject, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake = RuntimeError("a driver's mistake")

    def break_down(*_: object, **__: object) -> None:
        raise mistake

    monkeypatch.setattr(psycopg, "connect", break_down)
    for _ in range(2):
        with pytest.raises(RuntimeError, check=lambda error: error is mistake):
            heard.apply()

    assert box.titles == [FAILED]


def test_help_and_wrong_options_are_not_sent(heard: InsideProject, box: Mailbox) -> None:
    heard.elmify("apply", "--help")
    heard.elmify("apply", "--no-such-option", status=64)

    assert box.messages == []
    assert not (heard.root / ".elmify" / "notified.json").exists()


def test_who_wants_to_hear_of_drift_alone_hears_of_nothing_else(heard: InsideProject, box: Mailbox) -> None:
    heard.settings += "notify: {on: [drift]}\n"
    lose_media(heard, "cow")

    heard.apply(status=1)

    assert box.messages == []


def test_a_message_that_cannot_be_sent_fails_nothing_and_is_sent_later(
    heard: InsideProject, box: Mailbox
) -> None:
    lose_media(heard, "cow")
    box.status = 500
    failed = heard.apply(status=1)
    box.status = 200
    heard.apply(status=1)
    heard.apply(status=1)

    assert "not-notified" in failed.err
    assert PASSWORD not in failed.err + failed.out
    assert PutsFailed.code in failed.err
    assert box.titles == [FAILED] * 2  # the first one was refused


def test_a_trial_reaches_everybody(heard: InsideProject, box: Mailbox) -> None:
    heard.environ["ELMIFY_NOTIFY_URLS"] = f"{box.url}, {box.url}"

    assert named_in(heard.elmify("notify", "test").out, 2)
    assert box.titles == [TRIAL] * 2


def test_a_trial_names_who_was_not_reached_and_shows_no_url(heard: InsideProject, box: Mailbox) -> None:
    heard.environ["ELMIFY_NOTIFY_URLS"] = f"{box.url} {NOWHERE} nonsense://planted-token@here"

    failed = heard.elmify("notify", "test", status=1)

    assert DeliveryFailed.code in failed.err
    assert named_in(failed.err, "2 of 3")
    assert "URL 2 (json://…)" in failed.err
    assert "URL 3 (nonsense://…)" in failed.err
    assert "planted" not in failed.err
    assert box.titles == [TRIAL]


def test_a_trial_without_a_url_says_which_variable_is_missing(project: InsideProject) -> None:
    project.settings += "notify: {urls_from: TEAM_URLS}\n"
    project.write()

    failed = project.elmify("notify", "test", status=64)

    assert named_in(failed.err, UsageError.code, "TEAM_URLS")


def test_a_url_in_elmify_yaml_is_refused(project: InsideProject, tmp_path: Path) -> None:
    project.settings += "notify: {urls: ['json://u:p@127.0.0.1/']}\n"
    project.write()

    assert "error[EL" in project.elmify("notify", "test", status=1).err
