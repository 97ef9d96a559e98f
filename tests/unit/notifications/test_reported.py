from pathlib import Path

import pytest

from reconciler.notifications.messages import drift_memory, remembered_drift, remembered_state, state_memory


def test_what_was_told_is_remembered_for_each_environment(tmp_path: Path) -> None:
    file = tmp_path / "drift.json"
    file.write_text(drift_memory(file, "live", ["b", "a"]))
    file.write_text(drift_memory(file, "stage", []))

    assert remembered_drift(file, "live") == frozenset({"a", "b"})
    assert remembered_drift(file, "stage") == frozenset()
    assert remembered_drift(file, "other") is None


def test_a_state_is_remembered_by_its_topic(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    file.write_text(state_memory(file, "live/apply", "well"))
    file.write_text(state_memory(file, "live/gc", "failed"))

    assert remembered_state(file, "live/apply") == "well"
    assert remembered_state(file, "live/gc") == "failed"
    assert remembered_state(file, "live/drift") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": 2, "told": {"live": ["a"]}}',
        '{"format": 1, "told": ["live"]}',
        "\udcff",
    ],
)
def test_a_file_of_somebody_else_remembers_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))

    assert remembered_drift(file, "live") is None
    assert remembered_state(file, "live") is None


def test_what_is_no_text_is_not_remembered(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"format": 1, "told": {"live": ["a", 1], "state": 3}}')

    assert remembered_drift(file, "live") == frozenset({"a"})
    assert remembered_state(file, "state") is None
