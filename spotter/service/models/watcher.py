"""Follows the alias: a new version is loaded and checked while the live one serves, and then replaces it. A bad version
changes nothing."""

import asyncio
import logging
import random
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from spotter.registry.errors import BundleError, RegistryError
from spotter.service.background import in_background
from spotter.service.batching.batcher import Shape
from spotter.service.models.live import LoadedModel
from spotter.service.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)

JITTER = 0.2
"""The jitter as a share of the polling interval, so that replicas do not poll all at once."""

DRAIN_LOOK = 0.05

Outcome = Literal["unchanged", "loaded", "rolled_back", "refused", "failed"]


class Versions(Protocol):
    """The watcher's interface to the registry: see `live.Catalogue`."""

    def resolve(self) -> str:
        """The version behind the alias now."""

    def stamp(self, version: str) -> str:
        """A string that changes whenever the stored version does."""

    def load(self, version: str, shapes: Sequence[Shape]) -> LoadedModel:
        """A warmed and checked model with its engine running."""


@dataclass(frozen=True)
class Refusal:
    """A version that is not served, and why. It is not tried again until its stamp changes."""

    version: str
    stamp: str
    reason: str
    at: float
    """Seconds since 1970."""


class LoadedModels:
    """The loaded versions of one model: the live one, the one before it, and those that still have unfinished requests.
    Used on the event loop only."""

    def __init__(self, metrics: Metrics, label: str) -> None:
        """label: the model's, in metrics."""
        self._metrics = metrics
        self.label = label
        self.live: LoadedModel | None = None
        self.previous: LoadedModel | None = None
        self.refusal: Refusal | None = None
        self.draining: set[asyncio.Task[None]] = set()
        self.retired: list[LoadedModel] = []

    @property
    def all(self) -> list[LoadedModel]:
        """Every model with an engine."""
        return [model for model in (self.live, self.previous, *self.retired) if model is not None]

    def put(self, model: LoadedModel) -> None:
        """Makes a model the live one, for new requests. The former one is kept for a rollback; the one before that is
        stopped once its requests are answered."""
        if self.live is not None:
            if self.previous is not None and self.previous is not model:
                self._retire(self.previous)
            if self.live is not model:
                self._await(self._release_memory(self.live))
            self.previous = self.live
        self.live = model
        self.refusal = None
        self._metrics.live(self.label, model.manifest)

    def close(self) -> None:
        """Stops every engine; this takes as long as their running batches, so it must not run in the event loop."""
        for model in self.all:
            model.engine.stop(STOP_SECONDS)

    def _retire(self, model: LoadedModel) -> None:
        self.retired.append(model)
        self._await(self._drain(model))

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.draining.add(task)
        task.add_done_callback(self.draining.discard)

    async def _release_memory(self, model: LoadedModel) -> None:
        await self._answered(model)
        if model is self.live:  # it has become the live one again
            return
        try:
            await in_background("release-memory", model.engine.release_memory)
        except Exception:
            logger.warning("%s %s keeps its memory", model.manifest.name, model.manifest.version, exc_info=True)

    async def _answered(self, model: LoadedModel) -> None:
        while model.requests > 0:
            await asyncio.sleep(DRAIN_LOOK)

    async def _drain(self, model: LoadedModel) -> None:
        await self._answered(model)
        await in_background("drain", lambda: model.engine.stop(STOP_SECONDS))
        self.retired.remove(model)


STOP_SECONDS = 10.0
"""How long a batch may still run when its engine is stopped, in seconds."""


class Watcher:
    """Polls the alias of one model."""

    def __init__(
        self,
        models: LoadedModels,
        versions: Versions,
        metrics: Metrics,
        seconds: float,
        rng: random.Random | None = None,
    ) -> None:
        """seconds: between two polls."""
        self._models = models
        self._versions = versions
        self._metrics = metrics
        self._seconds = seconds
        self._rng = rng or random.Random()
        self._said: str | None = None

    async def run(self) -> None:
        """Polls until cancelled."""
        while True:
            await asyncio.sleep(self._seconds * self._rng.uniform(1 - JITTER, 1))
            await self.poll()

    async def poll(self) -> Outcome:
        """Polls once and acts on the result. It raises nothing except cancellation."""
        try:
            outcome = await self._follow()
        except Exception as error:
            outcome = "failed"
            # A registry that cannot be reached is logged once, not at every poll.
            if self._said != str(error):
                expected = isinstance(error, RegistryError)
                logger.error("the registry cannot be followed: %s", error, exc_info=None if expected else error)
            self._said = str(error)
        else:
            if self._said is not None:
                logger.info("the registry can be followed again")
            self._said = None
        if outcome != "unchanged":
            self._metrics.reloads.labels(self._models.label, outcome).inc()
        return outcome

    async def _follow(self) -> Outcome:
        models = self._models
        live, previous = models.live, models.previous
        version = await in_background("poll", self._versions.resolve)
        if live is not None and version == live.manifest.version:
            models.refusal = None
            return "unchanged"
        if previous is not None and version == previous.manifest.version and previous.engine.alive:
            models.put(previous)
            logger.info("%s %s answers again", previous.manifest.name, version)
            return "rolled_back"
        stamp = await in_background("poll", lambda: self._versions.stamp(version))
        refusal = models.refusal
        if refusal is not None and (refusal.version, refusal.stamp) == (version, stamp):
            return "unchanged"
        shapes = live.engine.shapes if live is not None else []
        try:
            model = await in_background("load", lambda: self._versions.load(version, shapes))
        except Exception as error:
            if isinstance(error, RegistryError) and not isinstance(error, BundleError):
                raise
            expected = isinstance(error, BundleError)
            models.refusal = Refusal(version, stamp, str(error) if expected else repr(error), time.time())
            logger.error("version %s is refused: %s", version, error, exc_info=None if expected else error)
            return "refused"
        models.put(model)
        logger.info("%s %s answers from now on", model.manifest.name, model.manifest.version)
        return "loaded"
