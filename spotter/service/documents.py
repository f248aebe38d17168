"""Reads documents of several pages page by page, within the same admission and limits as pictures."""

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
from spotter.service.spotting import Answer, RequestHandler

_AHEAD = 2
"""The number of pages of a document that are processed at once: one is decoded while another is read."""
_PAUSE = 0.25
"""The longest pause in seconds before a page that was not admitted is submitted again."""

T = TypeVar("T")
Text = Literal["auto", "ocr", "text"]


@dataclass(frozen=True)
class DocumentLimits:
    """pages: the most that one request may ask for. seconds: the longest that it may take. at_once: the most documents
    open at a time."""

    pages: int
    seconds: float
    at_once: int


@dataclass(frozen=True)
class PageAnswer:
    """The answer for a page, or why it could not be read.

    number: from 1, of `count`. last: whether it is the last one asked for. picture: draws or decodes it, as
    `FilePage.picture` does. document: the one that it is a page of. Both are to be used before the iteration continues
    after the last page, which closes the document.
    """

    number: int
    count: int
    answer: Answer | ProblemError
    last: bool
    picture: Callable[[], Image.Image]
    document: Document

    def body(self) -> dict[str, Any]:
        """The members of the page's object."""
        answer = self.answer.body() if isinstance(self.answer, ProblemError) else self.answer.body
        return {"page": self.number, **answer}


class Documents:
    """Reads documents. Used from the event loop only."""

    def __init__(self, handler: RequestHandler, pictures: PictureLimits, limits: DocumentLimits) -> None:
        self._handler, self._pictures, self._limits = handler, pictures, limits
        self.open = 0

    async def read(
        self,
        data: bytes,
        select: Callable[[int, int], list[int]],
        text: Text,
        ticket: Ticket,
        request: spotting.ReadRequest,
    ) -> AsyncGenerator[PageAnswer, None]:
        """The answers for a document's pages, in order.

        select: (number of pages, most pages allowed) -> the indices, from 0, of the pages to read. text: see the
        parameter `pdf`. ticket: the document's admission, which this ends. Raises ProblemError before the first page.
        """
        try:
            request = replace(request, deadline=self.deadline(request))
            with self._place():
                async with self._opened(data, request) as document:
                    numbers = select(document.count, self._limits.pages)
                    ticket.leave(served=False)  # each page has its own ticket
                    async with contextlib.aclosing(self._pages(document, numbers, text, request)) as pages:
                        async for page in pages:
                            yield page
        finally:
            ticket.leave(served=False)

    async def show(self, data: bytes, number: int, side: int | None, form: PictureForm, deadline: float) -> bytes:
        """The picture of a page, encoded: see `drawing.draw_page`. Raises ProblemError."""
        with self._place():
            return await self._in_time(lambda: draw_page(data, self._pictures, number, side, form), deadline)

    def deadline(self, request: spotting.ReadRequest) -> float:
        """The deadline of a document, time.monotonic() seconds: the client's, or else the limit for documents."""
        return request.deadline if request.timing.client_deadline else request.timing.began + self._limits.seconds

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        if self.open >= self._limits.at_once:
            retry = self._handler.admission.retry_after()
            raise OverloadedError(f"{self.open} documents are being read", retry_after=retry)
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    @contextlib.asynccontextmanager
    async def _opened(self, data: bytes, request: spotting.ReadRequest) -> AsyncIterator[Document]:
        opened: list[Document] = []
        given_up = False

        def work() -> None:
            document = Document(data, self._pictures, max(request.hints.max_side or 0, PDF_SIDE))
            opened.append(document)
            if given_up:
                document.close()

        try:
            await self._in_time(work, request.deadline)
            yield opened[0]
        finally:
            given_up = True
            for document in opened:
                document.close()

    async def _pages(
        self, document: Document, numbers: list[int], text: Text, request: spotting.ReadRequest
    ) -> AsyncGenerator[PageAnswer, None]:
        tasks: deque[asyncio.Task[Answer | ProblemError]] = deque()
        waiting = iter(numbers)
        try:
            for number in numbers:
                while len(tasks) < _AHEAD and (following := next(waiting, None)) is not None:
                    tasks.append(asyncio.create_task(self._page(document, following, text, request)))
                answer = await tasks[0]
                tasks.popleft()
                picture = document.page(number).picture
                yield PageAnswer(number + 1, document.count, answer, number == numbers[-1], picture, document)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _page(
        self, document: Document, number: int, text: Text, request: spotting.ReadRequest
    ) -> Answer | ProblemError:
        page = document.page(number)
        own = replace(request, deadline=min(request.deadline, time.monotonic() + self._handler.seconds))
        try:
            if document.carries_text and text != "ocr":
                carried = await self._in_time(lambda: page.text(text == "text"), own.deadline)
                if carried is not None:
                    # A page may have thousands of words, so this runs outside the event loop.
                    return _from(await asyncio.to_thread(self._handler.carried, *carried, own), "text")
            while True:
                try:
                    place = self._handler.admission.enter()
                    return _from(await self._handler.read(page, place, own), "picture")
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
                return await self._handler.decoded(work)
        except TimeoutError:
            raise TooLateError("the deadline passed before the answer") from None


def _from(answer: Answer, source: str) -> Answer:
    return Answer({**answer.body, "source": source}, answer.page)
