import itertools
import json
import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context

import pytest

from reconciler import logs
from reconciler.logs import (
    CONSOLE,
    ROOT,
    LogFormat,
    collect_takeover,
    collected_events,
    collecting_events,
    hide,
    hiding,
    is_json,
    masked,
    run_context,
    start,
)
from reconciler.model.notifications import Takeover

_log = logging.getLogger(f"{ROOT}.test")


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


def test_the_run_is_in_every_line_of_its_context(capsys: pytest.CaptureFixture[str]) -> None:
    start(LogFormat.JSON)
    log("before")
    with collecting_events() as events:
        with run_context(7):
            log("within")
            log("another", run=8)
        log("after")

    assert [json.loads(line)["run"] for line in lines(capsys)] == [None, 7, 8, None]
    assert events.runs == [7]


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
    texts = (
        'quo"ted/s3cret key',
        "quo%22ted%2Fs3cret%20key",
        "p%40ss-w0rd",
        "p@ss-w0rd",
        "postgresql://elmify:p%40ss-w0rd@db.example.com/app",
        "https://user:unknown-password@host/",
        "https://bucket/key?X-Amz-Signature=unknown-signature&X-Amz-Credential=unknown-id",
    )
    with hiding(['quo"ted/s3cret key', "postgresql://elmify:p%40ss-w0rd@db.example.com/app", "abc"]):
        for text in texts:
            log(text, logging.INFO, fact=text)

    shown = "\n".join(lines(capsys))

    assert len(shown.splitlines()) == 7
    for secret in ("s3cret", "w0rd", "unknown"):
        assert secret not in shown
    assert "https://user:***@host/" in shown


def test_a_short_secret_does_not_blot_out_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    with hiding(["", "err"]):
        log("errors happened")

    assert "errors happened" in lines(capsys)[0]


def test_a_url_that_cannot_be_parsed_is_hidden_as_it_stands() -> None:
    with hiding(["http://[planted"]):
        assert masked("at http://[planted!") == "at ***!"


def test_a_takeover_is_logged_and_collected_once(capsys: pytest.CaptureFixture[str]) -> None:
    start(LogFormat.JSON)
    takeover = Takeover(run=3, from_run=2)
    with collecting_events() as events:
        collect_takeover(takeover)
        collect_takeover(takeover)

    assert events.takeovers == [takeover]
    line = json.loads(lines(capsys)[0])
    assert (line["level"], line["event"], line["run"], line["from_run"]) == (
        "warning",
        "lease-taken-over",
        3,
        2,
    )
    assert collected_events().takeovers == []


def test_before_the_start_stderr_is_for_people() -> None:
    assert not is_json()


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


def at_once(*works: Callable[[threading.Barrier], None]) -> None:
    """Run works in threads of one process; each waits at the barrier until all are there."""
    barrier = threading.Barrier(len(works), timeout=60)
    threads = [threading.Thread(target=work, args=(barrier,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_runs_in_two_threads_log_under_their_own_number_also_in_their_workers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start(LogFormat.JSON)
    collected: dict[int, list[int]] = {}

    def run(number: int) -> Callable[[threading.Barrier], None]:
        def work(barrier: threading.Barrier) -> None:
            with collecting_events() as events, run_context(number):
                for step in range(20):
                    barrier.wait()
                    log("step", own=number, step=step)
                worker = threading.Thread(
                    target=copy_context().run, args=(log, "worker"), kwargs={"own": number}
                )
                worker.start()
                worker.join()
            collected[number] = events.runs

        return work

    at_once(run(1), run(2))

    found = [json.loads(line) for line in lines(capsys)]
    assert len(found) == 42
    assert all(line["run"] == line["own"] for line in found)
    assert collected == {1: [1], 2: [2]}


def test_a_secret_is_masked_in_every_context_while_its_own_is_open(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start(LogFormat.JSON)

    def first(barrier: threading.Barrier) -> None:
        with hiding(["planted-first"]):
            barrier.wait()
            log("first", text="planted-first planted-second")
            barrier.wait()

    def second(barrier: threading.Barrier) -> None:
        with hiding(["planted-second"]):
            barrier.wait()
            log("second", text="planted-first planted-second")
            without_context = threading.Thread(
                target=log, args=("outside",), kwargs={"text": "planted-first"}
            )
            without_context.start()
            without_context.join()
            barrier.wait()

    at_once(first, second)

    found = {line["event"]: line["text"] for line in map(json.loads, lines(capsys))}
    assert found == {"first": "*** ***", "second": "*** ***", "outside": "***"}
    assert masked("planted-first") == "planted-first"


def test_a_thread_that_outlives_its_block_shows_no_secret_either(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    with hiding(["planted-outer"]), hiding():
        hide(["planted-inner"])
        left_behind = copy_context()

    left_behind.run(log, "late", text="planted-outer planted-inner")

    assert "planted" not in lines(capsys)[0]
    assert masked("planted-outer") == "planted-outer"


def test_a_secret_of_two_blocks_is_masked_until_the_last_one_ends() -> None:
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(hiding(["planted", "other-text"]))
        second.enter_context(hiding(["planted"]))
        first.close()

        assert masked("planted other-text") == "*** other-text"


def test_a_secret_is_hidden_in_a_block_only() -> None:
    with pytest.raises(LookupError):
        hide(["planted"])


def test_blocks_may_end_in_any_order_and_in_another_context() -> None:
    block = hiding(["planted"])
    copy_context().run(block.__enter__)
    assert masked("planted") == "***"
    block.__exit__(None, None, None)
    assert masked("planted") == "planted"

    overlapping = [hiding([f"planted-{number}"]) for number in range(9)]
    overlapping[0].__enter__()
    for before, block in itertools.pairwise(overlapping):
        block.__enter__()
        before.__exit__(None, None, None)
        assert len(logs._scopes.get()) == 1
    overlapping[-1].__exit__(None, None, None)
    assert logs._scopes.get() == ()


def test_nothing_is_kept_of_a_thousand_contexts(capsys: pytest.CaptureFixture[str]) -> None:
    start(LogFormat.JSON)

    def kept() -> str:
        """What the process holds: of the secrets, of this context, of the handler."""
        context = (logs._run.get(), logs._events.get(), logs._scopes.get())
        return repr((vars(logs._open_secrets), context, *map(vars, logging.getLogger(ROOT).handlers)))

    before = kept()
    for number in range(1_000):
        with collecting_events(), hiding([f"planted-{number}"]), run_context(number):
            hide([f"more-{number}"])
            collect_takeover(Takeover(run=number, from_run=number - 1))

    assert kept() == before
    assert logs._open_secrets.spellings == frozenset()
    assert len(lines(capsys)) == 1_000
