"""Who reads for the tools: a bundle in this process, or a service."""

import threading
from typing import Any, Protocol

from spotter.client import Client, DocumentAnswer, SpotterError
from spotter.formats.structure import as_dict
from spotter.reading.bundles import find_bundle
from spotter.reading.errors import ProblemError
from spotter.reading.pages import Document, FilePage
from spotter.reading.reader import Reader
from spotter.reading.selection import select_pages
from spotter.reading.session import Session
from spotter.reading.settings import ReadingSettings
from spotter.reading.words import Word, arrange

MOST_PAGES = 100
"""Of one call, where no service says how many."""


class ReadError(Exception):
    """A file cannot be read; the message says why and what to do."""


class DocumentReader(Protocol):
    """Reads the pages of a file; threads may share it."""

    def read(self, data: bytes, pages: str | None) -> DocumentAnswer:
        """The answers for pages, as `1-3,7` or `5-`, or for all, with lines and blocks. A page that cannot be read is a
        problem among them. Raises ReadError."""


class ServiceReader:
    """A service reads."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def read(self, data: bytes, pages: str | None) -> DocumentAnswer:
        """See `DocumentReader`."""
        try:
            return self._client.read_document(data, pages=pages or "1-")
        except SpotterError as error:
            raise ReadError(str(error)) from None


class LocalReader:
    """A bundle in this process reads, one file after the other. Text that a PDF carries is taken where it seems to be
    all of a page's."""

    def __init__(self, settings: ReadingSettings) -> None:
        """Raises RegistryError."""
        bundle = find_bundle(settings)
        self._limits, self._closest = settings.limits, settings.closest
        self._reader = Reader(bundle, Session(bundle, settings.session), self._limits)
        manifest = bundle.manifest
        self._model = {"name": manifest.name, "version": manifest.version, "digest": manifest.digest}
        self._lock = threading.Lock()

    def read(self, data: bytes, pages: str | None) -> DocumentAnswer:
        """See `DocumentReader`."""
        try:
            with self._lock, Document(data, self._limits) as document:
                numbers = select_pages(pages, document.count, MOST_PAGES)
                answers = [self._answer(document.page(number)) for number in numbers]
                return DocumentAnswer.from_json({"page_count": document.count, "pages": answers})
        except ProblemError as problem:
            raise ReadError(f"{problem.title}: {problem.detail}. {problem.remedy}") from None

    def _answer(self, page: FilePage) -> dict[str, Any]:
        try:
            return {"page": page.number + 1, "model": self._model, **self._read(page)}
        except ProblemError as problem:
            return {"page": page.number + 1, **problem.body()}

    def _read(self, page: FilePage) -> dict[str, Any]:
        account: dict[str, Any]
        carried = page.text(always=False)
        if carried is not None:
            size, text = carried
            words = [Word([[round(x, 1), round(y, 1)] for x, y in polygon], word, 1.0) for word, polygon in text]
            found, account = arrange(size, words), {"reading": None, "warnings": [], "source": "text"}
        else:
            prepared = page.prepare(self._reader.input)
            found, account = self._reader.read_prepared(prepared, page.prepare, None, self._closest)
            account = {**account, "source": "picture"}
        width, height = found.size
        return {"image": {"width": width, "height": height}, **as_dict(found, "blocks"), **account}
