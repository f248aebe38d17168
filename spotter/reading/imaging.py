"""From bytes to the graph's input: recognises the format, checks limits, decodes, turns upright, scales and pads.

Kinds of file whose decoders are large, or whose headers may contradict the data, are decoded in an isolated process.
"""

from PIL import Image

from spotter.reading.decoding import QUICK_PIXELS, OpenedPicture
from spotter.reading.errors import BrokenPictureError, UnsupportedPictureError
from spotter.reading.isolated import IsolatedPicture
from spotter.reading.kinds import sniff
from spotter.reading.prepared import PictureLimits, Prepared, Region, pad, prepare_pixels
from spotter.registry.manifest import InputSpec

__all__ = [
    "QUICK_PIXELS",
    "OpenedPicture",
    "PictureLimits",
    "Prepared",
    "Region",
    "decode",
    "open_picture",
    "pad",
    "prepare",
    "prepare_pixels",
]


def open_picture(
    data: bytes, spec: InputSpec, limits: PictureLimits, region: Region | None = None
) -> OpenedPicture | IsolatedPicture:
    """A picture whose header was read and is within the limits.

    Raises UnsupportedPictureError, TooManyPixelsError, BrokenPictureError or RegionOffPictureError.
    """
    if not data:
        raise BrokenPictureError("the upload is empty")
    kind = sniff(data)
    if kind.name == "PDF":
        raise UnsupportedPictureError("a PDF is no picture: it is read by its pages")
    return (IsolatedPicture if kind.isolated else OpenedPicture)(data, spec, limits, region)


def prepare(data: bytes, spec: InputSpec, limits: PictureLimits, region: Region | None = None) -> Prepared:
    """Decodes a picture straight to its working size and pads it to its bucket. Raises as `open_picture` does."""
    return open_picture(data, spec, limits, region).decode()


def decode(data: bytes, limits: PictureLimits) -> Image.Image:
    """The whole picture, upright, RGB, at its own size. Raises as `open_picture` does."""
    return open_picture(data, InputSpec(), limits).whole()
