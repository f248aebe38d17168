"""A plugin of OCRmyPDF (https://ocrmypdf.readthedocs.io/en/latest/plugins.html): `ocrmypdf --plugin spotter.ocrmypdf`
reads pages with Spotter instead of Tesseract, which need not be installed.

The bundle is read in the process, with the `SPOTTER_*` settings of reading; where `SPOTTER_URL` is set, pages are sent
to the service there (`SPOTTER_API_KEY` is the key, where the service needs one).
"""

import cmath
import functools
import math
import os
from collections.abc import Set
from pathlib import Path
from typing import Any

from ocrmypdf import hookimpl
from ocrmypdf.builtin_plugins import tesseract_ocr
from ocrmypdf.exceptions import BadArgsError, ExitCode, ExitCodeException, MissingDependencyError
from ocrmypdf.pluginspec import OcrEngine, OrientationConfidence

from spotter import __version__, client
from spotter.formats.hocr import write_hocr
from spotter.formats.text import write_text
from spotter.reading import imaging
from spotter.reading.bundles import find_bundle
from spotter.reading.errors import ProblemError
from spotter.reading.reader import Reader
from spotter.reading.session import Session, SessionOptions
from spotter.reading.settings import ReadingSettings
from spotter.reading.words import Page, Word, arrange
from spotter.registry.errors import RegistryError

_SURE, _ENOUGH = 20.0, 5
"""The confidence of an orientation (OCRmyPDF's threshold is 14), and the number of words, all in one direction, from
which it is reached."""
_SANDWICH = "--pdf-renderer sandwich takes text in Tesseract's own font; leave it out, or use fpdf2"


class SpotterError(ExitCodeException):
    """A page could not be read. The exit code is that of OCRmyPDF's engines."""

    exit_code = ExitCode.child_process_error

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message.replace("{", "{{").replace("}", "}}")  # OCRmyPDF formats it


class Engine(OcrEngine):
    """Reads page images. OCRmyPDF calls it for several pages at once, on threads or in processes."""

    @staticmethod
    def version() -> str:
        """Spotter's."""
        return __version__

    @staticmethod
    def creator_tag(options: Any) -> str:
        """The reader's name and version, for the PDF's metadata."""
        return f"Spotter {__version__}"

    def __str__(self) -> str:
        return f"Spotter {__version__}"

    @staticmethod
    def languages(options: Any) -> Set[str]:
        """The languages that were asked for: one model reads all languages that it knows."""
        return set(options.languages)

    @staticmethod
    def get_orientation(input_file: Path, options: Any) -> OrientationConfidence:
        """The quarter turn clockwise, in degrees, of most of the text."""
        turn, share = direction(read(input_file))
        return OrientationConfidence(round(turn / 90) * 90 % 360, _SURE * share)

    @staticmethod
    def get_deskew(input_file: Path, options: Any) -> float:
        """Degrees by which most of the text is turned clockwise from the nearest quarter turn."""
        turn, _ = direction(read(input_file))
        return math.remainder(turn, 90)

    @staticmethod
    def generate_hocr(input_file: Path, output_hocr: Path, output_text: Path, options: Any) -> None:
        """Writes the page's hOCR and its text."""
        page = read(input_file)
        output_hocr.write_bytes(write_hocr([page]))
        output_text.write_bytes(write_text([page]))

    @staticmethod
    def generate_pdf(input_file: Path, output_pdf: Path, output_text: Path, options: Any) -> None:
        """Never called: `check_options` rejects the renderer that would call it."""
        raise NotImplementedError(_SANDWICH)


add_options, register_options = tesseract_ocr.add_options, tesseract_ocr.register_options
"""OCRmyPDF's own code needs Tesseract's options to exist, but not the program."""


@hookimpl
def initialize(plugin_manager: Any) -> None:
    """Unregisters Tesseract's plugin, which would fail where the program is not installed."""
    plugin_manager.set_blocked(tesseract_ocr.__name__)


@hookimpl
def check_options(options: Any) -> None:
    """Opens the model before the first page, so that an error in it is reported once. Raises BadArgsError or
    MissingDependencyError."""
    if options.pdf_renderer == "sandwich":
        raise BadArgsError(_SANDWICH)
    if not os.environ.get(client.URL):
        _reader()


@hookimpl
def get_ocr_engine() -> OcrEngine:
    """Spotter's."""
    return Engine()


def read(file: Path) -> Page:
    """Reads a page image. Raises SpotterError."""
    data = file.read_bytes()
    try:
        return _asked(os.environ[client.URL], data) if os.environ.get(client.URL) else _read(data)
    except ProblemError as problem:
        raise SpotterError(f"the page image cannot be read: {problem.detail}") from None


def direction(page: Page) -> tuple[float, float]:
    """Degrees by which most of the page's text is turned clockwise, -180 to 180, and a confidence from 0 to 1: the
    share of the text with this direction, reduced where there are few words."""
    parts = [cmath.rect(math.dist(*word.polygon[:2]), math.radians(word.direction)) for word in page.words]
    main = sum(parts)
    along = [part for part in parts if abs(cmath.phase(part * main.conjugate())) < math.pi / 4]
    whole = sum(map(abs, parts))
    share = sum(map(abs, along)) / whole * min(len(parts) / _ENOUGH, 1.0) if whole else 0.0
    return math.degrees(cmath.phase(sum(along))), share


@functools.lru_cache(maxsize=1)
def _reader() -> tuple[Reader, int]:
    """The reader, with one thread for each page, since OCRmyPDF reads several pages at once; and the longest side of a
    closer look. Raises MissingDependencyError."""
    try:
        settings = ReadingSettings()
        bundle = find_bundle(settings)
        options = SessionOptions(settings.threads or 1, settings.device, settings.cuda_graphs)
        return Reader(bundle, Session(bundle, options), settings.limits), settings.closest
    except (RegistryError, ValueError) as error:
        raise MissingDependencyError(f"Spotter's model cannot be opened: {error}") from None


def _read(data: bytes) -> Page:
    reader, closest = _reader()

    def again(spec: Any) -> imaging.Prepared:
        return imaging.prepare(data, spec, reader.limits)

    return reader.read_prepared(again(reader.input), again, None, closest).page


def _asked(url: str, data: bytes) -> Page:
    """Reads with the service, and waits while the service is overloaded."""
    try:
        with client.Client(url) as service:
            (answer,) = service.read_document(data, detail="words").pages
    except (client.SpotterError, ValueError) as error:
        raise SpotterError(f"the service at {url}: {error}") from None
    if isinstance(answer, client.PageProblem):
        raise SpotterError(f"the service at {url}: {answer.error}")
    words = [Word([list(point) for point in each.polygon], each.text, each.score) for each in answer.words]
    return arrange((answer.image.width, answer.image.height), words)
