"""Numbers for operators, in the text format of Prometheus: what this server process did, and what the job table says.

Jobs are read when somebody asks: a worker needs no port of its own, and a restart loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from web_helper.backend.core.database import Database
from web_helper.backend.queries import async_jobs
from web_helper.backend.services.exports.export_stream import StreamEnd

# A small export takes a second, one of ten million rows an hour.
_EXPORT_BUCKETS = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The numbers of one server process."""

    def __init__(self, database: Database) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "synapse_http_requests", "Answered requests.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "synapse_http_request_seconds",
            "Time until an answer begins.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._stream_rows = Counter(
            "synapse_export_stream_rows", "Rows that export streams of this process gave.", registry=self._registry
        )
        self._stream_bytes = Counter(
            "synapse_export_stream_bytes", "Bytes of export streams as they left.", registry=self._registry
        )
        self._stream_seconds = Histogram(
            "synapse_export_stream_seconds",
            "Time that a stream was open.",
            buckets=_EXPORT_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Jobs(database))

    def note_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is the template, so that ids make no series of their own."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def note_stream(self, end: StreamEnd) -> None:
        """A stream ended."""
        self._stream_rows.inc(end.rows)
        self._stream_bytes.inc(end.size_bytes)
        self._stream_seconds.observe(end.seconds)

    def show(self, name: str, text: str, count: Callable[[], float]) -> None:
        """Add a number that is asked for when somebody reads."""
        Gauge(name, text, registry=self._registry).set_function(count)

    def render(self) -> bytes:
        """Everything as text."""
        return generate_latest(self._registry)


class _Jobs(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> list[Metric]:
        """Nothing: without this, registering would already ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("synapse_async_jobs", "Durable jobs.", labels=("kind", "status"))
        rows = GaugeMetricFamily("synapse_async_job_rows", "Rows that jobs exported.", labels=("kind", "status"))
        held = GaugeMetricFamily(
            "synapse_bundle_bytes", "Bytes of the rows in bundles that are kept.", labels=("kind",)
        )
        with self._database.read() as session:
            for tally in async_jobs.tally_jobs(session):
                jobs.add_metric((tally.kind, tally.status), tally.jobs)
                rows.add_metric((tally.kind, tally.status), tally.rows)
            for kind, size_bytes in async_jobs.bundle_bytes(session).items():
                held.add_metric((kind,), size_bytes)
            ended = async_jobs.durations(session)
        yield from (jobs, rows, held, _durations(ended))


def _durations(ended: list[tuple[str, str, float]]) -> Metric:
    family = HistogramMetricFamily(
        "synapse_async_job_seconds", "Time from a job's begin to its end.", labels=("kind", "status")
    )
    for kind, status in sorted({row[:2] for row in ended}):
        seconds = [each[2] for each in ended if each[:2] == (kind, status)]
        counts = [(str(float(edge)), float(sum(each <= edge for each in seconds))) for edge in _EXPORT_BUCKETS]
        family.add_metric((kind, status), [*counts, ("+Inf", float(len(seconds)))], sum(seconds))
    return family
