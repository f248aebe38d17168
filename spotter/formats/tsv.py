"""TSV as Tesseract writes it (`tesseract picture out tsv`): a row for each page, block, paragraph, line and word."""

from collections.abc import Iterator, Sequence

from spotter.formats.boxes import box_of
from spotter.reading.layout.frames import Polygon
from spotter.reading.words import Page

HEADER = (
    "level",
    "page_num",
    "block_num",
    "par_num",
    "line_num",
    "word_num",
    "left",
    "top",
    "width",
    "height",
    "conf",
    "text",
)
_PAGE, _BLOCK, _PARAGRAPH, _LINE, _WORD = 1, 2, 3, 4, 5


def write_tsv(pages: Sequence[Page]) -> bytes:
    """A TSV file in UTF-8. A block is one paragraph; `conf` is a word's score in percent, -1 for rows that are not
    words."""
    rows = ["\t".join(HEADER)]
    for number, page in enumerate(pages, 1):
        rows += ["\t".join(map(str, row)) for row in _rows(page, number)]
    return ("\n".join(rows) + "\n").encode()


def _rows(page: Page, number: int) -> Iterator[tuple[object, ...]]:
    width, height = page.size
    yield _PAGE, number, 0, 0, 0, 0, 0, 0, width, height, -1, ""
    for block_number, block in enumerate(page.blocks, 1):
        place = _place(block.polygon, page)
        yield _BLOCK, number, block_number, 0, 0, 0, *place, -1, ""
        yield _PARAGRAPH, number, block_number, 1, 0, 0, *place, -1, ""
        for line_number, line in enumerate(block.lines, 1):
            yield _LINE, number, block_number, 1, line_number, 0, *_place(line.polygon, page), -1, ""
            for word_number, word in enumerate(line.words, 1):
                percent = f"{100 * word.score:.6f}"
                place = _place(word.polygon, page)
                yield _WORD, number, block_number, 1, line_number, word_number, *place, percent, word.text


def _place(polygon: Polygon, page: Page) -> tuple[int, int, int, int]:
    box = box_of(polygon, page.size)
    return box.left, box.top, box.width, box.height
