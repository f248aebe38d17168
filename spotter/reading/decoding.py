"""Decodes pictures with Pillow, or with this package's decoders, at the size at which they are read.

The bytes may be hostile: the format is recognised by its magic bytes, size and frames are read from
the header and checked before anything is decoded, and whatever a decoder raises counts as the picture's fault.
"""

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from spotter.reading.colour import to_rgb
from spotter.reading.errors import BrokenPictureError, ProblemError, TooManyPixelsError
from spotter.reading.kinds import sniff
from spotter.reading.pnm import PnmFile
from spotter.reading.prepared import (
    SQUARE,
    PictureLimits,
    Prepared,
    Region,
    Size,
    Stretch,
    pad,
    prepare_pixels,
    stretched,
)
from spotter.reading.scaling import Pixels
from spotter.reading.sizing import bucket, cost, working_size
from spotter.reading.structure import check_blocks, check_chunks, check_directory, count_scans
from spotter.registry.manifest import InputSpec

# Imported at the start, so that no request waits while Pillow loads a plugin.
_PLUGINS = (BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)

T = TypeVar("T")

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
"""Formats whose orientation is known only after loading: Pillow turns TIFFs upright while it loads them, and a PNG's
EXIF data may come after its pixels."""
QUICK_PIXELS = 3_000_000
"""The pixels of a JPEG, summed over its scans, that are decoded in less time than the graph takes."""
_TILE_WIDTH, _TILE_HEIGHT, _ORIENTATION = 322, 323, 274
_SCANS = 16
"""The most scans of a progressive JPEG of the largest allowed size; ordinary ones have about ten."""
_RUN_LENGTHS = (1, 2)
_RUN_LENGTH_PIXELS = 1_000_000
"""The most pixels of a run-length encoded BMP: Pillow fills gaps byte by byte, at 4 megapixels per second."""
_FIRST_ONLY = ("TIFF", "GIF")
"""Formats whose frames are not counted: counting would have to visit all of them, and only the first is read here."""
_UNEVEN, _ABSURD = 1.05, 4.0
"""Bounds on the aspect ratio of a pixel: below the first it counts as square, above the second the tag is ignored."""


class OpenedPicture:
    """A picture whose header was read and is within the limits, and which is not decoded yet.

    cost: number of padded pixels to read. shape: padded (height, width), possibly with the sides exchanged where the
    orientation is only known after decoding. quick: whether decoding takes little time; the shape is then certain.
    """

    def __init__(self, data: bytes, spec: InputSpec, limits: PictureLimits, region: Region | None = None) -> None:
        """region: the only part to be read, None for the whole picture. Raises as `imaging.open_picture` does."""
        self._name, self._spec, self._limits, self._region = sniff(data).name, spec, limits, region
        with self._blaming():
            scans = _count_parts(self._name, data)
            self._image = _open(self._name, data)
            _check(self._name, self._image, limits)
            width, height = self._image.size
            if scans * width * height > _SCANS * limits.pixels:
                raise TooManyPixelsError(f"{scans} scans over {width} x {height} pixels are too many")
            self._orientation = _orientation(self._name, self._image)
            self._stretch = _stretch(self._image)
            tags = getattr(self._image, "tag_v2", {})  # Pillow drops them when it loads the picture
            self._turned_by_pillow = self._name == "TIFF" and tags.get(_ORIENTATION) in _SWAPS_SIDES
            seen = stretched((width, height), self._stretch)
            if region is not None:
                seen = self._seen_of(region)
            self.cost, self.shape = cost(*seen, spec), self._shape(seen)
            self.quick = self._name == "JPEG" and scans * width * height <= QUICK_PIXELS and region is None

    def decode(self) -> Prepared:
        """Decodes the picture directly to its working size and pads it to its bucket; to be called once. Raises as
        opening it does."""
        if self._region is not None:
            pixels, stretch = self._upright_pixels()
            return prepare_pixels(pixels, self._spec, self._region, stretch)
        image, size = self._image, self._image.size
        working = self._working(size, self._stretch)
        with self._blaming(), image:
            box = None
            if self._name == "JPEG" and (drafted := image.draft(None, working)) is not None:
                box = drafted[1]
            orientation = self._load(image)
            if self._name == "TIFF":
                size = image.size
                working = self._working(size, self._loaded_stretch())
            small = _upright(to_rgb(image, working, box), orientation)
            return pad(small, _swapped(size, orientation), self._spec)

    def whole(self) -> Image.Image:
        """The picture upright, RGB, at its own size, instead of `decode`."""
        return Image.fromarray(self._upright_pixels()[0])

    def _upright_pixels(self) -> tuple[Pixels, Stretch]:
        with self._blaming(), self._image as image:
            orientation = self._load(image)
            pixels = np.ascontiguousarray(_upright(to_rgb(image, image.size), orientation))
            x, y = self._loaded_stretch()
            return pixels, (y, x) if orientation in _SWAPS_SIDES else (x, y)

    def _load(self, image: ImageFile.ImageFile) -> int:
        """Decodes the pixels; returns the orientation that is still to be undone."""
        image.load()  # Pillow turns a TIFF upright here
        return _orientation(self._name, image) if self._name in _UPRIGHT_LATE else self._orientation

    def _loaded_stretch(self) -> Stretch:
        """The stretch of the picture as Pillow loaded it."""
        x, y = self._stretch
        return (y, x) if self._turned_by_pillow else (x, y)

    def _working(self, size: Size, stretch: Stretch) -> Size:
        return working_size(*stretched(size, stretch), self._spec)

    def _seen_of(self, region: Region) -> Size:
        """The size of the region in pixels; an upper bound where the orientation is only known after decoding."""
        size = _swapped(self._image.size, self._orientation)
        stretch = _swapped(self._stretch, self._orientation)
        if self._name in _UPRIGHT_LATE and self._orientation == 1:
            size, stretch = (max(size), max(size)), (max(stretch), max(stretch))
            if not region.meets(size):  # the true size is only known after decoding
                return 1, 1
        shown = region.within(size)
        return stretched((shown.width, shown.height), stretch)

    def _shape(self, seen: Size) -> tuple[int, int]:
        turned = self._region is None and self._orientation in _SWAPS_SIDES
        width, height = working_size(*seen, self._spec)
        return bucket(*((height, width) if turned else (width, height)), self._spec)

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
            # Decoders raise all kinds of exceptions on hostile bytes: struct.error, KeyError, zlib.error, SyntaxError
            # ...
            raise BrokenPictureError(f"the {self._name} data does not decode") from error


def _open(name: str, data: bytes) -> ImageFile.ImageFile:
    if name == "PNM":
        return PnmFile(data, io.BytesIO())
    if name == "HEIF":  # imported late: an extra that is rarely installed
        from pi_heif import HeifImageFile

        return HeifImageFile(io.BytesIO(data))  # type: ignore[no-any-return]
    return Image.open(io.BytesIO(data), formats=(name,))


def _check(name: str, image: ImageFile.ImageFile, limits: PictureLimits) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise BrokenPictureError("the picture has no pixels")
    if width * height > limits.pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels are more than {limits.pixels}")
    if max(width, height) > limits.side:
        raise TooManyPixelsError(f"a side of {max(width, height)} pixels is longer than {limits.side}")
    frames = 1 if name in _FIRST_ONLY else getattr(image, "n_frames", 1)
    if frames > limits.frames:
        raise TooManyPixelsError(f"{frames} frames are more than {limits.frames}")

    if name == "BMP" and image.info.get("compression") in _RUN_LENGTHS and width * height > _RUN_LENGTH_PIXELS:
        raise TooManyPixelsError(f"a BMP of runs may have {_RUN_LENGTH_PIXELS} pixels, not {width} x {height}")
    if name == "TIFF":  # a tile is decoded as a whole, even if little of it lies within the picture
        tags = image.tag_v2  # type: ignore[attr-defined]
        tile = int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_HEIGHT, 0))
        if tile > limits.pixels:
            raise TooManyPixelsError(f"a tile of {tile} pixels has more than {limits.pixels}")


def _count_parts(name: str, data: bytes) -> int:
    """Rejects a file with too many parts; returns the number of its scans."""
    if name == "JPEG":
        return count_scans(data)
    if name == "PNG":
        check_chunks(data)
    elif name == "TIFF":
        check_directory(data)
    elif name == "GIF":
        check_blocks(data)
    return 1


def _orientation(name: str, image: ImageFile.ImageFile) -> int:
    """EXIF orientation still to be undone, 1..8; 1 when absent, damaged or not yet known."""
    # Reading EXIF data after a PNG's pixels would decode the pixels.
    if name in ("TIFF", "PNM") or (name == "PNG" and "exif" not in image.info):
        return 1
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1  # damaged metadata does not make a picture unreadable


def _stretch(image: ImageFile.ImageFile) -> Stretch:
    """The stretch that makes the pixels square, from the picture's resolution, e.g. for a fax with 204 x 98 dots per
    inch."""
    info = image.info
    if (density := info.get("dpi") or info.get("aspect") or info.get("resolution") or info.get("jfif_density")) is None:
        return SQUARE
    try:
        across, down = (float(value) for value in density)
        if not 1e-3 < min(across, down) <= max(across, down) < 1e7:
            return SQUARE
    except Exception:
        return SQUARE  # damaged metadata does not make a picture unreadable
    ratio = across / down
    if not _UNEVEN <= max(ratio, 1 / ratio) <= _ABSURD:
        return SQUARE
    return (1.0, ratio) if ratio > 1 else (1 / ratio, 1.0)


def _swapped(pair: tuple[T, T], orientation: int) -> tuple[T, T]:
    return (pair[1], pair[0]) if orientation in _SWAPS_SIDES else pair


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    turned = _UPRIGHT.get(orientation)
    return pixels if turned is None else turned(pixels)
