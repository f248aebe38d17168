"""Bytes that are meant to break a reader of pictures, the same ones each time.

`python -m tests.reading.corpus FOLDER` writes them as files, for other programs to be tried on.
"""

import base64
import io
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.reading.documents import HELLO, encrypted, pdf
from tests.reading.documents import tiff as tiff_of_pages

FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"progressive": True},
    "PNG": {},
    "WEBP": {},
    "TIFF": {},
    "BMP": {},
    "GIF": {},
    "PPM": {},
}
HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    "ACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAAI4AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt"
    "AAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA"
    "AAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5j"
    "bHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBp"
    "eGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAJZtZGF0AAAAiigBrwngPg50h6GEAMZYdcWn2C/Ro7mcugivsZ39"
    "sWkvz4eWELuZEQ/tfpnyR5pQ2dZa40wTkX9RdGmjJy+RVIW/vwuS5RtxM++d81Yobn2ZeIxdeH02BSjjY1Bf1S5zF5hJxcaz9X7V"
    "tdLlht5tZh3kIlHkyi4UI9TwSEyvvDKNHP/1e0B9xH8a3w=="
)
"""A smooth picture of 64 x 48 pixels, in base64: nothing that we need writes HEIC."""
BOMB_SIDE = 5_000
"""Pixels a side of the honest bombs: little to send, much to decode."""


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    """The picture's file."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def noise() -> Image.Image:
    """A small picture that no format packs well, so that each has many bytes to damage."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8))


def corpus() -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each."""
    yield from truncations()
    yield from bit_flips()
    yield from polyglots()
    yield from lying_headers()
    yield from bombs()
    yield from documents()
    yield from damaged_elsewhere()
    yield from tiny_and_foreign()
    yield from modes()
    yield from orientations()


def truncations() -> Iterator[tuple[str, bytes]]:
    """Each format cut at 25 places."""
    for form, options in FORMATS.items():
        whole = encode(noise(), form, **options)
        for part in np.linspace(0, len(whole) - 1, 25).astype(int):
            yield f"{form} cut at {part}", whole[:part]


def bit_flips() -> Iterator[tuple[str, bytes]]:
    """Each format with one to five bits turned over, half of them in its first 200 bytes."""
    rng = np.random.default_rng(7)
    for form, options in FORMATS.items():
        whole = encode(noise(), form, **options)
        for step in range(30):
            yield f"{form} flipped {step}", flipped(whole, rng, 0, step, 1 + step % 5)
        for step in range(5):
            damaged = bytearray(whole)
            start = int(rng.integers(0, len(whole) - 40))
            damaged[start : start + 40] = rng.bytes(40)
            yield f"{form} splattered {step}", bytes(damaged)


def flipped(whole: bytes, rng: np.random.Generator, first: int, step: int, count: int) -> bytes:
    """The bytes with so many bits turned over, from byte `first` on: in odd steps anywhere, in even ones before 200."""
    damaged = bytearray(whole)
    for place in rng.integers(first, len(whole) if step % 2 else min(200, len(whole)), count):
        damaged[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(damaged)


def polyglots() -> Iterator[tuple[str, bytes]]:
    """Files that are two things at once."""
    archive = b"PK\x03\x04" + bytes(500)
    script = b"<script>alert(1)</script>"
    for form, options in FORMATS.items():
        whole = encode(noise(), form, **options)
        yield f"{form} and a ZIP", whole + archive
        yield f"{form} and HTML", whole + script
        yield f"HTML and {form}", script + whole
        yield f"{form} twice", whole * 2
        for other in FORMATS:
            yield f"{form} head, {other} body", whole[:16] + encode(noise(), other)[16:]
            yield f"{form} within {other}", encode(noise(), other) + whole
    yield "GIF and JPEG", b"GIF89a" + encode(noise(), "JPEG")
    yield "PDF and JPEG", b"%PDF-1.7\n" + encode(noise(), "JPEG")
    yield "AVIF and JPEG", encode(noise(), "AVIF")[:40] + encode(noise(), "JPEG")


def lying_headers() -> Iterator[tuple[str, bytes]]:
    """Headers that promise what does not follow."""
    for width, height in ((0, 0), (0, 9), (1, 2**31 - 1), (2**31 - 1, 2**31 - 1), (60_000, 60_000), (2**32 - 1, 1)):
        yield f"PNG says {width} x {height}", png(width, height)
    for depth, colour in ((16, 6), (1, 2), (3, 0), (8, 5), (16, 3), (255, 255)):
        yield f"PNG depth {depth} colour {colour}", png(8, 8, depth=depth, colour=colour, data=bytes(2000))
    yield "PNG palette missing", png(8, 8, colour=3, data=bytes(80))
    yield "PNG without data", png(8, 8)
    yield "PNG chunk longer than the file", png(8, 8)[:33] + b"\xff\xff\xff\xffIDAT"
    yield "PNG damaged EXIF", png(2, 2, more=chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"), data=bytes(14))
    for bits, compression in ((24, 0), (1, 0), (8, 1), (4, 2), (32, 3), (7, 9)):
        yield f"BMP bits {bits} compression {compression}", bmp(8, 8, bits, compression)
    for width, height in ((-5, 5), (5, -(2**31)), (60_000, 60_000), (0, 0)):
        yield f"BMP says {width} x {height}", bmp(width, height)
    for size in (0, 12, 41, 124, 2**31, 2**32 - 1):
        header = bytearray(bmp(8, 8))
        header[14:18] = struct.pack("<I", size)
        yield f"BMP header of {size} bytes", bytes(header)
    sides = [(256, 4, 1, 8), (257, 4, 1, 8)]
    yield "TIFF without entries", tiff([])
    yield "TIFF directory in a ring", tiff([*sides, (258, 3, 1, 8), (273, 4, 1, 8)], next_ifd=8)
    yield "TIFF directory beyond the end", b"II*\0\xff\xff\xff\x7f" + bytes(20)
    yield "TIFF of a giant", tiff([(256, 4, 1, 2**31), (257, 4, 1, 2**31)])
    yield "TIFF tag of 4 billion values", tiff([*sides, (270, 2, 2**32 - 1, 8)])
    yield "TIFF unknown compression", tiff([*sides, (259, 3, 1, 60_000)])
    yield "TIFF of 60,000 samples", tiff([*sides, (258, 3, 60_000, 8), (277, 3, 1, 60_000), (262, 3, 1, 2)])
    strips = [(258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 2**30), (279, 4, 1, 64)]
    yield "TIFF strips beyond the end", tiff([*sides, *strips])
    yield "TIFF tiles of nothing", tiff([*sides, (322, 4, 1, 0), (323, 4, 1, 0), (324, 4, 1, 8)])
    for width, height in ((65535, 65535), (0, 0), (1, 0)):
        frame = b"\xff\xc0\0\x11\x08" + struct.pack(">HH", height, width) + b"\x03\x01\x11\0\x02\x11\1\x03\x11\1"
        yield f"JPEG says {width} x {height}", b"\xff\xd8" + frame + bytes(99)
    yield "JPEG of markers", b"\xff\xd8" + b"\xff\xe1\0\x02" * 5000
    yield "JPEG of fill bytes", b"\xff\xd8" + b"\xff" * 100_000
    yield "JPEG segment of no length", b"\xff\xd8\xff\xe0\0\0" + bytes(50)
    yield "WebP says more than it has", b"RIFF\xff\xff\xff\x7fWEBPVP8 \xff\xff\xff\x7f" + bytes(50)
    yield "WebP canvas giant", b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(40)
    for start in (b"P5 0 9 255\n", b"P6 9 9 0\n", b"P4 -1 1\n", b"P2 9 9 99999\n", b"P5 99999 99999 255\n", b"P3 9 9"):
        yield f"PNM {start!r}", start + bytes(300)
    yield "PNM of comments", b"P5 " + b"#\n" * 500_000
    yield "PNM plain of one endless number", b"P2 9 9 255\n" + b"9" * 1_000_000
    yield "GIF screen of nothing", b"GIF89a" + bytes(7) + b";"
    yield "GIF picture beyond its screen", b"GIF89a\1\0\1\0\0\0\0," + b"\xff\xff" * 4 + b"\0\2\0;"
    for form in ("JPEG2000", "AVIF"):
        yield f"{form} cut off", encode(noise(), form)[:-500]
    yield "WebP of nothing", b"RIFF\x04\0\0\0WEBP"


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that are large, slow or endless when decoded: at least one of every format."""
    blank = Image.new("L", (BOMB_SIDE, BOMB_SIDE))
    yield "PNG pixel bomb", encode(blank, "PNG")
    yield "JPEG pixel bomb", encode(blank, "JPEG", quality=1)
    yield "JPEG progressive pixel bomb", encode(blank, "JPEG", quality=1, progressive=True)
    yield "WebP pixel bomb", encode(blank.convert("RGB"), "WEBP", lossless=True, method=0, quality=0)
    yield "TIFF pixel bomb", encode(blank, "TIFF", compression="tiff_deflate")
    yield "TIFF fax pixel bomb", encode(blank.convert("1"), "TIFF", compression="group4")
    yield "GIF pixel bomb", encode(blank, "GIF")
    yield "PNM pixel bomb", b"P4 5000 5000\n" + bytes(100)
    yield "AVIF pixel bomb", saying("AVIF", b"ispe\0\0\0\0", BOMB_SIDE)
    yield "JPEG2000 pixel bomb", saying("JPEG2000", b"ihdr", BOMB_SIDE)
    yield "AVIF smaller than its picture", saying("AVIF", b"ispe\0\0\0\0", 8)
    yield "JPEG2000 smaller than its picture", saying("JPEG2000", b"ihdr", 8)
    yield "GIF of a million blocks", encode(noise(), "GIF")[:13] + b"!\xfe" + b"\1x" * 1_000_000 + b"\0;"
    yield "GIF of a million extensions", encode(noise(), "GIF")[:13] + b"!\xfe\0" * 1_000_000 + b";"
    yield "GIF of a million bytes of nothing", b"GIF89a\x09\0\x09\0\0\0\0" + bytes(1_000_000) + b";"
    yield "BMP run-length bomb", bmp(BOMB_SIDE, BOMB_SIDE, 8, 1)
    yield "BMP run-length of short rows", bmp_of_short_runs(4_000, 900)
    yield "JPEG of a million segments", encode(noise(), "JPEG")[:2] + b"\xff\xfe\0\x02" * 1_000_000
    yield "PNG of a million chunks", png(8, 8, more=chunk(b"teSt", b"") * 1_000_000)
    yield "TIFF strip bomb", tiff_of_strips(1_000_000)
    yield "PNG text bomb", png(8, 8, more=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(50_000_000))))
    yield "PNG profile bomb", png(8, 8, more=chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(50_000_000))))
    yield (
        "PNG international text bomb",
        png(8, 8, more=chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(50_000_000)))),
    )
    yield "PNG data bomb", png(8, 8, data=bytes(50_000_000))
    yield "PNG of 100,000 chunks", png(8, 8, more=chunk(b"tEXt", b"k\0v") * 100_000)
    yield "PNG of endless frames", png(2, 2, more=chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)), data=bytes(14))
    yield "JPEG of 100,000 scans", jpeg_of_scans((64, 64), 100_000)
    yield "JPEG of 5,000 scans over a large picture", jpeg_of_scans((1900, 1900), 5_000)
    yield "TIFF tile bomb", tiff_of_a_tile(40_000)
    yield "TIFF of 20,000 pages", tiff([(256, 4, 1, 8), (257, 4, 1, 8)], next_ifd=8) * 20_000
    frames = [Image.new("RGB", (4, 4), (step % 256, step // 256, 0)) for step in range(1200)]
    yield "WebP of 1,200 frames", encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)


def documents() -> Iterator[tuple[str, bytes]]:
    """PDFs, and TIFFs of pages."""
    yield "PDF whose count of pages lies", pdf([HELLO], count=10**6)
    yield "PDF encrypted", encrypted()
    yield "PDF cut off", pdf([HELLO])[:-300]
    yield "PDF of garbage", b"%PDF-1.7\n" + np.random.default_rng(5).bytes(5000)
    yield "PDF page of a giant", pdf([HELLO], (20_000, 20_000))
    yield "TIFF of pages", tiff_of_pages([(1, 2, 3)] * 3)
    yield "TIFF of a broken second page", tiff_of_pages([(1, 2, 3)] * 2)[:-100]


def damaged_elsewhere() -> Iterator[tuple[str, bytes]]:
    """Formats that a process of its own decodes, cut and with bits turned over: fewer, since each takes one."""
    rng = np.random.default_rng(11)
    wholes = {form: encode(noise(), form) for form in ("JPEG2000", "AVIF")}
    for form, whole in (wholes | {"HEIC": base64.b64decode(HEIC), "PDF": pdf([HELLO] * 3)}).items():
        for part in rng.integers(20, len(whole), 4):
            yield f"{form} cut at {part}", whole[:part]
        for step in range(4):
            yield f"{form} flipped {step}", flipped(whole, rng, 12, step, 1 + 3 * step)
    yield "PDF of 3,000 pages", pdf([HELLO] * 3_000)


def tiny_and_foreign() -> Iterator[tuple[str, bytes]]:
    """Nothing, hardly anything, and other kinds of file."""
    yield from {
        "empty": b"",
        "one byte": b"\xff",
        "zeros": bytes(5000),
        "text": b"hello",
        "GIF": b"GIF89a" + bytes(40),
        "GIF of no version": b"GIF90a" + bytes(40),
        "MP4": b"\0\0\0\x18ftypmp42" + bytes(40),
        "PFM": b"Pf\n9 9\n-1.0\n" + bytes(400),
        "HEIC": b"\0\0\0\x18ftypheic" + bytes(40),
        "J2K's magic only": b"\xff\x4f\xff\x51",
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes(80),
        "ZIP": b"PK\x03\x04" + bytes(60),
        "PNG's magic only": b"\x89PNG\r\n\x1a\n",
        "BMP's magic only": b"BM",
        "JPEG's magic only": b"\xff\xd8\xff",
        "WebP's magic only": b"RIFF\0\0\0\0WEBP",
        "BigTIFF": b"II+\0\x08\0\0\0" + bytes(30),
        "ICO": b"\0\0\1\0\1\0" + bytes(40),
        "AVIF": b"\0\0\0\x20ftypavif" + bytes(40),
        "gzip": b"\x1f\x8b\x08" + bytes(40),
    }.items()


def modes() -> Iterator[tuple[str, bytes]]:
    """Every mode that a TIFF or PNG can have, at odd sizes."""
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr", "LAB"):
        for size in ((1, 1), (1, 300), (300, 1)):
            yield f"TIFF {mode} {size}", encode(Image.new(mode, size), "TIFF")
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        yield f"PNG {mode}", encode(Image.new(mode, (7, 3)), "PNG")
    for mode in ("L", "CMYK"):
        yield f"JPEG {mode}", encode(Image.new(mode, (7, 3)), "JPEG")
    for value in (float("nan"), float("inf"), -1e30, 1e30):
        yield f"TIFF of {value}", encode(Image.fromarray(np.full((9, 9), value, np.float32)), "TIFF")
    yield "PNG of transparent palette", encode(Image.new("P", (7, 3)), "PNG", transparency=0)


def orientations() -> Iterator[tuple[str, bytes]]:
    """EXIF orientations that exist, and others."""
    exif = Image.Exif()
    for orientation in (*range(10), 65535):
        exif[0x0112] = orientation
        for form in ("JPEG", "PNG", "WEBP", "TIFF"):
            yield f"{form} orientation {orientation}", encode(noise(), form, exif=exif)
    rng = np.random.default_rng(3)
    for step in range(5):
        yield f"EXIF of noise {step}", encode(noise(), "JPEG", exif=b"Exif\0\0MM\0*" + rng.bytes(200))


def saying(form: str, box: bytes, side: int) -> bytes:
    """A picture whose box of that name says another size."""
    whole = encode(Image.new("RGB", (200, 200)), form)
    place = whole.index(box) + len(box)
    return whole[:place] + struct.pack(">II", side, side) + whole[place + 8 :]


def chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG chunk."""
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, more: bytes = b"", data: bytes = b"") -> bytes:
    """A PNG of any header, with `more` chunks before its data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    idat = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + idat + chunk(b"IEND", b"")


def bmp(width: int, height: int, bits: int = 24, compression: int = 0) -> bytes:
    """A BMP of any header and little data."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info + bytes(100)


def tiff(entries: list[tuple[int, int, int, int]], next_ifd: int = 0, tail: bytes = bytes(64)) -> bytes:
    """A TIFF of any directory: (tag, type, count, value or offset)."""
    ifd = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + ifd + struct.pack("<I", next_ifd) + tail


def bmp_of_short_runs(width: int, height: int) -> bytes:
    """A BMP whose rows end where they begin: the decoder fills them in."""
    return bmp(width, height, 8, 1)[:54] + bytes(1024) + b"\0\0" * height + b"\0\1"


def tiff_of_strips(strips: int) -> bytes:
    """A TIFF of a row a strip, all in the same place."""
    entries = [(256, 4, 1, 8), (257, 4, 1, strips), (258, 3, 1, 8), (262, 3, 1, 1), (278, 4, 1, 1)]
    entries += [(273, 4, strips, 200), (279, 4, strips, 200)]
    return tiff(sorted(entries), tail=bytes(200) + struct.pack("<I", 8) * strips)


def tiff_of_a_tile(side: int) -> bytes:
    """64 x 64 pixels of a tile that has side x side."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(side)) for _ in range(side // 10)) + packer.flush()
    values = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 284: 1, 322: side, 323: side, 324: 146, 325: len(data)}
    return tiff([(tag, 4, 1, value) for tag, value in values.items()], tail=data)


def jpeg_of_scans(size: tuple[int, int], scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    whole = encode(Image.new("L", size, 128), "JPEG", progressive=True, quality=10)
    last = max(match.start() for match in re.finditer(rb"\xff\xda", whole))
    last = whole.rfind(b"\xff\xc4", 0, last)
    return whole[:-2] + whole[last:-2] * scans + b"\xff\xd9"


def main(folder: Path, made: Callable[[], Iterator[tuple[str, bytes]]] = corpus) -> int:
    """Writes the corpus as files; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, data in made():
        (folder / f"{count:04d}-{re.sub(r'[^A-Za-z0-9.]+', '-', name)}").write_bytes(data)
        count += 1
    return count


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
