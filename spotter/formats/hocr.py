"""hOCR 1.2 (https://kba.github.io/hocr-spec/1.2/): HTML with positions in `title` attributes."""

from collections.abc import Iterator, Sequence
from html import escape

from spotter import __version__
from spotter.formats.boxes import box_of
from spotter.reading.characters import Character
from spotter.reading.layout.frames import Polygon
from spotter.reading.words import Line, Page

_HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<title>Text of a picture</title>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<meta name="ocr-system" content="spotter {__version__}"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrx_cinfo ocrp_wconf"/>
<meta name="ocr-langs" content="unknown"/>
<meta name="ocr-scripts" content="unknown"/>"""


def write_hocr(pages: Sequence[Page]) -> bytes:
    """An hOCR file in UTF-8. A block is an `ocr_carea` with one `ocr_par`; turned lines carry `textangle`,
    counter-clockwise.

    Characters of words that contain theirs are `ocrx_cinfo`, as `tesseract -c hocr_char_boxes=1` writes them, except in
    words in which look-alikes were replaced, since the text of the elements is that of the page.
    """
    count = f'<meta name="ocr-number-of-pages" content="{len(pages)}"/>\n</head>\n<body>'
    body = [line for number, page in enumerate(pages) for line in _page(page, number)]
    return "\n".join([_HEAD, count, *body, "</body>", "</html>\n"]).encode()


def _page(page: Page, number: int) -> Iterator[str]:
    name, (width, height) = number + 1, page.size
    yield f'<div class="ocr_page" id="page_{name}" title="bbox 0 0 {width} {height}; ppageno {number}">'
    for block_number, block in enumerate(page.blocks, 1):
        own, place = f"{name}_{block_number}", _bbox(block.polygon, page)
        yield f'<div class="ocr_carea" id="block_{own}" title="{place}">'
        yield f'<p class="ocr_par" id="par_{own}" title="{place}">'
        for line_number, line in enumerate(block.lines, 1):
            yield from _line(line, page, f"{own}_{line_number}")
        yield "</p>"
        yield "</div>"
    yield "</div>"


def _line(line: Line, page: Page, own: str) -> Iterator[str]:
    angle = round(-line.degrees) % 360
    turned = f"; textangle {angle}" if angle else ""
    yield f'<span class="ocr_line" id="line_{own}" title="{_bbox(line.polygon, page)}{turned}">'
    for number, word in enumerate(line.words, 1):
        title = f"{_bbox(word.polygon, page)}; x_wconf {round(100 * word.score)}"
        spelt = word.characters is not None and word.repaired_from is None
        text = "".join(_characters(word.characters or (), page)) if spelt else escape(word.text)
        yield f'<span class="ocrx_word" id="word_{own}_{number}" title="{title}">{text}</span>'
    yield "</span>"


def _characters(characters: Sequence[Character], page: Page) -> Iterator[str]:
    for text, polygon, score in characters:
        place = "" if polygon is None else f"x_bboxes {' '.join(map(str, box_of(polygon, page.size)))}; "
        yield f'<span class="ocrx_cinfo" title="{place}x_confs {100 * score:g}">{escape(text)}</span>'


def _bbox(polygon: Polygon, page: Page) -> str:
    return f"bbox {' '.join(map(str, box_of(polygon, page.size)))}"
