import json
import logging
from collections.abc import Iterator

import pytest

from reconciler.logs import CONSOLE, ROOT, LogFormat, hide, is_json, masked, noted, run_in_progress, start

_log = logging.getLogger(f"{ROOT}.test")


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    yield
    logger = logging.getLogger(ROOT)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True


def log(event: str, level: int = logging.WARNING, **facts: object) -> None:
    _log.log(level, event, extra={"facts": facts})


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_line_of_text_says_when_how_bad_where_which_run_and_what(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start()
    log("lease-lost", run=12, by="other")

    (line,) = lines(capsys)

    time, _, rest = line.partition(" ")
    assert rest == 'warning elmify.test lease-lost run=12 by="other"'
    assert time.endswith("Z")
    assert len(time) == len("2026-11-23T14:02:05.123Z")


def test_a_line_of_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    start(LogFormat.JSON)
    log("lease-lost", run=12, by="other", level_="kept")

    said = json.loads(lines(capsys)[0])

    assert said.pop("time").endswith("Z")
    assert said == {
        "level": "warning",
        "logger": "elmify.test",
        "run": 12,
        "event": "lease-lost",
        "by": "other",
        "level_": "kept",
    }


def test_no_fact_takes_the_place_of_what_every_line_has(capsys: pytest.CaptureFixture[str]) -> None:
    start(LogFormat.JSON)
    _log.warning("x", extra={"facts": {"event": "forged", "time": "never"}})

    said = json.loads(lines(capsys)[0])

    assert said["event"] == "x"
    assert said["time"] != "never"


def test_the_run_stays_in_every_line_after_it_began(capsys: pytest.CaptureFixture[str]) -> None:
    start(LogFormat.JSON)
    log("before")
    log("run-begun", logging.DEBUG, run=7)  # too quiet to be shown, and yet noticed
    log("after")

    assert [json.loads(line)["run"] for line in lines(capsys)] == [None, 7]
    assert run_in_progress() == 7


@pytest.mark.parametrize(("verbosity", "shown"), [(0, "w"), (1, "iw"), (2, "diw"), (9, "diw")])
def test_more_is_shown_to_those_who_ask(
    capsys: pytest.CaptureFixture[str], verbosity: int, shown: str
) -> None:
    start(verbosity=verbosity)
    log("d", logging.DEBUG)
    log("i", logging.INFO)
    log("w", logging.WARNING)

    assert "".join(line.split()[3] for line in lines(capsys)) == shown


def test_what_a_terminal_was_told_is_not_logged_there_again(capsys: pytest.CaptureFixture[str]) -> None:
    start(verbosity=2)
    _log.warning("said", extra={"said": True})
    assert lines(capsys) == []

    start(LogFormat.JSON)
    _log.warning("said", extra={"said": True})
    assert len(lines(capsys)) == 1


def test_what_a_terminal_would_be_told_is_logged_for_a_machine_whatever_the_verbosity(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start(LogFormat.JSON)
    logging.getLogger(CONSOLE).info("Nothing was applied.")

    assert json.loads(lines(capsys)[0])["event"] == "Nothing was applied."


def test_a_text_from_outside_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    log("broken\nline", title="\x1b[31mred\u202e\n::error::x")

    (line,) = lines(capsys)
    assert line.isprintable()


@pytest.mark.parametrize("format_", LogFormat)
def test_no_line_shows_a_secret_however_it_is_spelled(
    capsys: pytest.CaptureFixture[str], format_: LogFormat
) -> None:
    start(format_, 2)
    hide(['quo"ted/s3cret key', "postgresql://elmify:p%40ss-w0rd@db.example.com/app", "abc"])
    for text in (
        'quo"ted/s3cret key',
        "quo%22ted%2Fs3cret%20key",
        "p%40ss-w0rd",
        "p@ss-w0rd",
        "postgresql://elmify:p%40ss-w0rd@db.example.com/app",
        "https://user:unknown-password@host/",
        "https://bucket/key?X-Amz-Signature=unknown-signature&X-Amz-Credential=unknown-id",
    ):
        log(text, logging.INFO, fact=text)

    shown = "\n".join(lines(capsys))

    assert len(shown.splitlines()) == 7
    for secret in ("s3cret", "w0rd", "unknown"):
        assert secret not in shown
    assert "https://user:***@host/" in shown


def test_a_short_secret_does_not_blot_out_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    hide(["", "err"])
    log("errors happened")

    assert "errors happened" in lines(capsys)[0]


def test_a_url_that_cannot_be_parsed_is_hidden_as_it_stands() -> None:
    start()
    hide(["http://[planted"])

    assert masked("at http://[planted!") == "at ***!"


def test_warnings_are_noted_for_whoever_tells_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    log("taken", run=3, from_run=2)
    log("taken", logging.INFO, run=4)

    assert noted("taken") == [{"run": 3, "from_run": 2}]
    assert noted("other") == []
    assert lines(capsys)


def test_before_the_start_there_is_nothing_to_know() -> None:
    assert not is_json()
    assert run_in_progress() is None
    assert noted("x") == []


def test_to_start_again_leaves_one_line_for_one_event(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    start()
    log("once")

    assert len(lines(capsys)) == 1


def test_no_other_handler_gets_a_line_that_may_hold_a_secret(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    start()
    log("planted")

    assert caplog.records == []
    assert lines(capsys)


def test_what_libraries_log_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    start(verbosity=2)
    logging.getLogger("botocore.auth").info("StringToSign: planted")

    assert "planted" not in capsys.readouterr().err
