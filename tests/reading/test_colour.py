import io
import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spotter.reading.colour import PROFILE_BYTES, to_rgb
from spotter.reading.imaging import PictureLimits, decode


def cmyk_profile(inks: dict[tuple[int, ...], tuple[int, int, int]]) -> bytes:
    """A profile by which those inks, each 0 or 1, look like that 8-bit Lab; all others are white (ICC.1, lut8)."""
    nodes = [inks.get(tuple(node >> shift & 1 for shift in (3, 2, 1, 0)), (255, 128, 128)) for node in range(16)]
    ramp = bytes(range(256))
    unit = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + unit + ramp * 4 + bytes(np.ravel(nodes).tolist()) + ramp * 3
    table += bytes(-len(table) % 4)
    names = [int.from_bytes(name) for name in (b"prtr", b"CMYK", b"Lab ")]
    head = struct.pack(">12I", 0, 0, 0x02400000, *names, 0, 0, 0, int.from_bytes(b"acsp"), 0, 0)
    head += bytes(20) + struct.pack(">III", 63190, 65536, 54061) + bytes(48)
    body = struct.pack(">I4sII", 1, b"A2B0", 144, len(table)) + table
    whole = head + body
    return struct.pack(">I", len(whole)) + whole[4:]


RED = (136, 208, 195)
"""8-bit Lab of sRGB's red."""


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_is_seen_through_its_profile(form: str) -> None:
    buffer = io.BytesIO()
    profile = cmyk_profile({(1, 0, 0, 0): RED})
    assert len(profile) % 4 == 0
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(buffer, form, icc_profile=profile)
    seen = np.asarray(decode(buffer.getvalue(), PictureLimits()))
    np.testing.assert_allclose(seen[8, 8], (255, 0, 0), atol=12)


@pytest.mark.parametrize("profile", [b"no profile", b"\0" * (PROFILE_BYTES + 1), cmyk_profile({})[:200]])
def test_a_profile_that_is_none_does_no_harm(profile: bytes) -> None:
    image = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    image.info["icc_profile"] = profile
    assert to_rgb(image, (4, 4))[0, 0].tolist() == [255, 0, 0]


def lettering(colour: tuple[int, int, int], outline: tuple[int, int, int] | None = None) -> NDArray[np.uint8]:
    """Bars on a transparent background, RGB as read; an outline runs around each."""
    pixels = np.zeros((40, 60, 4), np.uint8)
    for left in (6, 26, 46):
        if outline is not None:
            pixels[6:34, left - 3 : left + 11] = (*outline, 255)
        pixels[10:30, left : left + 8] = (*colour, 255)
    return to_rgb(Image.fromarray(pixels), (60, 40))


@pytest.mark.parametrize(
    ("colour", "outline", "background"),
    [
        ((255, 255, 255), None, 0),
        ((0, 0, 0), None, 255),
        ((255, 255, 0), None, 0),
        ((255, 0, 0), None, 255),
        ((0, 0, 255), None, 255),
        ((255, 255, 255), (0, 0, 0), 255),
        ((0, 0, 0), (255, 255, 255), 0),
        ((128, 128, 128), None, 255),
    ],
)
def test_transparent_parts_become_what_lettering_stands_out_from(
    colour: tuple[int, int, int], outline: tuple[int, int, int] | None, background: int
) -> None:
    seen = lettering(colour, outline)
    assert seen[0, 0].tolist() == [background] * 3
    assert seen[20, 10].tolist() == list(colour)


def test_black_and_white_lettering_both_stand_out() -> None:
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[10:30, 6:12], pixels[10:30, 40:46] = (255, 255, 255, 255), (0, 0, 0, 255)
    assert 90 < to_rgb(Image.fromarray(pixels), (60, 40))[0, 0, 0] < 160


@pytest.mark.parametrize("mode", ["LA", "PA", "P"])
def test_white_lettering_without_colours_gets_a_dark_background_too(mode: str) -> None:
    image = Image.new("LA", (20, 20), (0, 0))
    image.paste((255, 255), (5, 5, 15, 15))
    if mode == "P":
        image = Image.new("P", (20, 20), 0)
        image.putpalette([0, 0, 0, 255, 255, 255])
        image.paste(1, (5, 5, 15, 15))
        image.info["transparency"] = 0
    elif mode == "PA":
        image = image.convert("RGBA").convert("PA")
    seen = to_rgb(image, (20, 20))
    assert (seen[0, 0, 0], seen[10, 10, 0]) == (0, 255)
