"""The end of an operation is reported once, whatever its failure, and never to its harm."""

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from reconciler.logs import LogFormat, collect_takeover, run_context, start
from reconciler.model.errors import ElmifyError, Guarded, Interrupted, UsageError
from reconciler.model.history import Actor
from reconciler.model.notifications import Takeover
from reconciler.model.ports import Database
from reconciler.notifications.messages import failure_message, recovery_message, takeover_message
from reconciler.operations.notify import NOTIFIED, notifying, send_trial
from reconciler.settings import Settings, load_settings
from tests.mailbox import Mailbox, mailbox

#: A library of Apprise's imports it on Python 3.11 and 3.12.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


ANYONE = Actor(name="anyone")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture
def settings(tmp_path: Path, box: Mailbox) -> Settings:
    return settings_in(tmp_path / "live", box)


def settings_in(folder: Path, box: Mailbox) -> Settings:
    (folder / ".elmify").mkdir(parents=True)
    (folder / "elmify.yaml").write_text(f"environment: {folder.name}\n", encoding="utf-8")
    return load_settings(folder, {"ELMIFY_NOTIFY_URLS": box.url})


def no_database() -> AbstractContextManager[Database]:
    return _unreachable()


@contextmanager
def _unreachable() -> Iterator[NoReturn]:
    raise RuntimeError("the database is gone, and so is its driver")
    yield


def fail(settings: Settings, error: BaseException, kind: str = "apply") -> None:
    with pytest.raises(type(error)) as caught, notifying(settings, kind, no_database):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ElmifyError("gone"), "gone"),
        (Guarded("no"), "no"),
        (OSError(28, "No space left", "/data"), "/data: No space left"),
        (RuntimeError("row 7"), "RuntimeError: row 7"),
        (MemoryError(), "MemoryError: "),
    ],
)
def test_a_failure_of_any_type_is_sent_once_and_its_end_once(
    settings: Settings, box: Mailbox, error: Exception, sentence: str
) -> None:
    fail(settings, error)
    fail(settings, type(error)(*error.__reduce__()[1]))
    for _ in range(2):
        with notifying(settings, "apply", no_database):
            pass

    failed, well = failure_message("apply", "live", error, ANYONE), recovery_message("apply", "live", ANYONE)
    assert box.titles == [failed.title, well.title]
    assert any(line.endswith(sentence) for line in box.messages[0]["message"].splitlines())


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(1), Interrupted("stop"), UsageError("which one?")]
)
def test_what_its_own_caller_did_is_not_sent(settings: Settings, box: Mailbox, error: BaseException) -> None:
    fail(settings, error)

    assert box.messages == []


def test_only_operations_that_others_wait_for_are_reported(settings: Settings, box: Mailbox) -> None:
    fail(settings, RuntimeError("x"), kind="plan")
    assert box.messages == []

    for kind in sorted(NOTIFIED):
        fail(settings, RuntimeError("x"), kind=kind)
    assert len(box.messages) == len(NOTIFIED)


def test_one_failure_is_sent_once_by_however_many_doors_it_leaves(settings: Settings, box: Mailbox) -> None:
    box.status = 500  # so that it is not remembered as delivered
    inner = OSError(28, "No space left")
    outer = ElmifyError("the disk is full")
    outer.__cause__ = inner
    fail(settings, inner)
    fail(settings, inner)
    fail(settings, outer)

    assert len(box.messages) == 1


def test_a_takeover_is_sent_once_with_the_operation_that_did_it(settings: Settings, box: Mailbox) -> None:
    with notifying(settings, "apply", no_database), run_context(3):
        collect_takeover(Takeover(run=3, from_run=2))
    with notifying(settings, "apply", no_database):
        pass

    assert box.titles == [takeover_message("live", Takeover(run=3, from_run=2), ANYONE).title]


def test_lines_about_a_notification_carry_the_run_and_no_secret(
    settings: Settings, box: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    start(LogFormat.JSON, 2)
    box.status = 500
    with pytest.raises(RuntimeError), notifying(settings, "gc", no_database), run_context(5):
        raise RuntimeError("at planted-mail-password")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["run"]) for line in lines] == [("records-not-read", 5), ("not-notified", 5)]
    assert "planted" not in json.dumps(lines) + json.dumps(box.messages)
    assert "planted" not in (settings.state_dir / "notified.json").read_text("utf-8")


def test_sending_harms_no_operation(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise

    for trouble in (ValueError("a plugin's mistake"), KeyboardInterrupt()):

        def break_down(*_: object, trouble: BaseException = trouble, **__: object) -> NoReturn:
            raise trouble

        monkeypatch.setattr(apprise.Apprise, "notify", break_down)
        fail(settings, RuntimeError(str(trouble)))


def test_operations_of_two_projects_at_once_send_their_own(tmp_path: Path, box: Mailbox) -> None:
    projects = [settings_in(tmp_path / name, box) for name in ("north", "south")]
    barrier = threading.Barrier(len(projects), timeout=60)

    def work(number: int, settings: Settings) -> None:
        def operation() -> None:
            with notifying(settings, "apply", no_database), run_context(number):
                barrier.wait()
                collect_takeover(Takeover(run=number, from_run=1))

        operation()

    threads = [threading.Thread(target=work, args=item) for item in enumerate(projects, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(box.titles) == [
        takeover_message("north", Takeover(run=10, from_run=1), ANYONE).title,
        takeover_message("south", Takeover(run=11, from_run=1), ANYONE).title,
    ]


def test_states_of_kinds_that_end_at_once_are_all_remembered(settings: Settings) -> None:
    barrier = threading.Barrier(len(NOTIFIED), timeout=60)

    def work(kind: str) -> None:
        barrier.wait()
        with notifying(settings, kind, no_database):
            pass

    threads = [threading.Thread(target=work, args=(kind,)) for kind in NOTIFIED]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    memory = json.loads((settings.state_dir / "notified.json").read_text("utf-8"))["told"]
    assert memory == {f"live/{kind}": "well" for kind in NOTIFIED}


def test_a_trial_needs_a_url(settings: Settings, box: Mailbox, tmp_path: Path) -> None:
    assert send_trial(settings) == 1
    assert len(box.messages) == 1

    with pytest.raises(UsageError):
        send_trial(load_settings(tmp_path / "live", {}))
