"""tesseract-server's answer (https://github.com/hertzg/tesseract-server): the output that Tesseract would print."""

from collections.abc import Callable, Mapping, Sequence

from typing_extensions import TypedDict

from spotter.formats.alto import write_alto
from spotter.formats.hocr import write_hocr
from spotter.formats.text import write_text
from spotter.formats.tsv import write_tsv
from spotter.reading.words import Page

Writer = Callable[[Sequence[Page]], bytes]

OUTPUTS: Mapping[str, Writer] = {
    "tessedit_create_hocr": write_hocr,
    "tessedit_create_tsv": write_tsv,
    "tessedit_create_alto": write_alto,
    "tessedit_create_txt": write_text,
}
"""Writers by the configuration variable that selects them; of several that are set, the first one in this table is
used."""
UNWRITTEN = ("tessedit_create_pdf", "tessedit_create_boxfile", "tessedit_create_lstmbox", "tessedit_create_wordstrbox")
"""Variables that select outputs of Tesseract which are not supported here."""


class TesseractExit(TypedDict):
    """How the program ended."""

    code: int
    signal: str | None


class TesseractData(TypedDict):
    """stdout: text, TSV, hOCR or ALTO."""

    exit: TesseractExit
    stderr: str
    stdout: str


class TesseractAnswer(TypedDict):
    """The answer to a successful request."""

    data: TesseractData


def as_tesseract(pages: Sequence[Page], write: Writer) -> TesseractAnswer:
    """The answer for pages. write: one of the writers in `OUTPUTS`."""
    return {"data": {"exit": {"code": 0, "signal": None}, "stderr": "", "stdout": write(pages).decode()}}
