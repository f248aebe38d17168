"""One picture's way through the service: a place, decoding, the queue, the model, words."""

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from spotter.service import imaging
from spotter.service.admission import Admission, Ticket
from spotter.service.batcher import Entry
from spotter.service.engine import Done, Job
from spotter.service.errors import ServiceError, TooLateError
from spotter.service.imaging import PictureLimits, Prepared
from spotter.service.live import Live
from spotter.service.metrics import Metrics
from spotter.service.timing import Timing
from spotter.service.words import Word, read_words


@dataclass(frozen=True)
class Request:
    """What the pictures of one request share. deadline: time.monotonic() seconds; min_score: None = the
    model's.
    """

    live: Live
    deadline: float
    min_score: float | None
    timing: Timing


class Spotter:
    """Reads pictures with bounded decoding threads and the engine of the model that a request began with."""

    def __init__(self, admission: Admission, decoders: int, limits: PictureLimits, metrics: Metrics) -> None:
        self.admission = admission
        self._limits = limits
        self._metrics = metrics
        self._decoders = ThreadPoolExecutor(decoders, thread_name_prefix="decode")

    def close(self) -> None:
        """Ends the decoding threads."""
        self._decoders.shutdown(cancel_futures=True)

    async def read(self, data: bytes, ticket: Ticket, request: Request) -> dict[str, Any]:
        """The answer object for one picture. Raises ServiceError; gives the ticket back whatever happens."""
        stage, served = "decode", False
        entry: Entry[Job] | None = None
        engine = request.live.engine
        try:
            if request.deadline <= time.monotonic():  # a timeout would still let the decoding begin
                raise TimeoutError
            async with asyncio.timeout(request.deadline - time.monotonic()):
                prepared = await self._decode(data, ticket, request)
                stage = "queue"
                answer: asyncio.Future[Done | ServiceError] = asyncio.get_running_loop().create_future()
                entry = engine.submit(prepared, request.deadline, _resolver(answer))
                done = await answer
            if isinstance(done, ServiceError):
                raise done
            ended, served = time.monotonic(), True
        except (TimeoutError, TooLateError):
            self._metrics.expirations.labels(entry.item.stage if entry else stage).inc()
            raise TooLateError("the deadline passed before the answer") from None
        except asyncio.CancelledError:
            self._metrics.cancellations.labels(entry.item.stage if entry else stage).inc()
            raise
        finally:
            if entry is not None and not served:
                engine.cancel(entry)
            ticket.leave(served=served)
        self._time(request, "queue", ended - done.ran - done.queued, ended - done.ran)
        self._time(request, "infer", ended - done.ran, ended)
        return self._answer(done, prepared, request)

    async def _decode(self, data: bytes, ticket: Ticket, request: Request) -> Prepared:
        began = time.monotonic()

        def work() -> Prepared:
            return imaging.prepare(data, request.live.manifest.input, self._limits, ticket.charge)

        prepared = await asyncio.get_running_loop().run_in_executor(self._decoders, work)
        self._time(request, "decode", began, time.monotonic())
        return prepared

    def _answer(self, done: Done, prepared: Prepared, request: Request) -> dict[str, Any]:
        began = time.monotonic()
        manifest = request.live.manifest
        threshold = manifest.score_threshold if request.min_score is None else request.min_score
        words = read_words(done.rows, prepared, manifest.charset, threshold)
        self._metrics.words.inc(len(words))
        answer = {
            "model": {"name": manifest.name, "version": manifest.version, "digest": request.live.digest},
            "image": {"width": prepared.upload[0], "height": prepared.upload[1]},
            "words": [render(word) for word in words],
        }
        self._time(request, "postprocess", began, time.monotonic())
        return answer

    def _time(self, request: Request, stage: str, began: float, ended: float) -> None:
        self._metrics.stage(stage, ended - began)
        request.timing.add(stage, began, ended)


def render(word: Word) -> dict[str, Any]:
    """A word as the answer shows it: tenths of a pixel, four digits of score."""
    polygon = [[round(x, 1), round(y, 1)] for x, y in word.polygon]
    return {"polygon": polygon, "text": word.text, "score": round(word.score, 4)}


def _resolver(answer: "asyncio.Future[Done | ServiceError]") -> Any:
    """A callback for the engine's thread that sets the future on its loop."""
    loop = answer.get_loop()

    def settle(done: Done | ServiceError) -> None:
        if not answer.done():
            answer.set_result(done)

    def resolve(done: Done | ServiceError) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(settle, done)

    return resolve
