"""The sources that can be sent: files, bytes, addresses, and pictures in memory."""

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, cast

from spotter.client.errors import MissingPackageError, SourceError

if TYPE_CHECKING:
    from PIL import Image


class Readable(Protocol):
    """A file that is open for reading bytes."""

    def read(self) -> bytes: ...


class Array(Protocol):
    """uint8 [H, W, 3] RGB, [H, W, 4] RGBA or [H, W] grey, from numpy or a library with its array interface."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | Readable | Array | Image.Image"
"""A path (str or Path), an address that begins with http:// or https:// (fetched by the service, where its operator
allows that), an encoded file's bytes, an open file, an array of pixels, or a Pillow image."""

_ADDRESS = ("http://", "https://")
_AS_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_QUICK = 1
"""zlib's fastest level: photographs gain little from higher ones."""


class Body(NamedTuple):
    """A request's body."""

    content: bytes
    media_type: str


def body_of(source: Source) -> Body:
    """The body that sends a source. Raises SourceError, and MissingPackageError where Pillow is needed and missing."""
    if isinstance(source, str) and source.startswith(_ADDRESS):
        return Body(json.dumps({"url": source}).encode(), "application/json")
    return Body(_bytes(source), "application/octet-stream")


def picture_of(source: Source) -> "Image.Image":
    """A copy of the picture, RGB, after its EXIF rotation. Raises SourceError and MissingPackageError."""
    if isinstance(source, str) and source.startswith(_ADDRESS):
        raise SourceError(f"{source} is not fetched here: give the file")
    pillow = _pillow("drawing")
    try:
        picture = pillow.open(io.BytesIO(_bytes(source)))
        return _upright(picture).convert("RGB")
    except (OSError, ValueError) as error:
        raise SourceError(
            f"Pillow does not open {_name(source)} ({error}); of a PDF's page draw on Client.page_picture's"
        ) from None


def _bytes(source: Source) -> bytes:
    match source:
        case bytes():
            return source
        case bytearray() | memoryview():
            return bytes(source)
        case str() | os.PathLike():
            try:
                return Path(source).read_bytes()
            except OSError as error:
                raise SourceError(f"{source} cannot be read: {error.strerror}") from None
    if hasattr(source, "getexif"):  # a Pillow image also has the array interface
        return _encoded(cast("Image.Image", source))
    if hasattr(source, "__array_interface__"):
        return _encoded(_from_array(cast(Array, source)))
    if hasattr(source, "read"):
        data = source.read()
        if isinstance(data, bytes):
            return data
        raise SourceError("the file is open as text: open it with mode 'rb'")
    raise SourceError(f"{type(source).__name__} is no path, bytes, open file, array or Pillow image")


def _from_array(array: Array) -> "Image.Image":
    about = array.__array_interface__
    shape = tuple(about["shape"])
    if about["typestr"] != "|u1" or len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (3, 4)):
        raise SourceError(
            f"an array of {about['typestr']} {list(shape)} is no picture: it must be uint8 [H, W, 3] RGB, "
            "[H, W, 4] RGBA or [H, W] grey"
        )
    if 0 in shape:
        raise SourceError(f"an array {list(shape)} has no pixels")
    return cast("Image.Image", _pillow("sending arrays").fromarray(array))


def _encoded(picture: "Image.Image") -> bytes:
    """Encodes a picture without loss, with its EXIF rotation and colour profile, which the service uses."""
    buffer = io.BytesIO()
    exif = picture.getexif()
    if picture.mode == "CMYK":
        picture.save(buffer, "TIFF", compression="tiff_deflate", exif=exif)
        return buffer.getvalue()
    shown = picture if picture.mode in _AS_PNG else picture.convert("RGB")
    shown.save(buffer, "PNG", compress_level=_QUICK, exif=exif)
    return buffer.getvalue()


def _pillow(purpose: str) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise MissingPackageError("pillow", purpose) from None
    return Image


def _upright(picture: "Image.Image") -> "Image.Image":
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture)


def _name(source: Source) -> str:
    return str(source) if isinstance(source, (str, os.PathLike)) else "the picture"
