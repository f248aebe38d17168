import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spotter.client.errors import SourceError
from spotter.client.sources import Source, body_of, picture_of
from tests.reading.tiny import picture

DATA = picture((1, 2, 3))


def opened(source: Source) -> Image.Image:
    return Image.open(io.BytesIO(body_of(source).content))


def test_files_and_bytes_are_sent_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(DATA)
    with file.open("rb") as stream:
        for source in (file, str(file), DATA, bytearray(DATA), memoryview(DATA), stream):
            assert body_of(source) == (DATA, "application/octet-stream")


def test_addresses_are_left_to_the_service() -> None:
    content, media_type = body_of("https://example.org/a.png")
    assert (json.loads(content), media_type) == ({"url": "https://example.org/a.png"}, "application/json")


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (4, 6, 4)])
def test_arrays_keep_every_pixel(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(np.asarray(opened(pixels)), pixels)
    np.testing.assert_array_equal(np.asarray(opened(pixels[::-1, ::2])), pixels[::-1, ::2])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "YCbCr", "HSV", "F"])
def test_pillow_images_of_every_mode_are_sent(mode: str) -> None:
    image = Image.new("RGB", (5, 4), (200, 30, 30)).convert("L" if mode in ("I;16", "F") else "RGB").convert(mode)
    sent = opened(image)
    assert sent.size == (5, 4)
    if mode in ("RGB", "RGBA", "CMYK"):
        assert sent.mode == mode
        assert sent.getpixel((0, 0)) == image.getpixel((0, 0))


def test_rotation_and_profile_go_along() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (9, 4)).save(buffer, "JPEG", exif=exif, icc_profile=b"profile")
    sent = opened(Image.open(buffer))
    assert sent.getexif()[0x0112] == 6
    assert sent.info["icc_profile"] == b"profile"
    assert picture_of(buffer.getvalue()).size == (4, 9)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Path("/nowhere/a.png"), "/nowhere/a.png cannot be read: No such file"),
        (np.zeros((4, 4, 3), np.float32), "must be uint8"),
        (np.zeros((4, 4, 2), np.uint8), "must be uint8"),
        (np.zeros((4,), np.uint8), "must be uint8"),
        (np.zeros((0, 4, 3), np.uint8), "no pixels"),
        (io.StringIO("text"), "'rb'"),
        (7, "int is no path"),
    ],
)
def test_what_is_no_picture_is_said_to_be_none(source: Source, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        body_of(source)


@pytest.mark.parametrize(
    ("source", "message"), [(b"%PDF-1.4", "page_picture"), ("https://example.org/a", "not fetched")]
)
def test_what_cannot_be_drawn_on_is_said(source: Source, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        picture_of(source)
