"""Numbers as Prometheus reads them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reconciler.model.errors import ElmifyError
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.status import Figures

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_INSTALL = "In a clone of elmify, install what they need:\n    pip install '.[metrics]'"


def metrics_text(figures: Figures) -> str:
    """Return the figures in Prometheus's text format.

    Every sample carries its environment.
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.registry import Collector
    except ImportError as error:
        raise ElmifyError("metrics need prometheus-client, which is not installed", hint=_INSTALL) from error

    class Numbers(Collector):
        def collect(self) -> "Iterator[Metric]":
            yield from _of_runs(figures)
            yield from _of_uploads(figures)
            yield from _of_stores(figures)

    registry = CollectorRegistry()
    registry.register(Numbers())
    return generate_latest(registry).decode()


def _of_runs(figures: Figures) -> "Iterator[Metric]":
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

    labels = ["environment", "command"]
    success = GaugeMetricFamily(
        "elmify_last_success_timestamp_seconds", "When a command last did all it should.", labels=labels
    )
    last = GaugeMetricFamily(
        "elmify_last_run_duration_seconds", "How long a command's last finished run took.", labels=labels
    )
    took = SummaryMetricFamily("elmify_run_duration_seconds", "How long finished runs took.", labels=labels)
    total = CounterMetricFamily("elmify_runs_total", "Runs by their outcome.", labels=[*labels, "outcome"])
    for runs in figures.runs:
        where = [figures.environment, runs.kind.value]
        if runs.last_success is not None:
            success.add_metric(where, runs.last_success.timestamp())
        if runs.last_duration is not None:
            last.add_metric(where, runs.last_duration.total_seconds())
        took.add_metric(where, count_value=runs.ended, sum_value=runs.duration.total_seconds())
        for result, count in runs.counts.items():
            total.add_metric([*where, result.value], count)
    yield from (success, last, took, total)


def _of_uploads(figures: Figures) -> "Iterator[Metric]":
    from prometheus_client.metrics_core import CounterMetricFamily

    uploaded = CounterMetricFamily(
        "elmify_uploaded_bytes_total", "Bytes that committed runs have put.", labels=["environment"]
    )
    uploaded.add_metric([figures.environment], figures.uploaded_bytes)
    lost = CounterMetricFamily(
        "elmify_user_rows_lost_total", "Rows of users that deletes took along.", labels=["environment"]
    )
    lost.add_metric([figures.environment], figures.user_rows_lost)
    yield from (uploaded, lost)
    if (last := figures.last_upload) is not None:
        rate = last.size_bytes / max(last.took.total_seconds(), 0.001)
        yield _gauge(
            figures, "elmify_last_upload_bytes", "Bytes of the last apply that put any.", last.size_bytes
        )
        yield _gauge(figures, "elmify_last_upload_bytes_per_second", "Its rate, from begin to commit.", rate)


def _of_stores(figures: Figures) -> "Iterator[Metric]":
    from prometheus_client.metrics_core import GaugeMetricFamily

    objects = GaugeMetricFamily(
        "elmify_objects", "Objects in the bucket, by what elmify knows.", labels=["environment", "state"]
    )
    for state, count in figures.objects.items():
        objects.add_metric([figures.environment, state], count)
    rows = GaugeMetricFamily(
        "elmify_rows", "Rows of the content tables.", labels=["environment", "table", "managed"]
    )
    for kind, table in TABLES.items():
        managed = figures.managed[kind]
        rows.add_metric([figures.environment, table.name, "true"], managed)
        rows.add_metric([figures.environment, table.name, "false"], figures.rows[kind] - managed)
    playing = GaugeMetricFamily(
        "elmify_lectures_playing",
        "Lectures that play, by the way of the apps.",
        labels=["environment", "way"],
    )
    for each in figures.playing:
        playing.add_metric([figures.environment, each.way], each.plays)
    yield from (objects, rows, playing)
    for name, meaning, value in (
        ("elmify_storage_bytes", "Bytes of all objects in the bucket.", figures.storage_bytes),
        ("elmify_database_size_bytes", "What the database takes on disk.", figures.database_bytes),
        ("elmify_lectures", "Rows of lectures.", figures.rows[Kind.LECTURE]),
        (
            "elmify_pending_aliases",
            "Playback copies that a commit left to be replaced.",
            figures.pending_aliases,
        ),
        ("elmify_drift", "Differences that other hands made since the last apply.", figures.drift),
        ("elmify_taken_timestamp_seconds", "When these numbers were read.", figures.taken_at.timestamp()),
    ):
        yield _gauge(figures, name, meaning, value)


def _gauge(figures: Figures, name: str, meaning: str, value: float) -> "Metric":
    from prometheus_client.metrics_core import GaugeMetricFamily

    family = GaugeMetricFamily(name, meaning, labels=["environment"])
    family.add_metric([figures.environment], value)
    return family
