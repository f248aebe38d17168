"""Supervises the live engine: one that died, hangs or fails every batch gets new threads and a new session."""

import asyncio
import logging
import time
from collections.abc import Callable

from spotter.service.background import in_background
from spotter.service.batching.engine import Engine
from spotter.service.models.live import LoadedModel
from spotter.service.models.watcher import LoadedModels

logger = logging.getLogger(__name__)

CHECK_SECONDS = 0.1
FAILURES = 3
"""The number of consecutive failed batches from which the engine counts as broken; pictures that make a working model
fail are rarer."""

HANGS = 2
"""The number of hanging threads, each with its memory, that may be abandoned before the process must be restarted."""

LONGEST_PAUSE = 30.0


class EngineSupervisor:
    """Watches the engines of one service."""

    def __init__(self, models: LoadedModels, stall_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """stall_seconds: how long a batch may take before its thread counts as hanging."""
        self._models = models
        self._stall = stall_seconds
        self._clock = clock
        self._hangs = 0
        self._pause = 0.0
        self._again_at = 0.0

    def trouble(self, engine: Engine) -> str | None:
        """What is wrong with an engine, if anything."""
        if engine.down:
            return "is down"
        if not engine.alive:
            return "died"
        if engine.heartbeat > self._stall:
            return "hangs"
        if engine.failures >= FAILURES:
            return "fails"
        return None

    @property
    def lost(self) -> bool:
        """Whether only a new process helps: a revival failed, too many threads hang, or an engine hung for twice the
        allowed time without being revived."""
        live = self._models.live
        overdue = live is not None and live.engine.heartbeat > 2 * self._stall
        return self._pause > 0 or self._hangs > HANGS or overdue

    async def run(self) -> None:
        """Checks until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self.check()

    async def check(self) -> None:
        """Revives the live engine if it is in trouble; after a failure it tries again with growing pauses. A dead
        engine of a former model is given up."""
        for model in self._models.all:
            if model is not self._models.live and not model.engine.alive:
                model.engine.give_up()
        live = self._models.live
        trouble = self.trouble(live.engine) if live is not None else None
        if live is None or trouble is None:
            self._pause = 0.0
        elif self._clock() >= self._again_at:
            await self._revive(live, trouble)

    async def _revive(self, live: LoadedModel, trouble: str) -> None:
        logger.critical("the engine of %s %s %s", live.manifest.name, live.manifest.version, trouble)
        self._hangs += trouble == "hangs"
        try:
            runner = await in_background("revive", live.rebuild)
        except Exception:
            logger.critical("the engine cannot be revived", exc_info=True)
            live.engine.give_up()
            self._pause = min(LONGEST_PAUSE, max(1.0, 2 * self._pause))
            self._again_at = self._clock() + self._pause
            return
        live.engine.revive(runner)
        self._pause = 0.0
        logger.warning("the engine of %s %s runs again", live.manifest.name, live.manifest.version)
