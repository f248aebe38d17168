"""Everything that the paths of one service share."""

import time
from dataclasses import dataclass

from spotter.service.admission import Admission, Limits
from spotter.service.errors import NotReadyError
from spotter.service.imaging import PictureLimits
from spotter.service.lifecycle import Lifecycle, State
from spotter.service.live import Live
from spotter.service.metrics import Metrics
from spotter.service.settings import Settings
from spotter.service.spotting import Spotter
from spotter.service.uploads import UploadBudget


@dataclass
class Service:
    """One running service. `live` is the model that new requests get; a request keeps the one it took."""

    settings: Settings
    metrics: Metrics
    lifecycle: Lifecycle
    uploads: UploadBudget
    spotter: Spotter
    live: Live | None = None

    def require_live(self) -> Live:
        """The live model. Raises NotReadyError before it is loaded."""
        if self.live is None:
            raise NotReadyError("the model is being loaded", retry_after=1)
        return self.live

    def refresh_gauges(self) -> None:
        """Brings the gauges up to date; called when they are asked for, which costs requests nothing."""
        self.metrics.queue_pictures.set(self.spotter.admission.pictures)
        self.metrics.queue_pixels.set(self.spotter.admission.pixels)
        self.metrics.batch_queue.set(self.live.engine.waiting if self.live else 0)
        self.metrics.upload_bytes.set(self.uploads.held)
        self.metrics.ready.set(self.lifecycle.state is State.READY)


def build(settings: Settings) -> Service:
    """A service that has not loaded its model yet."""
    metrics = Metrics()

    def rejected(reason: str) -> None:
        metrics.rejections.labels(reason).inc()

    admission = Admission(
        Limits(settings.queue_pictures, settings.queue_pixels, settings.queue_seconds), time.monotonic, rejected
    )
    limits = PictureLimits(settings.max_pixels, settings.max_side, settings.max_frames)
    return Service(
        settings,
        metrics,
        Lifecycle(),
        UploadBudget(settings.max_upload_bytes_total, rejected),
        Spotter(admission, settings.decoders, limits, metrics),
    )
