"""tesseract-server's answer (https://github.com/hertzg/tesseract-server): what the program would have printed."""

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
"""By the configuration variable that asks for it; the first of those that are set."""
UNWRITTEN = ("tessedit_create_pdf", "tessedit_create_boxfile", "tessedit_create_lstmbox", "tessedit_create_wordstrbox")
"""What the program writes and is not written here."""


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
    """What a request that succeeds is answered."""

    data: TesseractData


def as_tesseract(pages: Sequence[Page], write: Writer) -> TesseractAnswer:
    """write: one of `OUTPUTS`."""
    return {"data": {"exit": {"code": 0, "signal": None}, "stderr": "", "stdout": write(pages).decode()}}
