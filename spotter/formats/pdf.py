"""A searchable PDF: each picture as a page, with its words as invisible text at their positions."""

import io
from collections.abc import Iterable, Sequence

from PIL import Image

from spotter import __version__
from spotter.formats.pdf_objects import Objects, Reference
from spotter.formats.pdf_text import Letters, text_layer
from spotter.reading.words import Page

POINTS = 0.36
"""Points per pixel, for 200 dots per inch; fewer where a page would be larger than a PDF allows."""
LARGEST_PAGE = 14_400.0
"""The longest side of a page in points (ISO 32000-1, annex C)."""
_QUALITY = 90


def write_pdf(pages: Sequence[Page], pictures: Iterable[Image.Image]) -> bytes:
    """A PDF with a page for each picture. Pictures are taken one at a time: RGB or grey, upright, of their page's
    size."""
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
    objects: Objects, tree: Reference, fonts: Reference, page: Page, picture: Image.Image, letters: Letters
) -> Reference:
    width, height = page.size
    scale = min(POINTS, LARGEST_PAGE / max(page.size))
    across, down = max(width * scale, 3.0), max(height * scale, 3.0)  # PDF's smallest page
    shown = f"q {across:.2f} 0 0 {down:.2f} 0 0 cm /Picture Do Q\n".encode("ascii")
    content = objects.add_stream("", shown + text_layer(page, scale, letters))
    return objects.add(
        f"<< /Type /Page /Parent {tree} /MediaBox [0 0 {across:.2f} {down:.2f}] /Contents {content} "
        f"/Resources << /XObject << /Picture {_picture(objects, picture)} >> /Font {fonts} >> >>"
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
