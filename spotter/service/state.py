"""The state that all paths of a service share."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from spotter.reading.gpu_memory import GpuMemory
from spotter.reading.lexicons import Lexicon, read_lexicons
from spotter.service.batching.admission import Admission, Limits
from spotter.service.documents import DocumentLimits, Documents
from spotter.service.errors import NotReadyError
from spotter.service.lifecycle import Lifecycle
from spotter.service.memory import FETCHES
from spotter.service.models.served import ServedModels
from spotter.service.settings import Settings
from spotter.service.spotting import CloserLook, RequestHandler
from spotter.service.telemetry.metrics import Metrics
from spotter.service.upload_budget import UploadBudget


@dataclass
class Service:
    """One running service."""

    settings: Settings
    metrics: Metrics
    lifecycle: Lifecycle
    uploads: UploadBudget
    handler: RequestHandler
    models: ServedModels
    documents: Documents
    opening: asyncio.Semaphore
    """Held while a JSON body is parsed, one at a time, since that takes twice the memory of the upload."""
    fetching: asyncio.Semaphore
    """Held while a URL is fetched."""
    gpu_memory: GpuMemory | None
    """Reads the GPU's memory; None on a CPU."""
    lexicons: Mapping[str, Lexicon]

    def require_ready(self) -> None:
        """Raises NotReadyError unless a balancer should send work here: warmed up, not stopping, every engine
        working."""
        self.lifecycle.require_ready()
        for model in self.models.values():
            model.require_working()

    def require_alive(self) -> None:
        """Raises NotReadyError when only a new process helps."""
        for model in self.models.values():
            model.require_revivable()

    def refresh_gauges(self) -> None:
        """Updates the gauges; called when metrics are requested, so that it costs other requests nothing."""
        self.metrics.queue_pictures.set(self.handler.admission.pictures)
        self.metrics.queue_pixels.set(self.handler.admission.pixels)
        for reference, model in self.models.items():
            self.metrics.batch_queue.labels(str(reference)).set(model.live.engine.waiting if model.live else 0)
        self.metrics.decoders.labels("busy").set(self.handler.decoders.busy)
        self.metrics.decode_longest.set(self.handler.decoders.longest)
        self.metrics.upload_bytes.set(self.uploads.held)
        self.metrics.ready.set(self._ready())
        if self.gpu_memory is not None and self.models.default.live and (memory := self.gpu_memory.read()):
            for kind, count in zip(("used", "total"), memory, strict=True):
                self.metrics.gpu_memory.labels(kind).set(count)

    def _ready(self) -> bool:
        try:
            self.require_ready()
        except NotReadyError:
            return False
        return True


def build(settings: Settings) -> Service:
    """A service that has not loaded its model yet."""
    metrics = Metrics()
    metrics.lanes.set(settings.lanes)
    metrics.decoders.labels("all").set(settings.decoders)
    metrics.connections.labels("limit").set(settings.max_connections)

    def rejected(reason: str) -> None:
        metrics.rejections.labels(reason).inc()

    admission = Admission(
        Limits(settings.queue_pictures, settings.queue_pixels, settings.queue_seconds), time.monotonic, rejected
    )
    handler = RequestHandler(
        admission,
        settings.decoders,
        settings.limits,
        metrics,
        CloserLook(settings.max_working_side, settings.second_look),
        settings.lanes_decode,
        settings.timeout,
    )
    documents = DocumentLimits(settings.max_pages, settings.document_timeout, settings.decoders)
    return Service(
        settings,
        metrics,
        Lifecycle(),
        UploadBudget(settings.max_upload_bytes_total, rejected, admission.retry_after),
        handler,
        ServedModels(settings, metrics),
        Documents(handler, settings.limits, documents),
        asyncio.Semaphore(1),
        asyncio.Semaphore(FETCHES),
        None if settings.device == "cpu" else GpuMemory(),
        {} if settings.lexicons is None else read_lexicons(settings.lexicons),
    )
