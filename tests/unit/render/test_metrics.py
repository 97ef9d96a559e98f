import builtins
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reconciler.model.errors import ElmifyError
from reconciler.model.history import RunKind, RunResult
from reconciler.model.kinds import Kind
from reconciler.model.playback import WayCount
from reconciler.model.status import Figures, LastUpload, RunFigures
from reconciler.render.metrics import metrics_text

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


EMPTY = Figures(
    environment="live",
    taken_at=NOW,
    runs=(),
    objects={"live": 3, "unmanaged": 1},
    storage_bytes=10_800,
    rows={Kind.SPEAKER: 8, Kind.COLLECTION: 12, Kind.LECTURE: 467},
    managed={Kind.SPEAKER: 8, Kind.COLLECTION: 11, Kind.LECTURE: 460},
    playing=tuple(
        WayCount(way=way, lectures=467, plays=plays, lectures_after=467, plays_after=plays)
        for way, plays in (("stream", 155), ("playlist", 455))
    ),
    pending_aliases=3,
    drift=2,
    uploaded_bytes=0,
    last_upload=None,
    user_rows_lost=0,
    database_bytes=8_000,
)


def samples(figures: Figures) -> dict[tuple[str, ...], float]:
    """Return what Prometheus reads: the value by the sample's name and its labels but the environment."""
    found = {}
    for family in text_string_to_metric_families(metrics_text(figures)):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("environment") == "live"
            found[(sample.name, *labels.values())] = sample.value
    return found


def test_both_stores_are_counted() -> None:
    found = samples(EMPTY)

    assert found["elmify_objects", "live"] == 3
    assert found["elmify_objects", "unmanaged"] == 1
    assert {name[1:]: value for name, value in found.items() if name[0] == "elmify_rows"} == {
        ("true", "speakers"): 8,
        ("false", "speakers"): 0,
        ("true", "collections"): 11,
        ("false", "collections"): 1,
        ("true", "lectures"): 460,
        ("false", "lectures"): 7,
    }
    assert found["elmify_storage_bytes",] == 10_800
    assert found["elmify_database_size_bytes",] == 8_000
    assert found["elmify_lectures",] == 467
    assert found["elmify_lectures_playing", "stream"] == 155
    assert found["elmify_lectures_playing", "playlist"] == 455
    assert found["elmify_pending_aliases",] == 3
    assert found["elmify_drift",] == 2
    assert found["elmify_user_rows_lost_total",] == 0
    assert found["elmify_taken_timestamp_seconds",] == NOW.timestamp()


APPLIES = RunFigures(
    kind=RunKind.APPLY,
    counts={RunResult.BEGUN: 1, RunResult.FAILED: 1, RunResult.OK: 2, RunResult.UNFINISHED: 1},
    ended=4,
    duration=timedelta(seconds=130),
    last_success=NOW - timedelta(hours=97),
    last_duration=timedelta(seconds=50),
)
GC = RunFigures(
    kind=RunKind.GC,
    counts={RunResult.UNFINISHED: 1},
    ended=0,
    duration=timedelta(0),
    last_success=None,
    last_duration=None,
)


def test_runs_are_told_by_command_and_outcome() -> None:
    found = samples(replace(EMPTY, runs=(APPLIES, GC)))

    assert {name[1:]: value for name, value in found.items() if name[0] == "elmify_runs_total"} == {
        ("apply", "begun"): 1,
        ("apply", "failed"): 1,
        ("apply", "unfinished"): 1,
        ("apply", "ok"): 2,
        ("gc", "unfinished"): 1,
    }
    assert APPLIES.last_success is not None
    assert found["elmify_last_success_timestamp_seconds", "apply"] == APPLIES.last_success.timestamp()
    assert ("elmify_last_success_timestamp_seconds", "gc") not in found
    assert found["elmify_last_run_duration_seconds", "apply"] == 50
    assert found["elmify_run_duration_seconds_count", "apply"] == 4
    assert found["elmify_run_duration_seconds_sum", "apply"] == 130
    assert found["elmify_run_duration_seconds_count", "gc"] == 0
    assert ("elmify_last_run_duration_seconds", "gc") not in found


def test_the_last_upload_has_a_size_and_a_rate() -> None:
    upload = LastUpload(size_bytes=5_000, took=timedelta(seconds=2))

    found = samples(replace(EMPTY, uploaded_bytes=9_000, last_upload=upload))

    assert found["elmify_uploaded_bytes_total",] == 9_000
    assert found["elmify_last_upload_bytes",] == 5_000
    assert found["elmify_last_upload_bytes_per_second",] == 2_500
    assert ("elmify_last_upload_bytes",) not in samples(EMPTY)


def test_every_family_says_what_it_means() -> None:
    families = list(text_string_to_metric_families(metrics_text(replace(EMPTY, runs=(APPLIES,)))))

    assert len(families) > 10
    assert all(family.documentation.endswith(".") for family in families)
    assert all(family.name.startswith("elmify_") for family in families)


def test_without_its_library_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("prometheus_client"):
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)

    with pytest.raises(ElmifyError) as caught:
        metrics_text(EMPTY)

    assert "pip install '.[metrics]'" in caught.value.hint
