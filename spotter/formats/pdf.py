"""A searchable PDF: each picture as a page, or a PDF's own pages, with their words as invisible text at their
positions."""

import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from spotter import __version__
from spotter.formats.boxes import box_of
from spotter.formats.pdf_objects import Objects, Reference
from spotter.formats.pdf_text import Letters, text_layer
from spotter.reading.pages import Text, WritablePdf
from spotter.reading.words import Page, Word

POINTS = 0.36
"""Points per pixel, for 200 dots per inch; fewer where a page would be larger than a PDF allows."""
LARGEST_PAGE = 14_400.0
"""The longest side of a page in points (ISO 32000-1, annex C)."""
_QUALITY = 90
_COVERED, _MUCH_HIGHER = 0.5, 2.0
"""The share of a word's place that text of the page covers where it says the same, and how much higher that may be."""


class Original(NamedTuple):
    """The PDF whose pages were read. numbers: of the pages, from 0; carried: for each, whether its words are the text
    that it carries. copy: opens one that may be changed."""

    numbers: Sequence[int]
    carried: Sequence[bool]
    copy: Callable[[], WritablePdf]


def write_pdf(pages: Sequence[Page], pictures: Iterable[Image.Image]) -> bytes:
    """A PDF with a page for each picture. Pictures are taken one at a time: RGB or grey, upright, of their page's
    size."""
    return _file(pages, pictures)


def write_over(pages: Sequence[Page], original: Original) -> bytes:
    """These pages of a PDF as they are, with an invisible text layer where they do not carry their words themselves. Of
    a page that was read anew, invisible text of an earlier reader is replaced, and words are left out where legible
    text of the page stands. Raises BrokenPictureError where a page cannot be kept so."""
    with original.copy() as pdf:
        for page, number, carried in zip(pages, original.numbers, original.carried, strict=True):
            if carried:
                continue
            layer = _without(page, pdf.bare(number))
            if layer.lines:
                pdf.lay(number, _file([layer], [None]))
        return pdf.save(original.numbers)


def _without(page: Page, own: Text) -> Page:
    """The page without the words that stand where words of its own do, which are no more than twice as high: a
    watermark covers others."""
    if not own:
        return page
    boxes = np.array([box_of(polygon, page.size) for _, polygon in own], np.float64)
    heights = np.array([math.dist(polygon[0], polygon[-1]) for _, polygon in own])

    def stays(word: Word) -> bool:
        box = box_of(word.polygon, page.size)
        common = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
        near = heights <= _MUCH_HIGHER * math.dist(word.polygon[0], word.polygon[-1])
        covered = common[near].clip(0).prod(axis=1).sum()
        return bool(covered < _COVERED * box.width * box.height)

    lines = [line._replace(words=[word for word in line.words if stays(word)]) for line in page.lines]
    return replace(page, lines=[line for line in lines if line.words])


def _file(pages: Iterable[Page], pictures: Iterable[Image.Image | None]) -> bytes:
    """A PDF with a page for each, which shows its picture, if it has one."""
    objects, letters = Objects(), Letters()
    tree, resources = objects.reserve(), objects.reserve()
    kids = [
        _page(objects, tree, resources, page, picture, letters) for page, picture in zip(pages, pictures, strict=True)
    ]
    fonts = " ".join(f"/{name} {reference}" for name, reference in letters.fonts(objects).items())
    objects.set(resources, f"<< {fonts} >>")
    objects.set(tree, f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>")
    root = objects.add(f"<< /Type /Catalog /Pages {tree} >>")
    return objects.file(root, objects.add(f"<< /Producer (Spotter {__version__}) >>"))


def _page(
    objects: Objects, tree: Reference, fonts: Reference, page: Page, picture: Image.Image | None, letters: Letters
) -> Reference:
    width, height = page.size
    scale = min(POINTS, LARGEST_PAGE / max(page.size))
    across, down = max(width * scale, 3.0), max(height * scale, 3.0)  # PDF's smallest page
    shown, content = "", text_layer(page, scale, letters)
    if picture is not None:
        shown = f"/XObject << /Picture {_picture(objects, picture)} >> "
        content = f"q {across:.2f} 0 0 {down:.2f} 0 0 cm /Picture Do Q\n".encode("ascii") + content
    return objects.add(
        f"<< /Type /Page /Parent {tree} /MediaBox [0 0 {across:.2f} {down:.2f}] "
        f"/Contents {objects.add_stream('', content)} /Resources << {shown}/Font {fonts} >> >>"
    )


def _picture(objects: Objects, picture: Image.Image) -> Reference:
    if picture.mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    colours = "DeviceGray" if picture.mode == "L" else "DeviceRGB"
    return objects.add_stream(
        f"/Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height} "
        f"/ColorSpace /{colours} /BitsPerComponent 8 /Filter /DCTDecode",
        buffer.getvalue(),
        packed=True,
    )
