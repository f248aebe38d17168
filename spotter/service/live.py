"""The model that answers: found by its alias, verified, warmed, checked, and given an engine."""

import logging
import time
from dataclasses import dataclass

from spotter.registry.folder import FolderStore, embedded
from spotter.registry.manifest import Manifest
from spotter.registry.source import ModelSource, resolve
from spotter.service.batcher import BatchLimits
from spotter.service.engine import Engine
from spotter.service.metrics import Metrics
from spotter.service.reader import Reader
from spotter.service.session import Session, SessionOptions
from spotter.service.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Live:
    """A running engine and the manifest of the bundle it runs. A request keeps the one that it began with."""

    manifest: Manifest
    engine: Engine
    digest: str


def source_of(settings: Settings) -> ModelSource:
    """The registry that the settings name."""
    return embedded() if settings.registry is None else FolderStore(settings.registry)


def load(settings: Settings, metrics: Metrics) -> Live:
    """Loads the bundle behind the alias and starts its engine. Raises RegistryError; takes seconds, so not in
    the event loop."""
    began = time.monotonic()
    try:
        source = source_of(settings)
        bundle = source.open(settings.model, resolve(source, settings.model, settings.alias))
        session = Session(bundle, SessionOptions(settings.engine_threads, settings.device))
        Reader(bundle, session).check_golden()  # also the warm-up
    except Exception:
        metrics.reloads.labels("failed").inc()
        raise
    limits = BatchLimits(settings.batch_pictures, settings.batch_pixels, settings.batch_wait_ms / 1000)
    engine = Engine(session, limits, metrics.batch)
    engine.start()
    manifest = bundle.manifest
    metrics.reloads.labels("loaded").inc()
    metrics.live(manifest)
    logger.info(
        "%s %s (%s) loaded in %.2f s", manifest.name, manifest.version, manifest.digest, time.monotonic() - began
    )
    return Live(manifest, engine, manifest.digest)
