"""Reads the pictures of a request and writes the body of its answer."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from spotter.formats.forms import FORMS, Form
from spotter.formats.pdf import Original
from spotter.reading.errors import InvalidParameterError, ProblemError
from spotter.reading.pages import has_pages
from spotter.reading.selection import select_pages
from spotter.service import spotting
from spotter.service.batching.admission import Ticket
from spotter.service.documents import PageAnswer
from spotter.service.http.negotiation import JSON, FormatName
from spotter.service.http.parameters import SpotParameters
from spotter.service.state import Service

_OF_THE_MOMENT = (429, 500, 503, 504)


class Asked(NamedTuple):
    """pictures: the files, at least one. many: whether they were sent as multipart. request: what all pictures
    share."""

    pictures: list[bytes]
    many: bool
    request: spotting.ReadRequest
    parameters: SpotParameters


class Written(NamedTuple):
    """An answer to be sent."""

    content_type: str
    body: bytes


async def written(service: Service, asked: Asked, form: FormatName) -> Written:
    """The answer in a format. Raises ProblemError."""
    if form == "json":
        return Written(JSON, orjson.dumps(await _read(service, asked)))
    return await written_as(service, asked, FORMS[form], f"format: {form}", "ask for one, as by ?pages=1")


async def written_as(service: Service, asked: Asked, how: Form, what: str, otherwise: str) -> Written:
    """The answer in any form, also one that is not in `FORMS`. what: the form's name, for problems. otherwise: what to
    do where there are more pages than the form allows, for problems. Raises ProblemError."""
    if len(asked.pictures) == 1 and _is_document(asked, asked.pictures[0]):
        return Written(how.content_type, await _write_document(service, asked, how, what, otherwise))
    return Written(how.content_type, await _write_pictures(service, asked, how, what))


async def lines(service: Service, asked: Asked) -> AsyncGenerator[dict[str, Any], None]:
    """The objects of an answer in JSON lines: one for each page as it is read, or for each picture. Raises ProblemError
    before the first."""
    if asked.many or not _is_document(asked, asked.pictures[0]):
        answer = await _read(service, asked)
        for each in answer["results"] if asked.many else [answer]:
            yield each
        return
    (ticket,) = service.handler.admission.enter_all(1)
    read = 0
    async with contextlib.aclosing(_pages(service, asked.pictures[0], ticket, asked)) as pages:
        async for page in pages:
            if isinstance(page.answer, ProblemError):
                if not read and page.answer.status in _OF_THE_MOMENT:
                    raise page.answer
                service.metrics.failed_parts.labels(page.answer.kind).inc()
            read += 1
            yield page.body()


async def _read(service: Service, asked: Asked) -> dict[str, Any]:
    tickets = service.handler.admission.enter_all(len(asked.pictures))
    if not asked.many:
        return await _read_one(service, asked.pictures[0], tickets[0], asked)

    async def one(data: bytes, ticket: Ticket) -> dict[str, Any] | ProblemError:
        try:
            return await _read_one(service, data, ticket, asked)
        except ProblemError as problem:
            return problem

    with _left(tickets):
        results = await asyncio.gather(*map(one, asked.pictures, tickets))
    _count_failed(service, results)
    return {"results": [each.body() if isinstance(each, ProblemError) else each for each in results]}


async def _read_one(service: Service, data: bytes, ticket: Ticket, asked: Asked) -> dict[str, Any]:
    if not _is_document(asked, data):
        return (await service.handler.read(data, ticket, asked.request)).body
    async with contextlib.aclosing(_pages(service, data, ticket, asked)) as pages:
        found = [page async for page in pages]
    _count_failed(service, [page.answer for page in found])
    return {"page_count": found[0].count, "pages": [page.body() for page in found]}


async def _write_pictures(service: Service, asked: Asked, how: Form, what: str) -> bytes:
    pictures, handler = asked.pictures, service.handler
    if how.pages is not None and len(pictures) > how.pages:
        raise InvalidParameterError(f"{what} is for {how.pages} picture, and there are {len(pictures)}")
    if len(pictures) > 1 and any(_is_document(asked, data) for data in pictures):
        raise InvalidParameterError(
            f"{what} of several files is for pictures without pages; send each document in a request of its own"
        )
    tickets = handler.admission.enter_all(len(pictures))
    with _left(tickets):
        answers = await asyncio.gather(
            *(handler.read(data, ticket, asked.request) for data, ticket in zip(pictures, tickets, strict=True)),
            return_exceptions=True,
        )
    for answer in answers:  # fails as a whole, since a document without some of its pages would look complete
        if isinstance(answer, BaseException):
            raise answer
    pages = [answer.page for answer in answers if isinstance(answer, spotting.Answer)]
    return await handler.write(
        how, pages, [functools.partial(handler.picture, data) for data in pictures], asked.request.deadline
    )


@contextlib.contextmanager
def _left(tickets: Sequence[Ticket]) -> Iterator[None]:
    """Returns all tickets at the end, since a task that is cancelled before it started does not return its own."""
    try:
        yield
    finally:
        for ticket in tickets:
            ticket.leave(served=False)


async def _write_document(service: Service, asked: Asked, how: Form, what: str, otherwise: str) -> bytes:
    (data,) = asked.pictures

    def select(count: int, most: int) -> list[int]:
        numbers = select_pages(asked.parameters.pages, count, most)
        if how.pages is not None and len(numbers) > how.pages:
            raise InvalidParameterError(f"{what} is for {how.pages} page, and there are {len(numbers)}; {otherwise}")
        return numbers

    (ticket,) = service.handler.admission.enter_all(1)
    deadline = service.documents.deadline(asked.request)
    answers: list[tuple[PageAnswer, spotting.Answer]] = []
    original = None
    found = service.documents.read(data, select, asked.parameters.pdf, ticket, asked.request)
    async with contextlib.aclosing(found):
        async for page in found:
            if isinstance(page.answer, ProblemError):
                page.answer.detail = f"page {page.number}: {page.answer.detail}"
                raise page.answer
            answers.append((page, page.answer))
            if page.last:  # the document stays open until the iteration continues
                if page.document.carries_text:
                    numbers = [each.number - 1 for each, _ in answers]
                    carried = [answer.body["source"] == "text" for _, answer in answers]
                    original = Original(numbers, carried, functools.partial(page.document.writable, deadline))
                break
        pages, pictures = [answer.page for _, answer in answers], [each.picture for each, _ in answers]
        return await service.handler.write(how, pages, pictures, deadline, original)


def _is_document(asked: Asked, data: bytes) -> bool:
    """Whether a file is answered page by page."""
    return asked.parameters.pages is not None or has_pages(data)


def _pages(service: Service, data: bytes, ticket: Ticket, asked: Asked) -> AsyncGenerator[PageAnswer, None]:
    select = functools.partial(select_pages, asked.parameters.pages)
    return service.documents.read(data, select, asked.parameters.pdf, ticket, asked.request)


def _count_failed(service: Service, results: Sequence[object]) -> None:
    """Counts the pictures that failed. Where all of them failed, and not because of the pictures, the first problem is
    raised instead, so that balancers, retries and alerts see it."""
    failed = [each for each in results if isinstance(each, ProblemError)]
    if len(failed) == len(results) and all(each.status in _OF_THE_MOMENT for each in failed):
        raise failed[0]
    for each in failed:
        service.metrics.failed_parts.labels(each.kind).inc()
