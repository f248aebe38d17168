import io

import numpy as np
import pytest
from PIL import Image

from spotter.reading.errors import BrokenPictureError, TooManyPixelsError
from spotter.reading.imaging import PictureLimits, decode

LIMITS = PictureLimits(pixels=1_000_000)


def read(data: bytes) -> list[object]:
    return np.asarray(decode(data, LIMITS)).tolist()  # type: ignore[no-any-return]


def test_plain_ones_are_read_with_comments_anywhere() -> None:
    black, white = [0] * 3, [255] * 3
    assert read(b"P1 3 2\n101 # half\n0 1\n0") == [[black, white, black], [white, black, white]]
    assert read(b"P2#a\n2 1 #b\n4\n#c\n 0 # d\n4\n") == [[black, white]]
    assert read(b"P3\n1 2\n1023\n0 512 1023\n1023 0 0\n") == [[[0, 128, 255]], [[255, 0, 0]]]


def test_raw_ones_are_read_at_every_depth() -> None:
    assert read(b"P4 9 1\n\x80\x80")[0] == [[0] * 3, *[[255] * 3] * 7, [0] * 3]
    assert read(b"P5 2 1 255\n\x07\xff") == [[[7] * 3, [255] * 3]]
    assert read(b"P5 2 1 15\n\x03\xff") == [[[51] * 3, [255] * 3]], "more than the most is the most"
    assert read(b"P5 1 1 65535\n" + (25_700).to_bytes(2)) == [[[100] * 3]]
    assert read(b"P6 1 1 1023\n" + b"".join(value.to_bytes(2) for value in (0, 512, 1023))) == [[[0, 128, 255]]]


def test_the_plain_and_the_raw_form_agree_with_pillow() -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (17, 13, 3), np.uint8))
    for mode in ("1", "L", "RGB"):
        raw = io.BytesIO()
        image.convert(mode).save(raw, "PPM")
        assert read(raw.getvalue()) == np.asarray(image.convert(mode).convert("RGB")).tolist()


@pytest.mark.parametrize(
    "data",
    [
        b"P5 2",
        b"P5 2 2 0\n1234",
        b"P5 2 2 65536\n" + bytes(8),
        b"P5 2 2 255",
        b"P5 2 2 255\n123",
        b"P6 2 2 1023\n" + bytes(23),
        b"P4 9 2\n123",
        b"P1 2 2\n1 0 1",
        b"P1 2 2\n1 0 1 2",
        b"P2 2 2 255\n1 2 3",
        b"P2 2 2 255\n1 2 3 -4",
        b"P2 2 2 255\n",
        b"P3 1 1 255\n1 2 x",
        b"P5 #" + b"c" * 100_000,
        b"P5 0 5 255\n",
    ],
)
def test_broken_ones_are_reported(data: bytes) -> None:
    with pytest.raises(BrokenPictureError):
        decode(data, LIMITS)


@pytest.mark.parametrize("data", [b"P5 99999 99999 255\n", b"P1 999999999 1\n", b"P6 1001 1000 255\n"])
def test_what_a_header_promises_is_limited(data: bytes) -> None:
    with pytest.raises(TooManyPixelsError):
        decode(data, LIMITS)
