import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from spotter.reading.errors import (
    BrokenPictureError,
    RegionOffPictureError,
    TooManyPixelsError,
    UnsupportedPictureError,
)
from spotter.reading.imaging import OpenedPicture, PictureLimits, Region, decode, prepare, prepare_pixels
from spotter.reading.kinds import sniff
from spotter.registry.manifest import InputSpec

SAME = InputSpec(max_side=2048, target_side=32, max_upscale=1.0)
"""Leaves the size of pictures up to 2048 alone."""
LIMITS = PictureLimits()


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def read(data: bytes, spec: InputSpec = SAME) -> NDArray[np.uint8]:
    """The real part of what the graph would see."""
    prepared = prepare(data, spec, LIMITS)
    width, height = prepared.working
    return prepared.padded[:height, :width]


def gradient(size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """Every pixel another colour; smooth, so that lossy formats keep it."""
    x, y = np.meshgrid(np.linspace(10, 240, size[0]), np.linspace(20, 220, size[1]))
    return np.stack([x, y, (x + y) / 2], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_are_read_exactly(form: str) -> None:
    np.testing.assert_array_equal(read(encode(Image.fromarray(gradient()), form)), gradient())


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_lossy_formats_are_read_nearly(form: str) -> None:
    data = encode(Image.fromarray(gradient()), form, quality=95)
    assert np.abs(read(data).astype(int) - gradient()).max() < 12


def test_only_the_first_page_or_frame_is_read() -> None:
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for form in ("TIFF", "PNG", "WEBP", "GIF"):
        data = encode(pages[0], form, save_all=True, append_images=pages[1:], lossless=True)
        assert read(data)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(form: str, orientation: int) -> None:
    upright = gradient((64, 32))
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if form in ("JPEG", "WEBP") else {}
    data = encode(Image.fromarray(np.ascontiguousarray(stored)), form, exif=exif, **options)
    prepared = prepare(data, SAME, LIMITS)
    assert prepared.upload == (64, 32)
    assert np.abs(read(data).astype(int) - upright).max() < 16
    assert decode(data, LIMITS).size == (64, 32)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_is_none_is_ignored(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert prepare(encode(Image.new("RGB", (20, 10)), "JPEG", exif=exif), SAME, LIMITS).upload == (20, 10)


@pytest.mark.parametrize(
    ("image", "form", "expected"),
    [
        (Image.new("1", (4, 4), 1), "PNG", (255, 255, 255)),
        (Image.new("1", (4, 4), 1), "TIFF", (255, 255, 255)),
        (Image.new("L", (4, 4), 77), "PNG", (77, 77, 77)),
        (Image.new("LA", (4, 4), (0, 0)), "PNG", (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (200, 0, 0, 255)), "PNG", (200, 0, 0)),
        (Image.new("LA", (4, 4), (40, 255)), "PNG", (40, 40, 40)),
        (Image.new("LA", (4, 4), (0, 51)), "PNG", (204, 204, 204)),
        (Image.new("LA", (4, 4), (255, 51)), "PNG", (51, 51, 51)),
        (Image.new("L", (4, 4), 77), "GIF", (77, 77, 77)),
        (Image.new("1", (4, 4), 0), "PPM", (0, 0, 0)),
        (Image.new("L", (4, 4), 77), "PPM", (77, 77, 77)),
        (Image.fromarray(np.full((4, 4), 257 * 100, np.uint16)), "PPM", (100, 100, 100)),
        (Image.new("RGBA", (4, 4), (200, 0, 0, 0)), "WEBP", (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (0, 0, 0, 51)), "PNG", (204, 204, 204)),
        (Image.new("RGB", (4, 4), (1, 2, 3)).quantize(4), "PNG", (1, 2, 3)),
        (Image.fromarray(np.full((4, 4), 257 * 100, np.uint16)), "PNG", (100, 100, 100)),
        (Image.fromarray(np.full((4, 4), 65535, np.uint16)), "TIFF", (255, 255, 255)),
        (Image.fromarray(np.full((4, 4), 25700, np.int32)), "TIFF", (100, 100, 100)),
        (Image.fromarray(np.full((4, 4), 0.5, np.float32)), "TIFF", (128, 128, 128)),
        (Image.fromarray(np.full((4, 4), 60.0, np.float32)), "TIFF", (60, 60, 60)),
        (Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF", (255, 0, 0)),
        (Image.new("LAB", (4, 4), (90, 0, 0)), "TIFF", (90, 90, 90)),
    ],
)
def test_every_mode_becomes_rgb(image: Image.Image, form: str, expected: tuple[int, int, int]) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    colour = read(encode(image, form, **options))[1, 1]
    np.testing.assert_allclose(colour, expected, atol=1)


def test_cmyk_and_grey_jpegs() -> None:
    cmyk = read(encode(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95))
    np.testing.assert_allclose(cmyk[8, 8], (254, 0, 0), atol=6)
    np.testing.assert_allclose(read(encode(Image.new("L", (16, 16), 99), "JPEG"))[8, 8], (99,) * 3, atol=2)


def test_palette_transparency_becomes_paper() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    assert read(encode(image, "PNG", transparency=0))[0, 0].tolist() == [255, 255, 255]


def test_wide_samples_are_scaled_by_their_range_not_clipped() -> None:
    ramp = np.linspace(-1000, 1000, 256, dtype=np.float32).reshape(16, 16)
    seen = read(encode(Image.fromarray(ramp), "TIFF"))[..., 0]
    assert (seen.min(), seen.max()) == (0, 255)
    ramp[3, 3], ramp[4, 4] = np.nan, np.inf
    assert read(encode(Image.fromarray(ramp), "TIFF")).shape == (16, 16, 3)


def test_a_large_jpeg_is_decoded_small_and_stays_in_place() -> None:
    spec = InputSpec(max_side=320, target_side=320)
    image = gradient((1999, 1333))
    prepared = prepare(encode(Image.fromarray(image), "JPEG", quality=95), spec, LIMITS)
    assert (prepared.working, prepared.upload) == ((320, 213), (1999, 1333))
    expected = np.asarray(Image.fromarray(image).resize((320, 213), Image.Resampling.BILINEAR))
    assert np.abs(prepared.padded[:213, :320].astype(int) - expected).max() < 8
    assert prepared.padded.shape == (224, 320, 3)
    assert not prepared.padded[213:].any()


def test_pixels_are_prepared_as_bytes_are() -> None:
    spec = InputSpec(max_side=64, target_side=64)
    image = gradient((200, 100))
    from_bytes = prepare(encode(Image.fromarray(image), "PNG"), spec, LIMITS)
    from_pixels = prepare_pixels(image, spec)
    np.testing.assert_array_equal(from_bytes.padded, from_pixels.padded)
    assert (from_bytes.working, from_bytes.upload) == (from_pixels.working, from_pixels.upload)


def test_small_pictures_grow() -> None:
    prepared = prepare(encode(Image.new("RGB", (1, 1), "red"), "PNG"), InputSpec(), LIMITS)
    assert prepared.working == (2, 2)
    assert prepared.padded.shape == (32, 32, 3)
    assert prepared.padded[1, 1].tolist() == [255, 0, 0]


@pytest.mark.parametrize("size", [(2000, 10), (10, 2000), (500, 500)])
def test_pixels_and_sides_are_limited_by_the_header(size: tuple[int, int]) -> None:
    data = encode(Image.new("L", size), "PNG")
    with pytest.raises(TooManyPixelsError):
        prepare(data[:60], SAME, PictureLimits(pixels=100_000, side=1000))


def test_frames_are_limited() -> None:
    frames = [Image.new("RGB", (8, 8), (40 * step, 0, 0)) for step in range(6)]
    data = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(TooManyPixelsError, match="6 frames"):
        prepare(data, SAME, PictureLimits(frames=5))


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "JPEG", "WEBP", "GIF", "PPM"])
def test_a_truncated_picture_is_broken(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = encode(Image.fromarray(noise), form)
    with pytest.raises(BrokenPictureError):
        prepare(data[: len(data) // 2], SAME, LIMITS)


def test_other_bytes_are_no_picture() -> None:
    for data in (b"GIF90a....", b"P8 1 1", b"\0\0\0\x20ftypmp42", b"RIFF\0\0\0\0WAVE", b"<svg/>", b"\0"):
        with pytest.raises(UnsupportedPictureError):
            sniff(data)
    with pytest.raises(BrokenPictureError, match="empty"):
        prepare(b"", SAME, LIMITS)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "JPEG", "WEBP", "GIF", "PPM"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_header_tells_what_reading_will_cost(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = encode(Image.new("RGB", (300, 90)), form, **({} if form in ("BMP", "GIF", "PPM") else {"exif": exif}))
    opened = OpenedPicture(data, SAME, LIMITS)
    prepared = opened.decode()
    height, width = prepared.shape
    assert (opened.cost, height * width) == (320 * 96, 320 * 96)
    assert prepared.padded.shape == (height, width, 3)
    if form in ("PNG", "TIFF"):
        assert opened.shape in ((height, width), (width, height))
    else:
        assert opened.shape == (height, width)


def test_a_header_is_read_without_its_pixels() -> None:
    data = encode(Image.new("RGB", (90, 60)), "PNG")
    opened = OpenedPicture(data[:60], SAME, LIMITS)
    assert opened.cost == 64 * 96
    with pytest.raises(BrokenPictureError):
        opened.decode()


def test_a_jpeg_is_quick_by_its_pixels_and_scans() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (500, 700, 3), np.uint8))
    sizes = [(700, 500), (2000, 1500), (2000, 1501)]
    assert [OpenedPicture(encode(noise.resize(size), "JPEG"), SAME, LIMITS).quick for size in sizes] == [
        True,
        True,
        False,
    ]
    assert not OpenedPicture(encode(noise, "JPEG", progressive=True), SAME, LIMITS).quick, "ten scans"
    assert not any(
        OpenedPicture(encode(noise, form), SAME, LIMITS).quick for form in ("PNG", "BMP", "TIFF", "WEBP", "GIF")
    )


@pytest.mark.parametrize("resolution", [(204, 98), (98, 204), (300, 300), (300, 1), (0, 98), (1000, 999)])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("form", ["TIFF", "JPEG", "PNG"])
def test_pixels_that_are_not_square_are_stretched(form: str, orientation: int, resolution: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options: dict[str, Any] = {"exif": exif, "dpi": resolution}
    stored = encode(Image.fromarray(gradient((100, 80))), form, **options)
    prepared = prepare(stored, SAME, LIMITS)
    across, down = resolution if resolution in ((204, 98), (98, 204)) else (1, 1)
    width, height = 100 * max(1.0, down / across), 80 * max(1.0, across / down)
    turned = orientation == 6
    assert prepared.upload == ((80, 100) if turned else (100, 80)), "polygons are in the upload's own pixels"
    np.testing.assert_allclose(prepared.working, (height, width) if turned else (width, height), atol=1)
    corner = np.array([[prepared.working]], np.float32)
    np.testing.assert_allclose(prepared.to_upload(corner)[0, 0], prepared.upload)


@pytest.mark.parametrize("form", ["TIFF", "JPEG", "PNG", "PPM"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_region_is_read_alone(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    turned = orientation == 6 and form != "PPM"
    upright = gradient((64, 48))
    stored = np.ascontiguousarray(np.rot90(upright)) if turned else upright
    options: dict[str, Any] = {} if form == "PPM" else {"exif": exif}
    data = encode(Image.fromarray(stored), form, **options, **({"quality": 95} if form == "JPEG" else {}))
    opened = OpenedPicture(data, SAME, LIMITS, Region(20, 30, 25, 100))
    prepared = opened.decode()
    assert (prepared.working, prepared.upload) == ((25, 18), (64, 48))
    assert opened.cost >= prepared.shape[0] * prepared.shape[1]
    assert not opened.quick
    width, height = prepared.working
    assert np.abs(prepared.padded[:height, :width].astype(int) - upright[30:48, 20:45]).max() < 16
    seen = prepared.to_upload(np.array([[[0, 0], [25, 18]]], np.float32))
    np.testing.assert_allclose(seen[0], [[20, 30], [45, 48]])


@pytest.mark.parametrize("region", [Region(64, 0, 9, 9), Region(-9, 0, 9, 9), Region(0, 48, 1, 1), Region(0, 0, 0, 5)])
def test_a_region_off_the_picture_is_reported(region: Region) -> None:
    for form in ("JPEG", "TIFF"):
        with pytest.raises(RegionOffPictureError, match="64 x 48"):
            prepare(encode(Image.fromarray(gradient()), form), SAME, LIMITS, region)
