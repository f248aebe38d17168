"""What a picture's file may be made of, counted before a decoder walks over it.

Pillow walks over markers, chunks, tags and strips in Python, microseconds for each, and a few bytes make one: a file
within every other limit could keep a thread for minutes.
"""

import re
import struct

from spotter.reading.errors import TooManyPixelsError

SEGMENTS = 10_000
"""Of a JPEG; a profile and its metadata take some hundred at most."""
SCANS = 500
CHUNKS = 50_000
"""Of a PNG; writers cut 32 MB of data into some thousand."""
TAGS = 4_096
VALUES = 300_000
"""Of a TIFF's tag; a palette of 16 bits has 196,608."""
STRIPS = 50_000
"""Or tiles, of a TIFF."""

BLOCKS = 400_000
"""Of a GIF up to the end of its first picture: 64 megapixels that hardly pack take 300,000."""

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SOS, _EOI = 0xDA, 0xD9
_ALONE = (0x01, 0xD8)
"""Markers without a length, in addition to the restarts."""
_PLACES = (273, 279, 324, 325)
"""Tags of a TIFF's strips and tiles: where they are, and how many bytes they have."""
_SUBFILE, _REDUCED_OR_MASK = 254, 0b101
_BYTES = (1, 2, 6, 7)
"""A TIFF's types of which a value is a byte: nobody walks over these."""


def count_scans(data: bytes) -> int:
    """Scans of a JPEG. Raises TooManyPixelsError."""
    scans = segments = 0
    position = 2
    while (marker := _MARKER.search(data, position)) is not None and data[marker.end() - 1] != _EOI:
        position = marker.end()
        segments += 1
        if data[position - 1] == _SOS:
            scans += 1
        elif (length := data[position : position + 2]) and data[position - 1] not in _ALONE:
            position += int.from_bytes(length, "big")  # over thumbnails, which have scans of their own
        if scans > SCANS:
            raise TooManyPixelsError(f"the JPEG has more than {SCANS} scans")
        if segments > SEGMENTS:
            raise TooManyPixelsError(f"the JPEG has more than {SEGMENTS} segments")
    return scans


def check_chunks(data: bytes) -> None:
    """Raises TooManyPixelsError for a PNG of too many chunks."""
    position, chunks = 8, 0
    while position + 12 <= len(data):
        position += 12 + int.from_bytes(data[position : position + 4], "big")
        chunks += 1
        if chunks > CHUNKS:
            raise TooManyPixelsError(f"the PNG has more than {CHUNKS} chunks")


def check_directory(data: bytes) -> None:
    """Raises TooManyPixelsError for a TIFF whose first page has too many tags, values of a tag, strips or tiles. One
    that is cut off is left to the decoder."""
    order = "<" if data.startswith(b"II") else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    try:
        (offset,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        (tags,) = struct.unpack_from(order + ("Q" if big else "H"), data, offset)
        if tags > TAGS:
            raise TooManyPixelsError(f"the TIFF's first page has {tags} tags, more than {TAGS}")
        head, size = (8, 20) if big else (2, 12)
        for number in range(tags):
            tag, kind, values = struct.unpack_from(
                order + ("HHQ" if big else "HHI"), data, offset + head + size * number
            )
            if tag in _PLACES and values > STRIPS:
                raise TooManyPixelsError(f"the TIFF has {values} strips or tiles, more than {STRIPS}")
            if kind not in _BYTES and values > VALUES:
                raise TooManyPixelsError(f"tag {tag} of the TIFF has {values} values, more than {VALUES}")
    except struct.error:
        return


def directories(data: bytes, most: int, enough: int | None = None) -> list[int]:
    """Where a TIFF's directories are that are pages: not the thumbnails and masks that accompany them. A chain that is
    cut off or runs in a ring ends there.

    enough: after so many it is not looked for more. Raises TooManyPixelsError for more than `most`, of either.
    """
    order, big = "<" if data.startswith(b"II") else ">", data[2:4] in (b"+\0", b"\0+")
    found, seen = list[int](), set[int]()
    head, size, wide = (8, 20, "Q") if big else (2, 12, "I")
    try:
        (offset,) = struct.unpack_from(order + wide, data, 8 if big else 4)
        while offset and offset not in seen and len(found) != enough:
            (tags,) = struct.unpack_from(order + ("Q" if big else "H"), data, offset)
            end = offset + head + size * tags
            (following,) = struct.unpack_from(order + wide, data, end)
            if len(seen) >= most:
                raise TooManyPixelsError(f"the TIFF has more than {most} pages")
            seen.add(offset)
            if not found or not _is_reduced_or_mask(data, order, range(offset + head, end, size), big):
                found.append(offset)
            offset = following
    except struct.error:
        return found
    return found


def _is_reduced_or_mask(data: bytes, order: str, entries: range, big: bool) -> bool:
    """Whether one of the first tags says that this is a smaller form, or the mask, of another picture."""
    for place in entries[:8]:
        tag, _, _, value = struct.unpack_from(order + ("HHQQ" if big else "HHII"), data, place)
        if tag == _SUBFILE:
            return bool(value & _REDUCED_OR_MASK)
    return False


def page_of(data: bytes, directory: int) -> bytes:
    """A TIFF whose first page is the one of that directory."""
    order = "<" if data.startswith(b"II") else ">"
    if data[2:4] in (b"+\0", b"\0+"):
        return data[:8] + struct.pack(order + "Q", directory) + data[16:]
    return data[:4] + struct.pack(order + "I", directory) + data[8:]


def check_blocks(data: bytes) -> None:
    """Raises TooManyPixelsError for a GIF of too many blocks before the end of its first picture. One that is cut off
    is left to the decoder."""
    blocks = 0

    def past(position: int) -> int:
        """Over blocks of up to 255 bytes, each behind its length, up to the empty one."""
        nonlocal blocks
        while size := data[position]:
            position += size + 1
            blocks += 1
            if blocks > BLOCKS:
                raise TooManyPixelsError(f"the GIF has more than {BLOCKS} blocks")
        blocks += 1
        return position + 1

    try:
        position = 13 + _palette(data[10])
        while (kind := data[position]) != 0x3B:
            if kind == 0x2C:  # a picture: its place and size, perhaps a palette, and the width of its codes
                past(position + 11 + _palette(data[position + 9]))
                return
            position = past(position + 2) if kind == 0x21 else position + 1
            blocks += kind != 0x21
            if blocks > BLOCKS:
                raise TooManyPixelsError(f"the GIF has more than {BLOCKS} blocks")
    except IndexError:
        return


def _palette(flags: int) -> int:
    """Bytes of a GIF's palette."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
