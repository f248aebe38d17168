"""Limits on the number of parts of a picture's file, checked before a decoder runs.

Pillow loops over markers, chunks, tags and strips in Python, with microseconds for each, while each takes only a few
bytes of the file. So a file within all other limits could keep a thread busy for minutes, and Pillow does not limit
their number.
"""

import re
import struct

from spotter.reading.errors import TooManyPixelsError

SEGMENTS = 10_000
"""The most segments of a JPEG; a colour profile and metadata take some hundred."""
SCANS = 500
CHUNKS = 50_000
"""The most chunks of a PNG; writers divide 32 MB of data into some thousand."""
TAGS = 4_096
VALUES = 300_000
"""The most values of a TIFF's tag; a 16-bit palette has 196,608."""
STRIPS = 50_000
"""The most strips or tiles of a TIFF."""

BLOCKS = 400_000
"""The most blocks of a GIF up to the end of its first picture; 64 megapixels that hardly compress take 300,000."""

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SOS, _EOI = 0xDA, 0xD9
_ALONE = (0x01, 0xD8)
"""Markers without a length, in addition to restart markers."""
_PLACES = (273, 279, 324, 325)
"""Tags with the offsets and byte counts of a TIFF's strips and tiles."""
_SUBFILE, _REDUCED_OR_MASK = 254, 0b101
_BYTES = (1, 2, 6, 7)
"""TIFF types whose values are single bytes: decoders do not loop over these."""


def count_scans(data: bytes) -> int:
    """The number of scans of a JPEG. Raises TooManyPixelsError for too many segments or scans."""
    scans = segments = 0
    position = 2
    while (marker := _MARKER.search(data, position)) is not None and data[marker.end() - 1] != _EOI:
        position = marker.end()
        segments += 1
        if data[position - 1] == _SOS:
            scans += 1
        elif (length := data[position : position + 2]) and data[position - 1] not in _ALONE:
            position += int.from_bytes(length, "big")  # skips thumbnails, which have their own scans
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
    """Offsets of a TIFF's directories that are pages, without thumbnails and masks. A chain that is truncated or cyclic
    ends there.

    enough: the search stops after this many. Raises TooManyPixelsError for more than `most` directories of either kind.
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
    """Whether the directory is marked as a thumbnail or a mask of another picture."""
    for place in entries[:8]:
        tag, _, _, value = struct.unpack_from(order + ("HHQQ" if big else "HHII"), data, place)
        if tag == _SUBFILE:
            return bool(value & _REDUCED_OR_MASK)
    return False


def page_of(data: bytes, directory: int) -> bytes:
    """The TIFF with the page of this directory as its first page."""
    order = "<" if data.startswith(b"II") else ">"
    if data[2:4] in (b"+\0", b"\0+"):
        return data[:8] + struct.pack(order + "Q", directory) + data[16:]
    return data[:4] + struct.pack(order + "I", directory) + data[8:]


def check_blocks(data: bytes) -> None:
    """Raises TooManyPixelsError for a GIF of too many blocks before the end of its first picture. One that is cut off
    is left to the decoder."""
    blocks = 0

    def past(position: int) -> int:
        """The position behind sub-blocks of up to 255 bytes, each after its length, and the empty one that ends
        them."""
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
            if kind == 0x2C:  # an image: position and size, an optional palette, and the LZW code size
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
