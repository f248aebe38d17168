"""Portable bitmaps, greymaps and pixmaps, plain and raw, of up to 16 bits
(https://netpbm.sourceforge.net/doc/pnm.html).

Pillow decodes plain ones and those of other depths sample by sample in Python, which takes minutes for a large upload.
"""

import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

if TYPE_CHECKING:
    from PIL._imaging import PixelAccess

HEADER_BYTES = 65_536
"""The longest header, including comments."""
_COMMENT = re.compile(rb"#[^\r\n]*")
_TOKEN = re.compile(rb"(?:[ \t\n\v\f\r]|#[^\r\n]*[\r\n])+(\d{1,9})")
_WHITE = b" \t\n\v\f\r"


@dataclass(frozen=True)
class Header:
    """width, height: in pixels. top: the largest sample value, white (for a bitmap black). bands: 1 or 3. body: offset
    of the samples."""

    kind: int
    width: int
    height: int
    top: int
    body: int

    @property
    def bands(self) -> int:
        return 3 if self.kind in (3, 6) else 1


def read_header(data: bytes) -> Header:
    """The header of a file. Raises ValueError where there is none, or it does not end within `HEADER_BYTES`."""
    kind, place, numbers = data[1] - ord("0"), 2, list[int]()
    head = data[:HEADER_BYTES]
    for _ in range(2 if kind in (1, 4) else 3):
        if (token := _TOKEN.match(head, place)) is None:
            raise ValueError("the header is no PNM header")
        numbers.append(int(token[1]))
        place = token.end()
    width, height, top = *numbers[:2], numbers[2] if len(numbers) == 3 else 1
    if not 1 <= top <= 65_535:
        raise ValueError(f"samples cannot go up to {top}")
    if data[place : place + 1] not in {bytes([white]) for white in _WHITE}:
        raise ValueError("the header does not end")
    return Header(kind, width, height, top, place + 1)


class PnmFile(ImageFile.ImageFile):
    """A file with the interface of Pillow's files: opening reads the header, loading decodes. Of several pictures only
    the first is read."""

    format, format_description = "PNM", "Portable anymap"

    def __init__(self, data: bytes, file: IO[bytes]) -> None:
        self._data = data
        super().__init__(file)

    def _open(self) -> None:
        self._header = header = read_header(self._data)
        self._size = header.width, header.height
        self._mode = "RGB" if header.bands == 3 else "L"
        self.tile = []

    def load(self) -> "PixelAccess | None":
        """Decodes. Raises ValueError where samples are missing or are no numbers."""
        if self._data:
            pixels = _samples(self._data, self._header)
            self._data = b""
            self.im = Image.fromarray(pixels).im
        return super().load()


def _samples(data: bytes, header: Header) -> NDArray[np.uint8]:
    """uint8 [H, W] or [H, W, 3]."""
    count = header.width * header.height * header.bands
    if header.kind == 4:
        row = -(-header.width // 8)
        bits = np.frombuffer(data, np.uint8, row * header.height, header.body).reshape(header.height, row)
        return (1 - np.unpackbits(bits, axis=1)[:, : header.width]) * np.uint8(255)
    if header.kind == 1:  # the digits of a plain bitmap need no space between them
        digits = _COMMENT.sub(b"", data[header.body :]).translate(None, _WHITE)[:count]
        values = np.frombuffer(digits, np.uint8) - np.uint8(ord("0"))
        if values.max(initial=0) > 1:
            raise ValueError("a bitmap has digits other than 0 and 1")
        values = (1 - values) * np.uint8(255)
    elif header.kind in (2, 3):
        text = _COMMENT.sub(b"", data[header.body :])
        if text.translate(None, b"0123456789" + _WHITE):
            raise ValueError("the samples are not numbers")
        # With `count` larger than the samples of the text, numpy would leave the remaining ones uninitialised.
        values = _to_byte(np.fromstring(text.strip(_WHITE), np.uint32, sep=" ")[:count], header.top)
    else:
        kind = np.dtype(np.uint8 if header.top < 256 else ">u2")
        values = _to_byte(np.frombuffer(data, kind, count, header.body), header.top)
    if len(values) < count:
        raise ValueError(f"{count - len(values)} samples are missing")
    shape = (header.height, header.width, 3) if header.bands == 3 else (header.height, header.width)
    return values.reshape(shape)


def _to_byte(values: NDArray[np.generic], top: int) -> NDArray[np.uint8]:
    if top == 255 and values.dtype == np.uint8:
        return values.astype(np.uint8)
    # A lookup table of up to 65,536 entries: rounding millions of samples as floats would take eight times the memory.
    table = np.rint(np.minimum(np.arange(65_536), top) * (255.0 / top)).astype(np.uint8)
    return np.asarray(table[np.minimum(values.astype(np.uint32), 65_535)])
