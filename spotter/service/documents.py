"""Documents of several pages, read page by page within the same places and limits as pictures."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from PIL import Image

from spotter.reading.errors import ProblemError
from spotter.reading.imaging import PictureLimits
from spotter.reading.pages import PDF_SIDE, Document
from spotter.service import spotting
from spotter.service.batching.admission import Ticket
from spotter.service.drawing import PictureForm, draw_page
from spotter.service.errors import OverloadedError, TooLateError
from spotter.service.spotting import Answer, Spotter

_AHEAD = 2
"""Pages of a document that are inside at once: one is drawn or decoded while another is read."""
_PAUSE = 0.25
"""Seconds, at most, until a page that found no room asks again; its document was let in."""

T = TypeVar("T")
Text = Literal["auto", "ocr", "text"]


@dataclass(frozen=True)
class DocumentLimits:
    """pages: that one request may ask for; seconds: that it may take; at_once: documents open at a time."""

    pages: int
    seconds: float
    at_once: int


@dataclass(frozen=True)
class PageAnswer:
    """What a page says, or why it could not be read.

    number: from 1, of `count`. last: whether no other was asked for. picture: draws or decodes it, as
    `FilePage.picture` does, for as long as its document is open: until the one who iterates goes on from the last.
    """

    number: int
    count: int
    answer: Answer | ProblemError
    last: bool
    picture: Callable[[], Image.Image]

    def body(self) -> dict[str, Any]:
        """The members of the page's object."""
        answer = self.answer.body() if isinstance(self.answer, ProblemError) else self.answer.body
        return {"page": self.number, **answer}


class Documents:
    """Reads documents. Used from the event loop only."""

    def __init__(self, spotter: Spotter, pictures: PictureLimits, limits: DocumentLimits) -> None:
        self._spotter, self._pictures, self._limits = spotter, pictures, limits
        self.open = 0

    async def read(
        self,
        data: bytes,
        select: Callable[[int, int], list[int]],
        text: Text,
        ticket: Ticket,
        job: spotting.Request,
    ) -> AsyncGenerator[PageAnswer, None]:
        """The answers for a document's pages, in order.

        select: the numbers, from 0, of the pages to be read of so many, at most so many. text: see the parameter `pdf`.
        ticket: the document's place, which this gives back. Raises ProblemError before the first page.
        """
        try:
            job = replace(job, deadline=self.deadline(job))
            with self._place():
                async with self._opened(data, job) as document:
                    numbers = select(document.count, self._limits.pages)
                    ticket.leave(served=False)  # each page has a place of its own
                    async with contextlib.aclosing(self._pages(document, numbers, text, job)) as pages:
                        async for page in pages:
                            yield page
        finally:
            ticket.leave(served=False)

    async def show(self, data: bytes, number: int, side: int | None, form: PictureForm, deadline: float) -> bytes:
        """The picture of a page, encoded: see `drawing.draw_page`. Raises ProblemError."""
        with self._place():
            return await self._in_time(lambda: draw_page(data, self._pictures, number, side, form), deadline)

    def deadline(self, job: spotting.Request) -> float:
        """Of a document whose request did not say one: time.monotonic() seconds."""
        return job.deadline if job.timing.hasty else job.timing.began + self._limits.seconds

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        if self.open >= self._limits.at_once:
            retry = self._spotter.admission.retry_after()
            raise OverloadedError(f"{self.open} documents are being read", retry_after=retry)
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    @contextlib.asynccontextmanager
    async def _opened(self, data: bytes, job: spotting.Request) -> AsyncIterator[Document]:
        opened: list[Document] = []
        given_up = False

        def work() -> None:
            document = Document(data, self._pictures, max(job.hints.max_side or 0, PDF_SIDE))
            opened.append(document)
            if given_up:
                document.close()

        try:
            await self._in_time(work, job.deadline)
            yield opened[0]
        finally:
            given_up = True
            for document in opened:
                document.close()

    async def _pages(
        self, document: Document, numbers: list[int], text: Text, job: spotting.Request
    ) -> AsyncGenerator[PageAnswer, None]:
        tasks: deque[asyncio.Task[Answer | ProblemError]] = deque()
        waiting = iter(numbers)
        try:
            for number in numbers:
                while len(tasks) < _AHEAD and (following := next(waiting, None)) is not None:
                    tasks.append(asyncio.create_task(self._page(document, following, text, job)))
                answer = await tasks[0]
                tasks.popleft()
                picture = document.page(number).picture
                yield PageAnswer(number + 1, document.count, answer, number == numbers[-1], picture)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _page(self, document: Document, number: int, text: Text, job: spotting.Request) -> Answer | ProblemError:
        page = document.page(number)
        own = replace(job, deadline=min(job.deadline, time.monotonic() + self._spotter.seconds))
        try:
            if document.carries_text and text != "ocr":
                carried = await self._in_time(lambda: page.text(text == "text"), own.deadline)
                if carried is not None:
                    # A page may have thousands of words: not in the event loop.
                    return _from(await asyncio.to_thread(self._spotter.carried, *carried, own), "text")
            while True:
                try:
                    place = self._spotter.admission.enter()
                    return _from(await self._spotter.read(page, place, own), "picture")
                except OverloadedError as error:
                    pause = min(error.retry_after or _PAUSE, _PAUSE)
                    if time.monotonic() + pause >= own.deadline:
                        raise
                    await asyncio.sleep(pause)
        except ProblemError as problem:
            return problem

    async def _in_time(self, work: Callable[[], T], deadline: float) -> T:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await self._spotter.decoded(work)
        except TimeoutError:
            raise TooLateError("the deadline passed before the answer") from None


def _from(answer: Answer, source: str) -> Answer:
    return Answer({**answer.body, "source": source}, answer.page)
