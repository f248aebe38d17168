"""Bytes meant to break us: whatever they are, the answer is 200 or a problem in the 400s, soon."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.service.conftest import Client

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8))
FORMATS: dict[str, dict[str, Any]] = {"JPEG": {"progressive": True}, "PNG": {}, "WEBP": {}, "TIFF": {}, "BMP": {}}


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, more: bytes = b"", data: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    idat = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + idat + chunk(b"IEND", b"")


def bmp(width: int, height: int, bits: int = 24, compression: int = 0) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info + bytes(100)


def tiff(entries: list[tuple[int, int, int, int]], next_ifd: int = 0) -> bytes:
    ifd = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + ifd + struct.pack("<I", next_ifd) + bytes(64)


def corpus() -> Iterator[tuple[str, bytes]]:
    rng = np.random.default_rng(7)
    for form, options in FORMATS.items():
        whole = encode(NOISE, form, **options)
        for part in np.linspace(0, len(whole) - 1, 25).astype(int):
            yield f"{form} cut at {part}", whole[:part]
        for step in range(25):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole) if step % 2 else min(200, len(whole)), 1 + step % 5):
                damaged[place] ^= 1 << int(rng.integers(0, 8))
            yield f"{form} flipped {step}", bytes(damaged)
        yield f"{form} with a tail", whole + b"PK\x03\x04" + bytes(500)
        yield f"{form} twice", whole * 2
        for other in FORMATS:
            yield f"{form} head, {other} body", whole[:16] + encode(NOISE, other)[16:]
    for width, height in ((0, 0), (0, 9), (1, 2**31 - 1), (2**31 - 1, 2**31 - 1), (60_000, 60_000), (2**32 - 1, 1)):
        yield f"PNG says {width} x {height}", png(width, height)
    for depth, colour in ((16, 6), (1, 2), (3, 0), (8, 5), (16, 3), (255, 255)):
        yield f"PNG depth {depth} colour {colour}", png(8, 8, depth=depth, colour=colour, data=bytes(2000))
    yield "PNG pixel bomb", png(9_000, 9_000, data=bytes(10**6))
    yield "PNG text bomb", png(8, 8, more=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(50_000_000))))
    yield "PNG profile bomb", png(8, 8, more=chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(50_000_000))))
    yield "PNG palette missing", png(8, 8, colour=3, data=bytes(80))
    yield "PNG without data", png(8, 8)
    yield "PNG chunk longer than the file", png(8, 8)[:33] + b"\xff\xff\xff\xffIDAT"
    yield "PNG damaged EXIF", png(2, 2, more=chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"), data=bytes(14))
    frames = chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    yield "PNG of endless frames", png(2, 2, more=frames, data=bytes(14))
    for bits, compression in ((24, 0), (1, 0), (8, 1), (4, 2), (32, 3), (7, 9)):
        yield f"BMP bits {bits} compression {compression}", bmp(8, 8, bits, compression)
    for width, height in ((-5, 5), (5, -(2**31)), (60_000, 60_000), (0, 0)):
        yield f"BMP says {width} x {height}", bmp(width, height)
    size = [(256, 4, 1, 8), (257, 4, 1, 8)]
    yield "TIFF without entries", tiff([])
    yield "TIFF directory in a ring", tiff([*size, (258, 3, 1, 8), (273, 4, 1, 8)], next_ifd=8)
    yield "TIFF of a giant", tiff([(256, 4, 1, 2**31), (257, 4, 1, 2**31)])
    yield "TIFF tag of 4 billion values", tiff([*size, (270, 2, 2**32 - 1, 8)])
    yield "TIFF unknown compression", tiff([*size, (259, 3, 1, 60_000)])
    yield (
        "TIFF strips beyond the end",
        tiff([*size, (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 2**30), (279, 4, 1, 64)]),
    )
    yield (
        "JPEG says 65535 x 65535",
        b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03\x01\x11\0\x02\x11\1\x03\x11\1" + bytes(99),
    )
    yield "JPEG of markers", b"\xff\xd8" + b"\xff\xe1\0\x02" * 5000
    yield "WebP says more than it has", b"RIFF\xff\xff\xff\x7fWEBPVP8 \xff\xff\xff\x7f" + bytes(50)
    yield "WebP canvas giant", b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(40)
    yield from {
        "empty": b"",
        "one byte": b"\xff",
        "zeros": bytes(5000),
        "text": b"hello",
        "GIF": b"GIF89a" + bytes(40),
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes(80),
        "ZIP": b"PK\x03\x04" + bytes(60),
        "magic only": b"\x89PNG\r\n\x1a\n",
        "BM": b"BM",
        "BigTIFF": b"II+\0\x08\0\0\0" + bytes(30),
    }.items()
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr", "LAB"):
        for size_ in ((1, 1), (1, 300), (300, 1)):
            yield f"TIFF {mode} {size_}", encode(Image.new(mode, size_), "TIFF")
    exif = Image.Exif()
    for orientation in (*range(10), 65535):
        exif[0x0112] = orientation
        yield f"orientation {orientation}", encode(NOISE, "JPEG", exif=exif)
    yield "EXIF of noise", encode(NOISE, "JPEG", exif=b"Exif\0\0MM\0*" + rng.bytes(200))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damage that it survives
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
async def test_no_bytes_at_all_make_a_5xx(client: Client) -> None:
    outcomes: dict[int, int] = {}
    count = 0
    async with client(max_pixels=4_000_000) as (http, service):
        for name, data in corpus():
            count += 1
            response = await http.post("/spot", content=data, headers={"Content-Type": "image/jpeg"})
            outcomes[response.status_code] = outcomes.get(response.status_code, 0) + 1
            assert response.status_code in (200, 413, 415, 422), (name, response.text)
            kind = "application/json" if response.status_code == 200 else "application/problem+json"
            assert response.headers["content-type"] == kind, name
        assert (service.spotter.admission.pictures, service.uploads.held) == (0, 0)
        assert (await http.get("/health/live")).status_code == 200
    assert count >= 300
    assert min(outcomes.get(status, 0) for status in (200, 413, 415, 422)) >= 5, outcomes
