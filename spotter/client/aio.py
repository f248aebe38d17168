"""The client for asyncio."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any, Self, TypeVar, Unpack, cast

import httpx

from spotter.client import calls
from spotter.client.answers import Answer, DocumentAnswer, PageAnswer, PageProblem, answer_from, page_from
from spotter.client.attempts import Attempts, Retries
from spotter.client.bulk import AHEAD, Outcome, bar, check_concurrency
from spotter.client.calls import Call, Form
from spotter.client.errors import DeadlineError, SpotterError
from spotter.client.exchange import (
    CONNECT_SECONDS,
    POLL_SECONDS,
    TIMEOUT,
    base_headers,
    base_url,
    decoded,
    failure_from,
    translated,
)
from spotter.client.options import Options
from spotter.client.sources import Source

T = TypeVar("T")


class AsyncClient:
    """`Client` for asyncio; use it in an `async with` statement, or close it. Files are read, and pictures encoded, on
    threads."""

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = TIMEOUT,
        retries: Retries | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """As `Client`'s."""
        self._url, self._headers = base_url(url), base_headers(api_key)
        self._timeout, self._retries = timeout, retries or Retries()
        self._own, self._http = http is None, http or httpx.AsyncClient()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._own:
            await self._http.aclose()

    async def read(self, source: Source, *, timeout: float | None = None, **options: Unpack[Options]) -> Answer:
        """As `Client.read`."""
        call = await asyncio.to_thread(calls.spot, source, options)
        return answer_from(decoded(await self._ask(call, timeout)))

    async def read_document(
        self, source: Source, *, timeout: float | None = None, **options: Unpack[Options]
    ) -> DocumentAnswer:
        """As `Client.read_document`."""
        call = await asyncio.to_thread(calls.spot_pages, source, options)
        return DocumentAnswer.from_json(decoded(await self._ask(call, timeout)))

    async def read_pages(
        self, source: Source, *, timeout: float | None = None, **options: Unpack[Options]
    ) -> AsyncIterator[PageAnswer | PageProblem]:
        """As `Client.read_pages`."""
        attempts = self._attempts(timeout)
        call = await asyncio.to_thread(calls.spot_pages, source, options, calls.LINES)
        async with aclosing(await _repeated(lambda: self._once(call, attempts), attempts)) as response:
            rest = b""
            async for chunk in self._chunks(response, call, attempts):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield page_from(decoded(line))

    async def read_as(
        self, source: Source, form: Form, *, timeout: float | None = None, **options: Unpack[Options]
    ) -> bytes:
        """As `Client.read_as`."""
        return await self._ask(await asyncio.to_thread(calls.spot_as, source, form, options), timeout)

    async def page_picture(
        self, source: Source, page: int = 1, *, side: int | None = None, timeout: float | None = None
    ) -> bytes:
        """As `Client.page_picture`."""
        return await self._ask(await asyncio.to_thread(calls.page_picture, source, page, side), timeout)

    def read_many(
        self,
        sources: Iterable[Source] | AsyncIterable[Source],
        *,
        concurrency: int = 4,
        in_order: bool = True,
        progress: bool = False,
        timeout: float | None = None,
        **options: Unpack[Options],
    ) -> AsyncGenerator[Outcome, None]:
        """As `Client.read_many`."""
        check_concurrency(concurrency)
        places = asyncio.Semaphore(concurrency)

        async def read(index: int, source: Source) -> Outcome:
            async with places:
                try:
                    return Outcome(index, source, await self.read(source, timeout=timeout, **options), None)
                except SpotterError as error:
                    return Outcome(index, source, None, error)

        return _many(sources, read, concurrency, in_order, progress)

    async def model(self, *, timeout: float | None = None) -> dict[str, Any]:
        """As `Client.model`."""
        return decoded(await self._ask(calls.get("/v1/model"), timeout))

    async def models(self, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """As `Client.models`."""
        return cast(list[dict[str, Any]], decoded(await self._ask(calls.get("/v1/models"), timeout))["models"])

    async def capabilities(self, *, timeout: float | None = None) -> dict[str, Any]:
        """As `Client.capabilities`."""
        return decoded(await self._ask(calls.get("/v1/capabilities"), timeout))

    async def wait_until_ready(self, timeout: float = 60.0) -> None:
        """As `Client.wait_until_ready`."""
        attempts = self._attempts(timeout)
        while True:
            try:
                response = await self._once(calls.get("/health/ready"), attempts)
                await response.aclose()
                return
            except DeadlineError:
                raise
            except SpotterError as error:
                failure = error
            await asyncio.sleep(POLL_SECONDS)
            attempts.left(failure)

    def _attempts(self, timeout: float | None) -> Attempts:
        return Attempts(self._retries, self._timeout if timeout is None else timeout)

    async def _ask(self, call: Call, timeout: float | None) -> bytes:
        attempts = self._attempts(timeout)

        async def ask() -> bytes:
            async with aclosing(await self._once(call, attempts)) as response:
                return b"".join([chunk async for chunk in self._chunks(response, call, attempts)])

        return await _repeated(ask, attempts)

    async def _once(self, call: Call, attempts: Attempts) -> httpx.Response:
        """Makes one attempt; returns a successful response, whose body is not read yet."""
        left = attempts.left()
        request = self._http.build_request(
            call.method,
            self._url + call.path,
            params=call.query,
            headers={**self._headers, **call.headers(left)},
            content=None if call.body is None else call.body.content,
            timeout=httpx.Timeout(None, connect=min(left, CONNECT_SECONDS)),
        )
        with translated(call, self._url, attempts):
            response = await _in_time(self._http.send(request, stream=True, follow_redirects=False), attempts)
        if response.is_success:
            return response
        async with aclosing(response):
            raise failure_from(response, b"".join([chunk async for chunk in self._chunks(response, call, attempts)]))

    async def _chunks(self, response: httpx.Response, call: Call, attempts: Attempts) -> AsyncIterator[bytes]:
        with translated(call, self._url, attempts):
            chunks = response.aiter_bytes()
            while (chunk := await _in_time(anext(chunks, None), attempts)) is not None:
                yield chunk


async def _repeated(attempt: Callable[[], Awaitable[T]], attempts: Attempts) -> T:
    while True:
        try:
            return await attempt()
        except SpotterError as failure:
            pause = attempts.pause(failure)
        await asyncio.sleep(pause)


async def _in_time(work: Awaitable[T], attempts: Attempts) -> T:
    try:
        async with asyncio.timeout(attempts.left()):
            return await work
    except TimeoutError:
        raise attempts.late() from None


async def _many(
    sources: Iterable[Source] | AsyncIterable[Source],
    read: Callable[[int, Source], Awaitable[Outcome]],
    concurrency: int,
    in_order: bool,
    progress: bool,
) -> AsyncGenerator[Outcome, None]:
    numbered = _numbered(sources)
    waiting: deque[asyncio.Task[Outcome]] = deque()
    try:
        with bar(progress, sources) as shown:
            while True:
                while len(waiting) < AHEAD * concurrency and (each := await anext(numbered, None)) is not None:
                    waiting.append(asyncio.ensure_future(read(*each)))
                if not waiting:
                    return
                if not in_order:
                    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    waiting.rotate(-waiting.index(done.pop()))
                outcome = await waiting[0]
                waiting.popleft()
                shown.update()
                yield outcome
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _numbered(
    sources: Iterable[Source] | AsyncIterable[Source],
) -> AsyncIterator[tuple[int, Source]]:
    index = 0
    if isinstance(sources, AsyncIterable):
        async for source in sources:
            yield index, source
            index += 1
    else:
        for each in enumerate(sources):
            yield each
