"""A picture as the graph's input, and the limits of pictures."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spotter.reading import sizing
from spotter.reading.errors import RegionOffPictureError
from spotter.reading.scaling import Pixels, scaled
from spotter.reading.sizing import bucket, working_size
from spotter.registry.manifest import InputSpec

Size = tuple[int, int]
"""(width, height)."""
Stretch = tuple[float, float]
"""Factors for the sides of a picture that make its pixels square; one of them is 1."""
SQUARE: Stretch = (1.0, 1.0)


@dataclass(frozen=True)
class PictureLimits:
    """Limits of a picture, checked by its header: pixels in all, pixels of a side, frames."""

    pixels: int = 64_000_000
    side: int = 32_768
    frames: int = 1_000


@dataclass(frozen=True)
class Region:
    """A rectangle in the upload after its EXIF rotation, in pixels; left, top: of its first pixel."""

    left: int
    top: int
    width: int
    height: int

    def within(self, size: Size) -> "Region":
        """The part of the region that lies on a picture of this size. Raises RegionOffPictureError where there is
        none."""
        left, top, right, bottom = self._sides(size)
        if not self.meets(size):
            text = f"{self.left},{self.top},{self.width},{self.height}"
            raise RegionOffPictureError(f"the region {text} lies off the picture of {size[0]} x {size[1]} pixels")
        return Region(left, top, right - left, bottom - top)

    def meets(self, size: Size) -> bool:
        """Whether any part of the region lies on a picture of this size."""
        left, top, right, bottom = self._sides(size)
        return left < right and top < bottom

    def _sides(self, size: Size) -> tuple[int, int, int, int]:
        right, bottom = min(self.left + self.width, size[0]), min(self.top + self.height, size[1])
        return max(self.left, 0), max(self.top, 0), right, bottom

    def holds(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of the points [..., 2] lie in the region."""
        x, y = points[..., 0], points[..., 1]
        inside: NDArray[np.bool_] = (
            (x >= self.left) & (x < self.left + self.width) & (y >= self.top) & (y < self.top + self.height)
        )
        return inside


@dataclass(frozen=True)
class Prepared:
    """A picture as the graph's input.

    padded: uint8 [H, W, 3] RGB, zeros right and below. working: (width, height) of its real part. upload:
    (width, height) of the upload after its EXIF rotation. region: the part of the upload that the real part shows, None
    for the whole. turn: quarter turns anticlockwise by which it was turned for the graph, 0 to 3.
    """

    padded: Pixels
    working: Size
    upload: Size
    region: Region | None = None
    turn: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Padded (height, width)."""
        height, width, _ = self.padded.shape
        return height, width

    @property
    def cost(self) -> int:
        """Padded pixels."""
        height, width = self.shape
        return height * width

    @property
    def shown(self) -> Size:
        """(width, height) of the part that is shown, in pixels of the upload."""
        return self.upload if self.region is None else (self.region.width, self.region.height)

    def to_upload(self, polygons: NDArray[np.float32]) -> NDArray[np.float64]:
        """Polygons [N, P, 2] from padded-image pixels to upload pixels."""
        width, height = self.working
        for _ in range(self.turn):  # clockwise again: what was the top is the right side
            polygons = np.stack((height - polygons[..., 1], polygons[..., 0]), -1)
            width, height = height, width
        placed = sizing.to_upload(polygons, (width, height), self.shown)
        return placed if self.region is None else placed + np.array([self.region.left, self.region.top], np.float64)


def turned(prepared: Prepared, turn: int, spec: InputSpec) -> Prepared:
    """The picture turned anticlockwise by `turn` more quarter turns; spec: the one by which it was padded."""
    width, height = prepared.working
    pixels = np.rot90(prepared.padded[:height, :width], turn)
    fresh = pad(pixels, prepared.upload, spec, prepared.region)
    return replace(fresh, turn=(prepared.turn + turn) % 4)


def stretched(size: Size, stretch: Stretch) -> Size:
    """The size after making the pixels square."""
    return (round(size[0] * stretch[0]), round(size[1] * stretch[1])) if stretch != SQUARE else size


def prepare_pixels(image: Pixels, spec: InputSpec, region: Region | None = None, stretch: Stretch = SQUARE) -> Prepared:
    """Scales and pads a decoded picture, uint8 [H, W, 3] RGB, upright. Raises RegionOffPictureError."""
    height, width = image.shape[:2]
    upload = width, height
    if region is not None:
        region = region.within(upload)
        image = image[region.top : region.top + region.height, region.left : region.left + region.width]
        width, height = region.width, region.height
    size = working_size(*stretched((width, height), stretch), spec)
    small = image if size == (width, height) else scaled(Image.fromarray(np.ascontiguousarray(image)), size)
    return pad(small, upload, spec, region)


def pad(small: Pixels, upload: Size, spec: InputSpec, region: Region | None = None) -> Prepared:
    """Pads a picture of working size with zeros right and below to its bucket."""
    height, width = small.shape[:2]
    rows, columns = bucket(width, height, spec)
    if (rows, columns) == (height, width):
        return Prepared(np.ascontiguousarray(small), (width, height), upload, region)
    padded = np.zeros((rows, columns, 3), np.uint8)
    padded[:height, :width] = small
    return Prepared(padded, (width, height), upload, region)
