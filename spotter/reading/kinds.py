"""The kinds of file that are read, recognised by their first bytes. One table defines which files are accepted, which
are listed as readable, and which an error names."""

import importlib.util
from dataclasses import dataclass

from PIL import features

from spotter.reading.errors import UnsupportedPictureError


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    name: Pillow's where Pillow opens it. label: its common name. isolated: whether its decoder is large and its
    headers may contradict the data, so that an isolated process decodes it. needs: what to install where this kind
    cannot be read, None for kinds that are always read.
    """

    name: str
    label: str
    media_types: tuple[str, ...]
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...] = ()
    isolated: bool = False
    pages: bool = False
    needs: str | None = None

    @property
    def readable(self) -> bool:
        """Whether this installation reads this kind."""
        return self.needs is None or _PRESENT[self.name]


KINDS = (
    Kind("JPEG", "JPEG", ("image/jpeg",), (".jpg", ".jpeg"), (b"\xff\xd8\xff",)),
    Kind("PNG", "PNG", ("image/png",), (".png",), (b"\x89PNG\r\n\x1a\n",)),
    Kind("WEBP", "WebP", ("image/webp",), (".webp",)),
    Kind(
        "TIFF",
        "TIFF",
        ("image/tiff",),
        (".tif", ".tiff"),
        (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
        pages=True,
    ),
    Kind("BMP", "BMP", ("image/bmp",), (".bmp",), (b"BM",)),
    Kind("GIF", "GIF", ("image/gif",), (".gif",), (b"GIF87a", b"GIF89a")),
    Kind(
        "PNM",
        "PNM",
        ("image/x-portable-anymap", "image/x-portable-bitmap", "image/x-portable-graymap", "image/x-portable-pixmap"),
        (".pnm", ".pbm", ".pgm", ".ppm"),
    ),
    Kind(
        "JPEG2000",
        "JPEG 2000",
        ("image/jp2", "image/jpx", "image/j2c"),
        (".jp2", ".j2k", ".jpx", ".j2c", ".jpf"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
        isolated=True,
        needs="a Pillow that was built with OpenJPEG",
    ),
    Kind(
        "AVIF",
        "AVIF",
        ("image/avif",),
        (".avif",),
        isolated=True,
        needs="a Pillow that was built with libavif",
    ),
    Kind(
        "HEIF",
        "HEIC",
        ("image/heic", "image/heif"),
        (".heic", ".heif", ".hif"),
        isolated=True,
        needs="the heic extra: pip install 'spotter-ocr[heic]'",
    ),
    Kind("PDF", "PDF", ("application/pdf",), (".pdf",), (b"%PDF-",), isolated=True, pages=True),
)

_PRESENT = {
    "JPEG2000": bool(features.check("jpg_2000")),
    "AVIF": bool(features.check("avif")),
    "HEIF": importlib.util.find_spec("pi_heif") is not None,
}
_BY_NAME = {kind.name: kind for kind in KINDS}
_MAGIC = tuple((magic, kind) for kind in KINDS for magic in kind.magic)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
_BRANDS = 64
"""The first bytes of a file in the ISO base media format, which contain its brands (ISO/IEC 14496-12, `ftyp`)."""

PICTURE_SUFFIXES = frozenset(suffix for kind in KINDS if kind.name != "PDF" for suffix in kind.suffixes)
SUFFIXES = frozenset(suffix for kind in KINDS for suffix in kind.suffixes)


def kind_of(data: bytes) -> Kind:
    """The kind of a file by its first bytes, whether or not it can be read here. Raises UnsupportedPictureError."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    found = None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = "WEBP"
    elif data[:1] == b"P" and data[1:2] in b"123456" and data[2:3] in (b" ", b"\t", b"\n", b"\r", b"#"):
        found = "PNM"
    elif data[4:8] == b"ftyp":
        brands = {data[place : place + 4] for place in range(8, min(int.from_bytes(data[:4], "big"), _BRANDS), 4)}
        # AVIF and HEIC both have the brand `mif1`, so the other brands decide.
        found = "AVIF" if brands & _AVIF_BRANDS else "HEIF" if brands & _HEIF_BRANDS else None
    if found is None:
        raise UnsupportedPictureError(f"the bytes are no {names()}")
    return _BY_NAME[found]


def sniff(data: bytes) -> Kind:
    """The kind of a file by its first bytes. Raises UnsupportedPictureError, also where it cannot be read here."""
    kind = kind_of(data)
    if not kind.readable:
        raise UnsupportedPictureError(f"{kind.label} is not read here; it needs {kind.needs}")
    return kind


def names() -> str:
    """The kinds that can be read here, as text."""
    labels = [kind.label for kind in KINDS if kind.readable]
    return f"{', '.join(labels[:-1])} or {labels[-1]}"
