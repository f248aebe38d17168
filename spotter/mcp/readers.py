"""The readers that the tools use: a bundle in this process, or a service."""

import threading
from typing import Any, Protocol

from spotter.client import Client, DocumentAnswer, Options, SpotterError
from spotter.formats.structure import as_answer
from spotter.reading.bundles import find_bundle
from spotter.reading.errors import ProblemError
from spotter.reading.files import FileReader, PageRead
from spotter.reading.reader import Reader
from spotter.reading.session import Session
from spotter.reading.settings import ReadingSettings

ALL_PAGES = "1-"
MOST_PAGES = 100
"""The most pages of one call, where no service sets the limit."""


class ReadError(Exception):
    """A file cannot be read; the message says why and what to do."""


class DocumentReader(Protocol):
    """Reads the pages of a file; threads may share it."""

    def read(self, data: bytes, pages: str | None) -> DocumentAnswer:
        """The answers for pages, given as `1-3,7` or `5-`, or for all pages, with lines and blocks. A page that cannot
        be read is a problem among them. Raises ReadError."""


class ServiceReader:
    """Reads with a service. model: NAME or NAME@ALIAS; the service's default when None."""

    def __init__(self, client: Client, model: str | None = None) -> None:
        self._client = client
        self._options: Options = {} if model is None else {"model": model}

    def read(self, data: bytes, pages: str | None) -> DocumentAnswer:
        """See `DocumentReader`."""
        options: Options = {**self._options, "pages": pages or ALL_PAGES}
        try:
            return self._client.read_document(data, **options)
        except SpotterError as error:
            raise ReadError(str(error)) from None


class LocalReader:
    """Reads with a bundle in this process, one file after the other. A PDF's embedded text is used where it seems to be
    the whole text of a page."""

    def __init__(self, settings: ReadingSettings) -> None:
        """Raises RegistryError."""
        bundle = find_bundle(settings)
        self._closest = settings.closest
        self._reader = Reader(bundle, Session(bundle, settings.session), settings.limits)
        manifest = bundle.manifest
        self._model = {"name": manifest.name, "version": manifest.version, "digest": manifest.digest}
        self._lock = threading.Lock()

    def read(self, data: bytes, pages: str | None) -> DocumentAnswer:
        """See `DocumentReader`."""
        how = FileReader(self._reader, closest=self._closest, pages=pages or ALL_PAGES, most_pages=MOST_PAGES)
        try:
            with self._lock, how.read(data, None) as found:
                answers = [self._answer(page) for page in found.pages]
                return DocumentAnswer.from_json({"page_count": found.page_count, "pages": answers})
        except ProblemError as problem:
            raise ReadError(f"{problem.title}: {problem.detail}. {problem.remedy}") from None

    def _answer(self, page: PageRead) -> dict[str, Any]:
        number = page.number + 1
        if isinstance(page.found, ProblemError):
            return {"page": number, **page.found.body()}
        return {"page": number, "model": self._model, **as_answer(page.found, "blocks"), "source": page.source}
