"""The client for ordinary code and threads."""

import concurrent.futures
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
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
_CHUNK = 256 << 10
"""The bytes of an upload between two checks of the deadline."""


class Client:
    """Asks a Spotter service. It keeps connections open: use it in a `with` statement, or close it. Threads may share
    it.

    Every call ends within its `timeout`, in seconds, including uploads, waits and further attempts. All methods raise
    SpotterError (see `spotter.client.errors`).
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = TIMEOUT,
        retries: Retries | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        """url: SPOTTER_URL or http://127.0.0.1:8000 unless given. api_key: SPOTTER_API_KEY unless given. http: a client
        of your own, with its certificates and proxies, which you close yourself. Raises ValueError for an invalid
        address."""
        self._url, self._headers = base_url(url), base_headers(api_key)
        self._timeout, self._retries = timeout, retries or Retries()
        self._own, self._http = http is None, http or httpx.Client()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        if self._own:
            self._http.close()

    def read(self, source: Source, *, timeout: float | None = None, **options: Unpack[Options]) -> Answer:
        """Reads a picture, or the pages of a PDF, or of a TIFF that has several."""
        return answer_from(decoded(self._ask(calls.spot(source, options), timeout)))

    def read_document(
        self, source: Source, *, timeout: float | None = None, **options: Unpack[Options]
    ) -> DocumentAnswer:
        """Reads the pages of a file; a picture is a document of one page."""
        return DocumentAnswer.from_json(decoded(self._ask(calls.spot_pages(source, options), timeout)))

    def read_pages(
        self, source: Source, *, timeout: float | None = None, **options: Unpack[Options]
    ) -> Iterator[PageAnswer | PageProblem]:
        """As `read_document`, but yields each page as soon as it was read."""
        attempts = self._attempts(timeout)
        call = calls.spot_pages(source, options, calls.LINES)
        with closing(_repeated(lambda: self._once(call, attempts), attempts)) as response:
            rest = b""
            for chunk in self._chunks(response, call, attempts):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (page_from(decoded(line)) for line in lines)

    def read_as(self, source: Source, form: Form, *, timeout: float | None = None, **options: Unpack[Options]) -> bytes:
        """The answer in another form than JSON, as written by the service: a searchable PDF, hOCR, ALTO..."""
        return self._ask(calls.spot_as(source, form, options), timeout)

    def page_picture(
        self, source: Source, page: int = 1, *, side: int | None = None, timeout: float | None = None
    ) -> bytes:
        """The picture of a file's page as PNG; polygons are in its pixels. page: from 1. side: the most pixels of its
        long side; polygons are not scaled with it."""
        return self._ask(calls.page_picture(source, page, side), timeout)

    def read_many(
        self,
        sources: Iterable[Source],
        *,
        concurrency: int = 4,
        in_order: bool = True,
        progress: bool = False,
        timeout: float | None = None,
        **options: Unpack[Options],
    ) -> Iterator[Outcome]:
        """Reads many files; one that fails does not affect the others. Sources are consumed as they are needed.

        concurrency: the number of concurrent requests. in_order: whether results come in the order of the sources, or
        as they are read. progress: whether a progress bar of tqdm is shown on standard error. timeout: seconds for each
        file. Raises ValueError and MissingPackageError.
        """
        check_concurrency(concurrency)

        def read(index: int, source: Source) -> Outcome:
            try:
                return Outcome(index, source, self.read(source, timeout=timeout, **options), None)
            except SpotterError as error:
                return Outcome(index, source, None, error)

        return _many(sources, read, concurrency, in_order, progress)

    def model(self, *, timeout: float | None = None) -> dict[str, Any]:
        """The answer of `GET /v1/model`, about the live model."""
        return decoded(self._ask(calls.get("/v1/model"), timeout))

    def models(self, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """The answer of `GET /v1/models`, about the models that `model` may name, the default first."""
        return cast(list[dict[str, Any]], decoded(self._ask(calls.get("/v1/models"), timeout))["models"])

    def capabilities(self, *, timeout: float | None = None) -> dict[str, Any]:
        """The answer of `GET /v1/capabilities`, about what is read and written, and limits."""
        return decoded(self._ask(calls.get("/v1/capabilities"), timeout))

    def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Returns when the service is ready. Raises DeadlineError, caused by the last failure, where it is not ready in
        time."""
        attempts = self._attempts(timeout)
        while True:
            try:
                self._once(calls.get("/health/ready"), attempts).close()
                return
            except DeadlineError:
                raise
            except SpotterError as error:
                failure = error
            time.sleep(POLL_SECONDS)
            attempts.left(failure)

    def _attempts(self, timeout: float | None) -> Attempts:
        return Attempts(self._retries, self._timeout if timeout is None else timeout)

    def _ask(self, call: Call, timeout: float | None) -> bytes:
        attempts = self._attempts(timeout)

        def ask() -> bytes:
            with closing(self._once(call, attempts)) as response:
                return b"".join(self._chunks(response, call, attempts))

        return _repeated(ask, attempts)

    def _once(self, call: Call, attempts: Attempts) -> httpx.Response:
        """Makes one attempt; returns a successful response, whose body is not read yet."""
        left = attempts.left()
        # httpx reads the timeout for reading after it has written, when the upload's time has been subtracted from it.
        limits = {"connect": min(left, CONNECT_SECONDS), "read": left, "write": left, "pool": left}
        request = self._http.build_request(
            call.method,
            self._url + call.path,
            params=call.query,
            headers={**self._headers, **call.headers(left)},
            content=None if call.body is None else _upload(call.body.content, attempts, limits),
            extensions={"timeout": limits},
        )
        with translated(call, self._url, attempts):
            response = self._http.send(request, stream=True, follow_redirects=False)
        limits["read"] = attempts.left()
        if response.is_success:
            return response
        with closing(response):
            raise failure_from(response, b"".join(self._chunks(response, call, attempts)))

    def _chunks(self, response: httpx.Response, call: Call, attempts: Attempts) -> Iterator[bytes]:
        with translated(call, self._url, attempts):
            for chunk in response.iter_bytes():
                yield chunk
                attempts.left()


def _repeated(attempt: Callable[[], T], attempts: Attempts) -> T:
    while True:
        try:
            return attempt()
        except SpotterError as failure:
            pause = attempts.pause(failure)
        time.sleep(pause)


def _upload(content: bytes, attempts: Attempts, limits: dict[str, float]) -> Iterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        limits["read"] = attempts.left()
        yield content[start : start + _CHUNK]
    limits["read"] = attempts.left()


def _many(
    sources: Iterable[Source],
    read: Callable[[int, Source], Outcome],
    concurrency: int,
    in_order: bool,
    progress: bool,
) -> Iterator[Outcome]:
    numbered = enumerate(sources)
    waiting: deque[Future[Outcome]] = deque()
    with bar(progress, sources) as shown:
        pool = ThreadPoolExecutor(concurrency, "spotter-client")
        try:
            while True:
                for each in itertools.islice(numbered, AHEAD * concurrency - len(waiting)):
                    waiting.append(pool.submit(read, *each))
                if not waiting:
                    return
                if not in_order:
                    done, _ = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
                    waiting.rotate(-waiting.index(done.pop()))
                outcome = waiting.popleft().result()
                shown.update()
                yield outcome
        finally:
            pool.shutdown(cancel_futures=True)
