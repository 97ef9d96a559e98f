import json
import re
import threading

import pytest

from reconciler.cli.progress import meter


def test_without_a_terminal_a_short_transfer_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with meter("Uploading", files=2, size_bytes=300) as progress:
        progress.bytes_done(300)
        progress.file_done("one.mp3")

    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_a_long_transfer_says_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("reconciler.cli.progress.time.monotonic", lambda: now[0])
    with meter("Uploading", files=2, size_bytes=4096) as progress:
        progress.bytes_done(512)
        now[0] += 10
        progress.file_done("one.mp3")
        progress.bytes_done(512)
        progress.bytes_done(0)

    out, err = capsys.readouterr()
    assert out == ""
    assert (err.startswith("Uploading: "), err.count("\n")) == (True, 1)
    assert re.findall(r"[\d.]+", err) == ["1", "2", "1.0", "4.0", "102", "30"]


def test_as_json_each_file_is_an_event_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with meter("Uploading", files=2, size_bytes=300, style="json") as progress:
        progress.bytes_done(100)
        progress.file_done("آل.mp3")

    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "event": "file",
        "label": "Uploading",
        "name": "آل.mp3",
        "files": 1,
        "of_files": 2,
        "bytes": 100,
        "of_bytes": 300,
    }


def test_events_from_many_threads_are_whole_lines_that_count_up(capsys: pytest.CaptureFixture[str]) -> None:
    with meter("Uploading", files=40, size_bytes=40, style="json") as progress:
        threads = [
            threading.Thread(target=progress.file_done, args=(f"{number}.mp3",)) for number in range(40)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["files"] for event in events] == list(range(1, 41))


def test_an_attempt_that_starts_over_takes_its_bytes_back(capsys: pytest.CaptureFixture[str]) -> None:
    with meter("Uploading", files=1, size_bytes=100, style="json") as progress:
        progress.bytes_done(60)
        progress.bytes_done(-60)
        progress.bytes_done(100)
        progress.file_done("one.mp3")

    assert json.loads(capsys.readouterr().out)["bytes"] == 100
