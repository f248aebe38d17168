"""The service's Prometheus metrics. There is one object for each process; nothing is registered globally."""

from collections import Counter as Counted
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest

from spotter.registry.manifest import Manifest
from spotter.service.batching.jobs import BatchReport

disable_created_metrics()  # type: ignore[no-untyped-call]  # a creation time for every series would double the page

T = TypeVar("T")

SECONDS = tuple(0.001 * 2**power for power in range(15))  # 1 ms .. 16 s
PICTURES = (1, 2, 4, 8, 16, 32, 64)
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75)
TOGETHER = 32
"""The number of recorded answers that are counted together."""


class Metrics:
    """Every metric of the service.

    Events of a request are only recorded, and counted in batches, at the latest when metrics are requested (`settle`):
    this costs less than counting each.
    """

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "spotter_requests", "Requests answered, by path and status.", ("path", "code"), registry=registry
        )
        self.request_seconds = Histogram(
            "spotter_request_seconds",
            "Of paths that read pictures, from the first header to the last byte of the answer.",
            ("path",),
            buckets=SECONDS,
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "spotter_stage_seconds",
            "Seconds a picture spends in each stage.",
            ("stage",),
            buckets=SECONDS,
            registry=registry,
        )
        self.words = Counter("spotter_words", "Words read.", ("model",), registry=registry)
        self.pictures = Counter("spotter_pictures", "Pictures and pages answered.", ("model",), registry=registry)
        self.second_looks = Counter(
            "spotter_second_looks",
            "Looks at a picture after the first, closer or turned, by what came of them.",
            ("outcome",),
            registry=registry,
        )
        self.batch_pictures = Histogram(
            "spotter_batch_pictures", "Pictures in a batch.", ("model",), buckets=PICTURES, registry=registry
        )
        self.batch_padding = Histogram(
            "spotter_batch_padding_ratio",
            "Share of a batch's pixels that is padding.",
            ("model",),
            buckets=SHARES,
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "spotter_batch_seconds", "Seconds a batch runs.", ("model",), buckets=SECONDS, registry=registry
        )
        self.lanes = Gauge("spotter_lanes", "Batches of a model that may run at once.", registry=registry)
        self.dispatches = Counter(
            "spotter_dispatches", "Batches run, by why they ran then.", ("model", "reason"), registry=registry
        )
        self.queue_pictures = Gauge("spotter_queue_pictures", "Pictures admitted, not answered.", registry=registry)
        self.queue_pixels = Gauge("spotter_queue_pixels", "Padded pixels of those.", registry=registry)
        self.batch_queue = Gauge(
            "spotter_batch_queue_pictures", "Decoded pictures that wait for a batch.", ("model",), registry=registry
        )
        self.rejections = Counter(
            "spotter_rejections", "Pictures not admitted, by reason.", ("reason",), registry=registry
        )
        self.cancellations = Counter(
            "spotter_cancellations", "Clients that left, by stage.", ("stage",), registry=registry
        )
        self.expirations = Counter(
            "spotter_expirations", "Deadlines that passed, by stage.", ("stage",), registry=registry
        )
        self.failed_parts = Counter(
            "spotter_failed_parts",
            "Pictures of multipart requests that failed in an answer of 200, by problem.",
            ("type",),
            registry=registry,
        )
        self.connections = Gauge(
            "spotter_connections", "Connections: those open now and their limit.", ("kind",), registry=registry
        )
        self.decoders = Gauge(
            "spotter_decoders", "Decoding threads: those at work now and all.", ("kind",), registry=registry
        )
        self.decode_longest = Gauge(
            "spotter_decode_longest_seconds",
            "How long the decoding thread that began first has been at work on its picture.",
            registry=registry,
        )
        self.upload_bytes = Gauge("spotter_upload_bytes", "Bytes of uploads held now.", registry=registry)
        self.gpu_memory = Gauge(
            "spotter_gpu_memory_bytes",
            "Memory of the GPU, of all its processes: used and total.",
            ("kind",),
            registry=registry,
        )
        self.ready = Gauge("spotter_ready", "1 while the service is ready.", registry=registry)
        self.model = Info("spotter_model", "The version of a model that answers.", ("model",), registry=registry)
        self.reloads = Counter(
            "spotter_reloads", "Versions of a model loaded, by outcome.", ("model", "outcome"), registry=registry
        )

        self._stages: deque[tuple[str, float]] = deque()
        self._batches: deque[tuple[str, BatchReport]] = deque()
        self._answers: deque[tuple[str, int, float | None]] = deque()
        self._pages: deque[tuple[str, int]] = deque()

    def stage(self, stage: str, seconds: float) -> None:
        """Records the time of a picture in a stage."""
        self._stages.append((stage, seconds))

    def page(self, model: str, words: int) -> None:
        """Records a picture or page that a model read, of so many words."""
        self._pages.append((model, words))

    def batch(self, model: str, report: BatchReport) -> None:
        """Records a batch of a model. May be called from any thread."""
        self._batches.append((model, report))

    def answered(self, path: str, code: int, seconds: float | None) -> None:
        """Records that a request was answered; seconds: None for paths whose durations are not recorded, since each
        such path would make the metrics page a sixth longer. To be called on the event loop."""
        self._answers.append((path, code, seconds))
        if len(self._answers) >= TOGETHER:
            self.settle()

    def settle(self) -> None:
        """Counts the recorded events. To be called on the event loop."""
        answers = _drained(self._answers)
        for (path, code), count in Counted((path, code) for path, code, _ in answers).items():
            self.requests.labels(path, str(code)).inc(count)
        for path, durations in _grouped((path, seconds) for path, _, seconds in answers if seconds is not None).items():
            _observe(self.request_seconds.labels(path), durations)
        for stage, durations in _grouped(_drained(self._stages)).items():
            _observe(self.stage_seconds.labels(stage), durations)
        for model, words in _grouped(_drained(self._pages)).items():
            self.pictures.labels(model).inc(len(words))
            self.words.labels(model).inc(sum(words))
        for model, reports in _grouped(_drained(self._batches)).items():
            self._count(model, reports)

    def _count(self, model: str, reports: Sequence[BatchReport]) -> None:
        _observe(self.batch_pictures.labels(model), [report.pictures for report in reports])
        _observe(
            self.batch_padding.labels(model), [1 - report.real_pixels / report.padded_pixels for report in reports]
        )
        _observe(self.batch_seconds.labels(model), [report.seconds for report in reports])
        for reason, count in Counted(report.reason for report in reports).items():
            self.dispatches.labels(model, reason).inc(count)

    def expect(self, model: str) -> None:
        """Makes a model's counters appear from the beginning, as 0."""
        for metric in (
            self.words, self.pictures, self.batch_pictures, self.batch_padding, self.batch_seconds, self.batch_queue,
        ):  # fmt: skip
            metric.labels(model)

    def live(self, model: str, manifest: Manifest) -> None:
        """Sets the version of a model that answers."""
        self.model.labels(model).info({"name": manifest.name, "version": manifest.version, "digest": manifest.digest})

    def render(self) -> bytes:
        """The /metrics page, in Prometheus' text format."""
        self.settle()
        return generate_latest(self.registry)


def _drained(events: deque[T]) -> list[T]:
    """What is recorded so far; other threads may go on recording."""
    return [events.popleft() for _ in range(len(events))]


def _grouped(events: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """By their labels, for finding the counter of a label takes longer than counting."""
    groups: dict[str, list[T]] = {}
    for label, value in events:
        groups.setdefault(label, []).append(value)
    return groups


def _observe(histogram: Histogram, values: Iterable[float]) -> None:
    for value in values:
        histogram.observe(value)
