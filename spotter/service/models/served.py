"""The models of a service: each has its own engine, supervisor and alias, and all share one admission."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping

from spotter.registry.reference import ModelReference
from spotter.service.background import in_background
from spotter.service.errors import ModelNotFoundError, NotReadyError
from spotter.service.models.live import Catalogue, LoadedModel, follows
from spotter.service.models.supervisor import EngineSupervisor
from spotter.service.models.watcher import LoadedModels, Watcher
from spotter.service.settings import Settings
from spotter.service.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)

Loader = Callable[[Settings, Metrics], LoadedModel]


class ServedModel:
    """A model of a service: its loaded versions, the supervisor of its engine, and the watcher of its alias."""

    def __init__(self, reference: ModelReference, settings: Settings, metrics: Metrics) -> None:
        """settings: the service's. reference: which of the models that they name this one is."""
        self.reference = reference
        metrics.expect(str(reference))
        self.loaded = LoadedModels(metrics, str(reference))
        self.supervisor = EngineSupervisor(self.loaded, settings.engine_timeout)
        self._settings = settings.of(reference)
        self._metrics = metrics

    @property
    def live(self) -> LoadedModel | None:
        """The version for new requests; a request keeps the version that it started with."""
        return self.loaded.live

    def require_live(self) -> LoadedModel:
        """The live version. Raises NotReadyError before it is loaded."""
        if self.live is None:
            raise NotReadyError(f"the model {self.reference} is being loaded", retry_after=1)
        return self.live

    def require_working(self) -> None:
        """Raises NotReadyError unless it is loaded and its engine works."""
        trouble = self.supervisor.trouble(self.require_live().engine)
        if trouble is not None:
            raise NotReadyError(f"the engine of {self.reference} {trouble} and is being replaced", retry_after=1)

    def require_revivable(self) -> None:
        """Raises NotReadyError when only a new process can help."""
        if self.live is not None and self.supervisor.lost:
            beat = f"{self.live.engine.heartbeat:.1f} s without a heartbeat"
            raise NotReadyError(f"the engine of {self.reference} cannot be brought back ({beat})", retry_after=5)

    async def load(self, loader: Loader) -> tuple[int, float]:
        """Loads its first version, and returns its pace. Raises what the loader raises."""
        live = await in_background("load", lambda: loader(self._settings, self._metrics))
        self.loaded.put(live)
        self._metrics.reloads.labels(str(self.reference), "loaded").inc()
        return live.pace

    async def follow(self) -> None:
        """Follows its alias until cancelled, where the settings say so."""
        if follows(self._settings):
            catalogue = Catalogue(self._settings, self._metrics)
            await Watcher(self.loaded, catalogue, self._metrics, self._settings.poll_seconds).run()


class ServedModels(Mapping[ModelReference, ServedModel]):
    """The models of a service, in the order of the settings: the first is the default."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._models = {each: ServedModel(each, settings, metrics) for each in settings.references}

    def __getitem__(self, reference: ModelReference) -> ServedModel:
        return self._models[reference]

    def __iter__(self) -> Iterator[ModelReference]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    @property
    def default(self) -> ServedModel:
        """The model that reads when a request names none."""
        return next(iter(self._models.values()))

    def find(self, text: str | None) -> ServedModel:
        """The model that a request names as NAME or NAME@ALIAS, the default for None; a name alone means the first of
        that name. Raises ModelNotFoundError."""
        if text is None:
            return self.default
        for reference, model in self._models.items():
            if text in (f"{reference.name}@{reference.alias}", reference.name):
                return model
        known = ", ".join(map(str, self._models))
        raise ModelNotFoundError(f"there is no model {text[:64]!r} here; there are: {known}")

    async def supervise(self) -> None:
        """Supervises every engine until cancelled."""
        await asyncio.gather(*(model.supervisor.run() for model in self.values()))

    async def follow(self) -> None:
        """Follows every alias until cancelled."""
        await asyncio.gather(*(model.follow() for model in self.values()))

    def close(self) -> None:
        """Stops every engine; this takes as long as their running batches, so it must not run in the event loop."""
        for model in self.values():
            model.loaded.close()
