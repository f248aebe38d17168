"""PDFs and TIFFs of several pages, made by hand."""

import io
from collections.abc import Sequence

from PIL import Image

HELLO = b"BT /F1 24 Tf 72 700 Td (Hello World) Tj ET"
TURNED = b"BT /F1 24 Tf 0 1 -1 0 300 300 Tm (Turned) Tj ET"
BLACK_PAGE = b"0 0 0 rg 0 0 612 792 re f"


def pdf(
    pages: Sequence[bytes], size: tuple[int, int] = (612, 792), count: int | None = None, rotate: int = 0,
    trailer: bytes = b"", more: Sequence[bytes] = (), extents: Sequence[bytes] = (), resources: bytes = b"",
    font: bytes = b"",
) -> bytes:  # fmt: skip
    """A PDF whose pages have these contents; their font is F1. count: of pages, as it says; more: objects; extents: for
    each page, instead of its size and turn; resources: of the pages, but for F1 and X, the first of `more`; font:
    entries of the font."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(pages)))
    extents = extents or [b"/Rotate %d /MediaBox [0 0 %d %d]" % (rotate, *size)] * len(pages)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages) if count is None else count),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica %s >>" % font,
    ]
    shared = b"/Resources << /Font << /F1 3 0 R >> /XObject << /X %d 0 R >> %s >>" % (4 + 2 * len(pages), resources)
    for number, (content, extent) in enumerate(zip(pages, extents, strict=True)):
        objects.append(b"<< /Type /Page /Parent 2 0 R %s %s /Contents %d 0 R >>" % (extent, shared, 5 + 2 * number))
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    objects.extend(more)
    whole, places = b"%PDF-1.4\n", list[int]()
    for number, body in enumerate(objects, 1):
        places.append(len(whole))
        whole += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, len(whole))
    return whole + head + table + end


def coloured(colours: Sequence[tuple[int, int, int]], size: tuple[int, int] = (612, 792)) -> bytes:
    """A PDF of pages of one colour each."""
    return pdf([b"%f %f %f rg 0 0 %d %d re f" % (*(v / 255 for v in colour), *size) for colour in colours], size)


def unmapped() -> bytes:
    """A page whose font maps the letter A to U+FFFE, which is no character, with a word that is broken at the end of a
    line."""
    text = b"BT /F1 24 Tf 72 700 Td (xAy exam-) Tj 0 -28 Td (ple of it) Tj ET"
    cmap = b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <41> <fffe> endbfchar endcmap"
    more = [b"<< /Length %d >>\nstream\n%s\nendstream" % (len(cmap), cmap)]
    return pdf([text], more=more, font=b"/ToUnicode 6 0 R")


def stamped_scan() -> bytes:
    """A page that a picture covers, with a word of text."""
    picture = b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
    picture += b" /Length 1 >>\nstream\n\x80\nendstream"
    return pdf([b"q 612 0 0 792 0 0 cm /X Do Q BT /F1 9 Tf 72 20 Td (Received) Tj ET"], more=[picture])


def endless() -> bytes:
    """A page that draws a form ten times, which draws one ten times, and so on."""
    head = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /XObject << /X %d 0 R >> >> /Length %d >>"
    )
    content = b"/X Do " * 10
    forms = [(head + b"\nstream\n%s\nendstream") % (7 + depth, len(content), content) for depth in range(9)]
    return pdf([content], more=[*forms, forms[0].replace(content, b"0 0 9 9 re f" + b" " * (len(content) - 12))])


def encrypted() -> bytes:
    """A PDF that asks for a password, none of which fits."""
    keys = b"/V 1 /R 2 /P -4 /O <%s> /U <%s>" % (b"11" * 32, b"22" * 32)
    return pdf([HELLO], trailer=b"/Encrypt << /Filter /Standard %s >> /ID [<00> <00>]" % keys)


def tiff(colours: Sequence[tuple[int, int, int]], size: tuple[int, int] = (96, 64)) -> bytes:
    """A TIFF of pages of one colour each."""
    first, *rest = [Image.new("RGB", size, colour) for colour in colours]
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=rest)
    return buffer.getvalue()
