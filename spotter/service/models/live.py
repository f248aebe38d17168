"""Loads the model that an alias names: fetches, verifies, warms and checks it, and starts its engine."""

import contextlib
import functools
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from spotter.ops.loading import OperatorStatus
from spotter.reading.bundles import find_bundle
from spotter.reading.reader import Reader
from spotter.reading.session import Session
from spotter.registry.bundle import Bundle
from spotter.registry.manifest import Manifest
from spotter.registry.source import ModelSource, resolve
from spotter.registry.stores import open_store
from spotter.service.batching.batcher import BatchLimits, Shape
from spotter.service.batching.engine import Engine
from spotter.service.batching.jobs import Runner
from spotter.service.settings import Settings
from spotter.service.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class LoadedModel:
    """A running engine and the manifest of the bundle it runs. A request uses the same one from beginning to end."""

    label: str
    """The label of the model in metrics."""
    manifest: Manifest
    engine: Engine
    digest: str
    rebuild: Callable[[], Runner]
    """Loads the same bundle again, for an engine that died. Raises BundleError when that fails."""
    operators: OperatorStatus = field(default_factory=lambda: OperatorStatus("none"))
    pace: tuple[int, float] = (0, 0.0)
    """Padded pixels of a page, and the seconds that reading it took when warm, for admission; (0, 0): not measured."""
    since: float = field(default_factory=time.time)
    requests: int = 0
    """The number of requests that use it; counted on the event loop only."""

    @contextlib.contextmanager
    def held(self) -> Iterator["LoadedModel"]:
        """A context during which a swap does not stop the engine."""
        self.requests += 1
        try:
            yield self
        finally:
            self.requests -= 1


class Catalogue:
    """The versions of the model that the settings name. Its methods may take seconds and raise RegistryError."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._source: ModelSource = open_store(settings.registry)

    def resolve(self) -> str:
        """The version behind the alias now."""
        return resolve(self._source, self._settings.model, self._settings.alias)

    def stamp(self, version: str) -> str:
        """A string that changes whenever the stored version does."""
        return self._source.stamp(self._settings.model, version)

    def load(self, version: str, shapes: Sequence[Shape] = ()) -> LoadedModel:
        """Fetches a version, verifies it, warms it with its golden picture and for padded (height, width) shapes, and
        starts its engine. Raises BundleError when it is not fit to serve."""
        began = time.monotonic()
        settings = self._settings
        bundle = find_bundle(settings, version)
        session = _warmed(bundle, settings, shapes)
        pace = Reader(bundle, session).pace()
        limits = BatchLimits(settings.batch_limit, settings.batch_pixels, settings.batch_wait_ms / 1000)
        (reference,) = settings.references
        label = str(reference)
        report = functools.partial(self._metrics.batch, label)
        engine = Engine(session, limits, report, lanes=settings.lanes)
        engine.start()
        manifest, digest = bundle.manifest, bundle.manifest.digest
        seconds = time.monotonic() - began
        logger.info("%s %s (%s) loaded in %.2f s", manifest.name, manifest.version, digest, seconds)
        return LoadedModel(
            label, manifest, engine, digest, lambda: _warmed(bundle, settings, engine.shapes), session.operators, pace
        )


def load(settings: Settings, metrics: Metrics) -> LoadedModel:
    """Loads the version behind the alias. Raises RegistryError; takes seconds, so not in the event loop."""
    catalogue = Catalogue(settings, metrics)
    return catalogue.load(catalogue.resolve())


def follows(settings: Settings) -> bool:
    """Whether the alias may change while the service runs."""
    return settings.poll_seconds > 0 and settings.registry is not None


def _warmed(bundle: Bundle, settings: Settings, shapes: Sequence[Shape]) -> Session:
    """A session that reads its golden picture and has run once for each shape."""
    session = Session(bundle, settings.session)
    Reader(bundle, session).check_golden()
    for height, width in itertools.islice(shapes, WARMED_SHAPES):
        session.run(np.zeros((1, height, width, 3), np.uint8), np.array([[height, width]], np.int32))
    return session


WARMED_SHAPES = 4
"""The number of shapes for which a model is warmed, in addition to the golden picture's."""
