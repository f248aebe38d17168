"""Bytes to the graph's input: recognise, limit, decode, turn upright, scale, pad.

The bytes are hostile until proven otherwise: the format is told by its magic, size and frames are read from
the header and checked before anything is decoded, and whatever a decoder raises is the picture's fault.
"""

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    ExifTags,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from spotter.reading.errors import BrokenPictureError, ProblemError, TooManyPixelsError, UnsupportedPictureError
from spotter.reading.scaling import Box, Pixels, scaled
from spotter.reading.sizing import bucket, cost, working_size
from spotter.reading.structure import check_chunks, check_directory, count_scans
from spotter.registry.manifest import InputSpec

# Loaded here, so that no request waits for Pillow to look for a plugin.
_PLUGINS = (BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
)
_GREY_16 = ("I;16", "I;16L", "I;16B", "I;16N")
_UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}
_SWAPS_SIDES = (5, 6, 7, 8)
_UPRIGHT_LATE = ("PNG", "TIFF")
"""Pillow turns TIFFs upright while it loads them, and a PNG's EXIF may stand behind its pixels."""
QUICK_PIXELS = 3_000_000
"""Of a JPEG, in all its scans, that are decoded in less time than it takes to read the picture."""
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_SCANS = 16
"""A progressive JPEG has about ten scans; this many may pass over a picture as large as allowed."""
_RUN_LENGTHS = (1, 2)
_RUN_LENGTH_PIXELS = 1_000_000
"""Of a BMP of runs: Pillow fills in what they leave out byte by byte, 4 megapixels a second."""


@dataclass(frozen=True)
class PictureLimits:
    """What a picture may be, judged by its header: pixels in all, pixels a side, frames."""

    pixels: int = 64_000_000
    side: int = 32_768
    frames: int = 1_000


@dataclass(frozen=True)
class Prepared:
    """A picture as the graph takes it.

    padded: uint8 [H, W, 3] RGB, zeros right and below; working: (width, height) of its real part; upload:
    (width, height) of the upload after its EXIF rotation.
    """

    padded: Pixels
    working: tuple[int, int]
    upload: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Padded (height, width)."""
        height, width, _ = self.padded.shape
        return height, width


def sniff(data: bytes) -> str:
    """Pillow's name of the format by the first bytes. Raises UnsupportedPictureError."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise UnsupportedPictureError("the bytes are no JPEG, PNG, WebP, TIFF or BMP")


class Opened:
    """A picture whose header was read and is within the limits, not decoded yet.

    cost: padded pixels to read. shape: padded (height, width), or that of its sides exchanged where only decoding tells
    which is up. quick: whether it takes little time to decode; the shape is certain then.
    """

    def __init__(self, data: bytes, spec: InputSpec, limits: PictureLimits) -> None:
        """Raises UnsupportedPictureError, TooManyPixelsError or BrokenPictureError."""
        if not data:
            raise BrokenPictureError("the upload is empty")
        self._name, self._spec, self._limits = sniff(data), spec, limits
        with self._blaming():
            scans = _count_parts(self._name, data)
            self._image = Image.open(io.BytesIO(data), formats=(self._name,))
            _check(self._name, self._image, limits)
            width, height = self._image.size
            if scans * width * height > _SCANS * limits.pixels:
                raise TooManyPixelsError(f"{scans} scans over {width} x {height} pixels are too many")
            self._orientation = _orientation(self._name, self._image)
            self.cost, self.shape = cost(width, height, spec), self._shape()
            self.quick = self._name == "JPEG" and scans * width * height <= QUICK_PIXELS

    def decode(self) -> Prepared:
        """Decodes it straight to its working size and pads it to its bucket; once. Raises as opening it does."""
        image, size, working = self._image, self._image.size, working_size(*self._image.size, self._spec)
        with self._blaming(), image:
            box = None
            if self._name == "JPEG" and (drafted := image.draft(None, working)) is not None:
                box = drafted[1]
            orientation = self._load(image)
            if self._name == "TIFF":
                size, working = image.size, working_size(*image.size, self._spec)
            small = _upright(_to_rgb(image, working, box), orientation)
            upload = (size[1], size[0]) if orientation in _SWAPS_SIDES else size
            return pad(small, upload, self._spec)

    def whole(self) -> Image.Image:
        """The picture upright, RGB, at its own size, instead of `decode`."""
        with self._blaming(), self._image as image:
            orientation = self._load(image)
            return Image.fromarray(np.ascontiguousarray(_upright(_to_rgb(image, image.size), orientation)))

    def _load(self, image: ImageFile.ImageFile) -> int:
        """Decodes the pixels, and returns the orientation that is still to be undone."""
        image.load()  # turns a TIFF upright
        return _orientation(self._name, image) if self._name in _UPRIGHT_LATE else self._orientation

    def _shape(self) -> tuple[int, int]:
        width, height = working_size(*self._image.size, self._spec)
        return bucket(*((height, width) if self._orientation in _SWAPS_SIDES else (width, height)), self._spec)

    @contextlib.contextmanager
    def _blaming(self) -> Iterator[None]:
        """Turns what decoders raise into problems."""
        try:
            yield
        except ProblemError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise TooManyPixelsError(f"the picture has more than {self._limits.pixels} pixels") from None
        except Exception as error:
            # Decoders raise nearly anything on hostile bytes: struct.error, KeyError, zlib.error, SyntaxError ...
            raise BrokenPictureError(f"the {self._name} data does not decode") from error


def prepare(data: bytes, spec: InputSpec, limits: PictureLimits) -> Prepared:
    """Decodes a picture straight to its working size and pads it to its bucket.

    Raises UnsupportedPictureError, TooManyPixelsError or BrokenPictureError.
    """
    return Opened(data, spec, limits).decode()


def decode(data: bytes, limits: PictureLimits) -> Image.Image:
    """The whole picture, upright, RGB, at its own size. Raises as `prepare` does."""
    return Opened(data, InputSpec(), limits).whole()


def prepare_pixels(image: Pixels, spec: InputSpec) -> Prepared:
    """Scales and pads a decoded picture, uint8 [H, W, 3] RGB, upright."""
    height, width = image.shape[:2]
    size = working_size(width, height, spec)
    small = image if size == (width, height) else scaled(Image.fromarray(image), size)
    return pad(small, (width, height), spec)


def pad(small: Pixels, upload: tuple[int, int], spec: InputSpec) -> Prepared:
    """Pads a picture of working size with zeros right and below to its bucket."""
    height, width = small.shape[:2]
    rows, columns = bucket(width, height, spec)
    if (rows, columns) == (height, width):
        return Prepared(np.ascontiguousarray(small), (width, height), upload)
    padded = np.zeros((rows, columns, 3), np.uint8)
    padded[:height, :width] = small
    return Prepared(padded, (width, height), upload)


def _check(name: str, image: ImageFile.ImageFile, limits: PictureLimits) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise BrokenPictureError("the picture has no pixels")
    if width * height > limits.pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels are more than {limits.pixels}")
    if max(width, height) > limits.side:
        raise TooManyPixelsError(f"a side of {max(width, height)} pixels is longer than {limits.side}")
    # Counting a TIFF's pages means walking them all, and only the first is read.
    frames = 1 if name == "TIFF" else getattr(image, "n_frames", 1)
    if frames > limits.frames:
        raise TooManyPixelsError(f"{frames} frames are more than {limits.frames}")

    if name == "BMP" and image.info.get("compression") in _RUN_LENGTHS and width * height > _RUN_LENGTH_PIXELS:
        raise TooManyPixelsError(f"a BMP of runs may have {_RUN_LENGTH_PIXELS} pixels, not {width} x {height}")
    if name == "TIFF":  # a tile is decoded whole, however little of it lies within the picture
        tags = image.tag_v2  # type: ignore[attr-defined]
        tile = int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_HEIGHT, 0))
        if tile > limits.pixels:
            raise TooManyPixelsError(f"a tile of {tile} pixels has more than {limits.pixels}")


def _count_parts(name: str, data: bytes) -> int:
    """Refuses a file of too many parts; returns how many scans pass over the picture."""
    if name == "JPEG":
        return count_scans(data)
    if name == "PNG":
        check_chunks(data)
    elif name == "TIFF":
        check_directory(data)
    return 1


def _orientation(name: str, image: ImageFile.ImageFile) -> int:
    """EXIF orientation still to be undone, 1..8; 1 when absent, damaged or not yet known."""
    # Asking a PNG for EXIF that does not stand before its pixels would decode them.
    if name == "TIFF" or (name == "PNG" and "exif" not in image.info):
        return 1
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1  # damaged metadata does not make a picture unreadable


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    turned = _UPRIGHT.get(orientation)
    return pixels if turned is None else turned(pixels)


def _to_rgb(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Pixels:
    """RGB [H, W, 3] at `size`; the part of the source is `box`, in its pixels. Transparent parts become white."""
    if image.mode in _GREY_16 or image.mode in ("I", "F"):
        image = Image.fromarray(_to_bytes(np.asarray(image)))
    elif image.mode == "LAB":
        image = image.getchannel(0)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    pixels = scaled(image, size, box)
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    if pixels.shape[2] == 3:
        return pixels
    seen = Image.fromarray(pixels)
    paper = Image.new("RGB", seen.size, (255, 255, 255))
    paper.paste(seen, mask=seen.getchannel("A"))
    return np.asarray(paper)


def _to_bytes(values: NDArray[Any]) -> Pixels:
    """Brings samples wider than a byte to 0..255 by their range: 1, 255 or 65535 where they fit, else their
    own.
    """
    numbers = values.astype(np.float32)  # the only copy: everything below happens in it
    np.nan_to_num(numbers, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if values.dtype.kind == "u":
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 65535:
        tops = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
        low, high = 0.0, next(top for top in tops if high <= top)
    numbers -= low
    numbers *= 255.0 / max(high - low, 1e-30)
    np.rint(numbers, out=numbers)
    return np.clip(numbers, 0, 255, out=numbers).astype(np.uint8)
