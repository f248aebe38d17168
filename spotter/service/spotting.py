"""Handles one picture: admission, decoding, the queue, inference, and the answer."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar, cast

from PIL import Image

from spotter.formats.forms import Form
from spotter.formats.pdf import Original
from spotter.formats.structure import Detail, as_dict
from spotter.reading import imaging
from spotter.reading.account import ASKED, IN_PARTS, NO_ROOM, NO_TIME, TAKEN, TOO_SLOW, Verdict, account, why_one_look
from spotter.reading.carried import read_carried
from spotter.reading.decoders import Decoders
from spotter.reading.hints import NO_HINTS, Hints
from spotter.reading.imaging import OpenedPicture, PictureLimits
from spotter.reading.isolated import IsolatedPicture
from spotter.reading.pages import DrawnPage, FilePage, Text
from spotter.reading.parts import Part, Partition, joined, partition
from spotter.reading.prepared import Prepared, Region, Size, turned
from spotter.reading.second_look import closer
from spotter.reading.turning import Turns
from spotter.reading.words import Page, read_page
from spotter.registry.manifest import InputSpec
from spotter.service.batching.admission import Admission, Ticket
from spotter.service.batching.batcher import Entry
from spotter.service.batching.jobs import Done, Job
from spotter.service.errors import OverloadedError, TooLateError
from spotter.service.models.live import LoadedModel
from spotter.service.telemetry.metrics import Metrics
from spotter.service.telemetry.timing import Timing

T = TypeVar("T")

ORDERED_IN_LOOP = 64
"""The most words whose reading order is computed in the event loop. For more words it takes milliseconds, and hundreds
of them for a thousand words, so it is computed in a thread."""

RESERVED_SECONDS = 0.05
"""Seconds before the deadline at which a closer look is given up and the words of the first look become the answer."""


@dataclass(frozen=True)
class ReadRequest:
    """What all pictures of a request share. deadline: time.monotonic() seconds. min_score: None for the model's.
    detail: of the JSON answer."""

    live: LoadedModel
    deadline: float
    min_score: float | None
    timing: Timing
    hints: Hints = NO_HINTS
    detail: Detail = "words"


class Answer(NamedTuple):
    """body: the answer's JSON object. page: the page that it describes."""

    body: dict[str, Any]
    page: Page


@dataclass(frozen=True)
class CloserLook:
    """The settings of closer looks. side: the longest side in pixels. again: whether pictures of small words get a
    second look even where no parameter asks for it."""

    side: int
    again: bool


@dataclass
class _Progress:
    """The stage of a picture, in case it is given up. A decoding thread sets the entry and then checks whether the
    picture was given up; the event loop marks it as given up and then checks for the entry, so at least one of them
    notices."""

    entry: Entry[Job] | None = None
    given_up: bool = False

    @property
    def place(self) -> str:
        return self.entry.item.stage if self.entry else "decode"


class RequestHandler:
    """Reads pictures with a bounded number of decoding threads and the engine of the request's model."""

    def __init__(
        self,
        admission: Admission,
        decoders: int,
        limits: PictureLimits,
        metrics: Metrics,
        closer_look: CloserLook,
        lanes_decode: bool = False,
        seconds: float = 30.0,
    ) -> None:
        """lanes_decode: whether the engine's lanes decode pictures that decode quickly. seconds: the time limit of a
        picture or page."""
        self.admission = admission
        self.seconds = seconds
        self.closer_look = closer_look
        self._limits = limits
        self._metrics = metrics
        self.decoders = Decoders(decoders)
        self._lanes_decode = lanes_decode

    def close(self) -> None:
        """Ends the decoding threads, without waiting for those that are busy for clients that disconnected."""
        self.decoders.close()

    async def decoded(self, work: Callable[[], T]) -> T:
        """Runs `work` on a decoding thread and returns its result or raises its exception."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(value: T | None, error: BaseException | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(cast(T, value))

        def run() -> None:
            value, error = None, None
            try:
                value = work()
            except BaseException as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(settle, value, error)

        task = self.decoders.submit(run)
        try:
            return await answer
        finally:
            task.cancel()

    async def read(self, data: bytes | FilePage, ticket: Ticket, request: ReadRequest) -> Answer:
        """The answer for one picture or page. Raises ProblemError; ends the ticket in any case."""
        progress, served = _Progress(), False
        spec = request.hints.spec(request.live.manifest.input)
        try:
            if request.deadline <= time.monotonic():  # a timeout of 0 would still start decoding
                raise TimeoutError
            async with asyncio.timeout(request.deadline - time.monotonic()):
                began = time.monotonic()
                done = await self._look(data, spec, ticket, request, progress)
                took = time.monotonic() - began
                turns = Turns(done)
                while (turn := self._turn(turns, request, took)) is not None:
                    progress = _Progress()
                    another = self._look(turns.first.prepared, spec, ticket, request, progress, turn)
                    look, verdict = await self._look_again(another, request, progress, turns.first, TAKEN)
                    if verdict is not TAKEN:
                        break
                    turns.took(turn, look)
                done = turns.best
                pace = _pace(took, done)
                closest, verdict = self._closer(done, request, pace)
                if closest is not None:
                    progress, began = _Progress(), time.monotonic()
                    another = self._look(data, closest, ticket, request, progress, done.prepared.turn)
                    done, verdict = await self._look_again(another, request, progress, done, TAKEN)
                    if verdict is TAKEN:
                        pace = _pace(time.monotonic() - began, done)
                most = len(done.rows.scores)
                plan, of_parts = self._partition(done, request, pace)
                if plan is not None:
                    progress = _Progress()
                    in_parts = self._look_in_parts(data, plan, ticket, request, progress, done.prepared.turn)
                    (done, most), of_parts = await self._look_again(in_parts, request, progress, (done, most), IN_PARTS)
                if of_parts is IN_PARTS or (of_parts is not None and verdict is not TAKEN):
                    verdict = of_parts
            served = True
        except (TimeoutError, TooLateError):
            self._metrics.expirations.labels(progress.place).inc()
            raise TooLateError("the deadline passed before the answer") from None
        except asyncio.CancelledError:
            self._metrics.cancellations.labels(progress.place).inc()
            raise
        finally:
            if not served:
                self._give_up(progress, request)
            ticket.leave(served=served)
        if len(done.rows.scores) <= ORDERED_IN_LOOP and request.detail != "characters" and not request.hints.wording:
            return self._answer(done, request, verdict, most)
        try:
            return await asyncio.to_thread(self._answer, done, request, verdict, most)
        except asyncio.CancelledError:
            self._metrics.cancellations.labels("postprocess").inc()
            raise

    def picture(self, data: bytes) -> Image.Image:
        """The whole picture, for `write`. Raises ProblemError."""
        return imaging.decode(data, self._limits)

    async def write(
        self,
        form: Form,
        pages: Sequence[Page],
        pictures: Sequence[Callable[[], Image.Image]],
        deadline: float,
        original: Original | None = None,
    ) -> bytes:
        """Writes pages in a format, on a decoding thread, since a format may contain the pictures. These are decoded
        one at a time, one for each page, until the deadline. original: as of `Form.written`. Raises TooLateError and
        the errors of decoding."""

        def in_time() -> Iterator[Image.Image]:
            for picture in pictures:
                if time.monotonic() > deadline:  # nobody waits any more
                    raise TimeoutError
                yield picture()

        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await self.decoded(lambda: form.written(pages, in_time(), original))
        except TimeoutError:
            self._metrics.expirations.labels("postprocess").inc()
            raise TooLateError("the deadline passed before the answer was written") from None
        except asyncio.CancelledError:
            self._metrics.cancellations.labels("postprocess").inc()
            raise

    async def _look(
        self,
        data: bytes | FilePage | Prepared,
        spec: InputSpec,
        ticket: Ticket,
        request: ReadRequest,
        progress: _Progress,
        turn: int | None = None,
    ) -> Done:
        """Decodes the picture for `spec`, unless that is done, and runs the model on it. turn: for a look that is not
        the first, the quarter turns anticlockwise by which the picture is turned before it.

        The decoding thread submits it to the engine itself, which saves waking the event loop.
        """
        answer: asyncio.Future[Done | BaseException] = asyncio.get_running_loop().create_future()
        resolve = _resolver(answer)
        submitted, quick = 0.0, False

        def work() -> None:
            nonlocal submitted, quick
            try:
                opened = data if isinstance(data, Prepared) else self._open(data, spec, request.hints.region)
                ticket.charge(opened.cost, request.deadline, counted=turn is None)
                picture: Prepared | OpenedPicture
                if isinstance(opened, Prepared):
                    picture = opened
                else:
                    quick = self._lanes_decode and opened.quick and not turn
                    picture = opened if quick and isinstance(opened, OpenedPicture) else opened.decode()
                if turn and isinstance(picture, Prepared):
                    picture = turned(picture, turn, spec)
                submitted = time.monotonic()
                if progress.given_up:
                    return
                engine = request.live.engine
                progress.entry = engine.submit(picture, request.deadline, resolve)
                if progress.given_up:
                    engine.cancel(progress.entry)
            except BaseException as error:
                resolve(error)

        progress.entry = None
        began = time.monotonic()
        task = self.decoders.submit(work)
        done: Done | BaseException | None = None
        try:
            done = await answer
        finally:
            task.cancel()
            if submitted and not isinstance(done, Done):
                request.timing.add("decode", (began, submitted))
        if isinstance(done, BaseException):
            try:
                raise done
            finally:
                del (
                    done,
                    answer,
                    resolve,
                )  # the error references this frame: together they would keep the upload in memory
        ended = time.monotonic()
        ran, taken = ended - done.ran, ended - done.ran - done.decoded
        self._time(request, "decode", (began, submitted), *([(taken, ran)] if quick else []))
        self._time(request, "queue", (taken - done.queued, taken))
        self._time(request, "infer", (ran, ended))
        return done

    def _open(
        self, data: bytes | FilePage, spec: InputSpec, region: Region | None
    ) -> OpenedPicture | IsolatedPicture | DrawnPage:
        if isinstance(data, bytes):
            return imaging.open_picture(data, spec, self._limits, region)
        return data.open(spec, region)

    def _turn(self, turns: Turns[Done], request: ReadRequest, took: float) -> int | None:
        """The quarter turns for another look, where one is needed, allowed and fits into the time; else None."""
        turn = turns.next if self.closer_look.again else None
        if turn is not None and time.monotonic() + took - turns.first.queued > request.deadline - RESERVED_SECONDS:
            self._metrics.second_looks.labels("no time").inc()
            return None
        return turn

    def _closer(self, done: Done, request: ReadRequest, pace: float) -> tuple[InputSpec | None, Verdict]:
        """The input of a second look, where one is needed, allowed and fits into the time; pace: see `_pace`."""
        if request.hints.max_side is not None:
            return None, ASKED
        seen = done.prepared
        rows = request.hints.keep(done.rows, seen)
        if not self.closer_look.again:
            return None, why_one_look(rows, seen, 0)
        spec = closer(rows, seen, request.live.manifest.input, self.closer_look.side)
        if spec is None:
            return None, why_one_look(rows, seen, self.closer_look.side)
        return (spec, TAKEN) if self._in_time(spec, request, pace) else (None, NO_TIME)

    def _partition(self, done: Done, request: ReadRequest, pace: float) -> tuple[Partition | None, Verdict | None]:
        """How to read the picture in parts, where that is needed, allowed and fits into the time, and the verdict, None
        where it is not needed; pace: see `_pace`."""
        if request.hints.max_side is not None or not self.closer_look.again:
            return None, None
        plan = partition(done.rows, done.prepared, request.live.manifest.input, self.closer_look.side)
        if plan is None:
            return None, None
        return (plan, IN_PARTS) if self._in_time(plan.spec, request, pace) else (None, NO_TIME)

    def _in_time(self, spec: InputSpec, request: ReadRequest, pace: float) -> bool:
        """Whether another look is expected to be done before the deadline; pace: see `_pace`."""
        if time.monotonic() + pace * spec.max_side**2 <= request.deadline:
            return True
        self._metrics.second_looks.labels("no time").inc()
        return False

    async def _look_in_parts(
        self,
        data: bytes | FilePage,
        plan: Partition,
        ticket: Ticket,
        request: ReadRequest,
        progress: _Progress,
        turn: int,
    ) -> tuple[Done, int]:
        """The result of reading a picture in parts, and the number of words in the part with the most."""

        def cut() -> tuple[Prepared, list[Part]]:
            whole = turned(self._open(data, plan.spec, request.hints.region).decode(), turn, plan.spec)
            return whole, plan.parts(whole)

        prepared, parts = await self.decoded(cut)
        looks = [await self._look(part.prepared, plan.spec, ticket, request, progress, 0) for part in parts]
        rows = joined(parts, [look.rows for look in looks])
        return replace(looks[-1], rows=rows, prepared=prepared), max(len(look.rows.scores) for look in looks)

    async def _look_again(
        self, look: Coroutine[Any, Any, T], request: ReadRequest, progress: _Progress, first: T, taken: Verdict
    ) -> tuple[T, Verdict]:
        """The result of another look and the verdict `taken`; or the result of the first look where the queue has no
        room, or where the other look does not finish in time."""
        try:
            async with asyncio.timeout(request.deadline - time.monotonic() - RESERVED_SECONDS):
                second = await look
        except OverloadedError:
            self._metrics.second_looks.labels("no room").inc()
            return first, NO_ROOM
        except (TimeoutError, TooLateError):
            self._metrics.second_looks.labels("too slow").inc()
            self._give_up(progress, request)
            return first, TOO_SLOW
        self._metrics.second_looks.labels("taken").inc()
        return second, taken

    def _give_up(self, progress: _Progress, request: ReadRequest) -> None:
        progress.given_up = True
        if progress.entry is not None:
            request.live.engine.cancel(progress.entry)

    def _answer(self, done: Done, request: ReadRequest, verdict: Verdict, most: int) -> Answer:
        """The answer from a look; most: as of `account`."""
        began = time.monotonic()
        manifest = request.live.manifest
        threshold = manifest.score_threshold if request.min_score is None else request.min_score
        prepared = done.prepared
        hints = request.hints
        rows = hints.keep(done.rows, prepared)
        page = read_page(rows, prepared, manifest, threshold, request.detail == "characters", hints.wording)
        warnings = hints.warnings(page.left_out)
        answer = self._as_answer(request, page, account(rows, prepared, verdict, most, page.unread, warnings))
        self._time(request, "postprocess", (began, time.monotonic()))
        return answer

    def carried(self, size: Size, text: Text, request: ReadRequest) -> Answer:
        """The answer for a page whose embedded text is used. Raises RegionOffPictureError."""
        found = read_carried(size, text, request.hints)
        return self._as_answer(request, found.page, found.account)

    def _as_answer(self, request: ReadRequest, page: Page, account: dict[str, Any]) -> Answer:
        manifest = request.live.manifest
        self._metrics.page(request.live.label, len(page.words))
        body = {
            "model": {"name": manifest.name, "version": manifest.version, "digest": request.live.digest},
            "image": {"width": page.size[0], "height": page.size[1]},
            **as_dict(page, request.detail),
            **account,
        }
        return Answer(body, page)

    def _time(self, request: ReadRequest, stage: str, *spans: tuple[float, float]) -> None:
        self._metrics.stage(stage, request.timing.add(stage, *spans))


def _pace(took: float, done: Done) -> float:
    """The seconds of a look without its waiting time, for each pixel of a square with the long side of its picture."""
    return (took - done.queued) / max(done.prepared.working) ** 2


def _resolver(answer: "asyncio.Future[Any]") -> Callable[[Any], None]:
    """A callback for other threads that sets the future on its loop, once. It then drops its reference to the future:
    the job references the callback, and an error in the future references the job."""
    loop, waiting = answer.get_loop(), [answer]

    def resolve(done: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, waiting.pop(), done)

    return resolve


def _settle(answer: "asyncio.Future[Any]", done: Any) -> None:
    if not answer.done():
        answer.set_result(done)
