import io
import struct

import numpy as np
import pytest
from PIL import Image

from spotter.reading.errors import (
    BrokenPictureError,
    TooManyPixelsError,
    UnsupportedPictureError,
)
from spotter.reading.imaging import PictureLimits
from spotter.reading.pages import Document, FilePage, has_pages, pages
from spotter.registry.manifest import InputSpec
from tests.reading.documents import HELLO, pdf, tiff

SPEC = InputSpec(max_side=64, target_side=64)
LIMITS = PictureLimits(pixels=100_000, frames=5)


def encoded(form: str, colours: list[tuple[int, int, int]], size: tuple[int, int] = (60, 40)) -> bytes:
    first, *rest = [Image.new("RGB", size, colour) for colour in colours]
    buffer = io.BytesIO()
    first.save(buffer, form, **({"save_all": True, "append_images": rest} if rest else {}))
    return buffer.getvalue()


def colour(page: FilePage) -> list[int]:
    prepared = page.prepare(SPEC)
    width, height = prepared.working
    mean = prepared.padded[:height, :width].reshape(-1, 3).mean(0)
    return [round(float(value)) for value in mean]


@pytest.mark.parametrize("form", ["TIFF", "PDF"])
def test_every_page_is_given_in_order(form: str) -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    found = list(pages(encoded(form, colours), LIMITS))
    assert [page.number for page in found] == [0, 1, 2]
    for page, expected in zip(found, colours, strict=True):
        np.testing.assert_allclose(colour(page), expected, atol=4)
        assert colour(page) == colour(page)  # as often as it is asked


def test_a_picture_is_one_page() -> None:
    (page,) = pages(encoded("PNG", [(9, 8, 7)]), LIMITS)
    assert colour(page) == [9, 8, 7]


def test_a_pdf_is_drawn_large_enough_for_small_print() -> None:
    (page,) = pages(encoded("PDF", [(9, 8, 7)]), LIMITS)
    assert max(page.prepare(SPEC).upload) == 2272


@pytest.mark.parametrize("form", ["TIFF", "PDF"])
def test_too_many_pages_are_refused(form: str) -> None:
    with pytest.raises(TooManyPixelsError, match="6"):
        list(pages(encoded(form, [(1, 2, 3)] * 6), LIMITS))


@pytest.mark.parametrize("data", [b"%PDF-1.7 nothing", b"II*\x00" + b"\xff" * 40, b"", b"plain text"])
def test_files_without_pages_are_problems(data: bytes) -> None:
    with pytest.raises((BrokenPictureError, UnsupportedPictureError)):
        [page.prepare(SPEC) for page in pages(data, LIMITS)]


def test_one_bad_frame_is_one_problem() -> None:
    data = encoded("TIFF", [(1, 2, 3), (4, 5, 6)], size=(400, 300))
    found = list(pages(data, PictureLimits(pixels=1000)))
    for page in found:
        with pytest.raises(TooManyPixelsError):
            page.prepare(SPEC)
    assert len(found) == 2


def test_thumbnails_and_masks_are_no_pages() -> None:
    data = bytearray(tiff([(200, 0, 0), (0, 200, 0), (0, 0, 200)]))
    with Document(bytes(data), LIMITS) as document:
        second = document._directories[1]
    # Pillow writes no NewSubfileType: the first tag of the second page becomes one.
    data[second + 2 : second + 14] = struct.pack("<HHII", 254, 4, 1, 1)
    found = list(pages(bytes(data), LIMITS))
    assert [colour(page) for page in found] == [[200, 0, 0], [0, 0, 200]]


def test_a_chain_of_pages_that_runs_in_a_ring_ends() -> None:
    ring = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HI", 0, 14) + struct.pack("<HI", 0, 8)
    with Document(ring, LIMITS) as document:
        assert document.count == 2


def test_what_has_pages_is_known_quickly() -> None:
    assert has_pages(tiff([(1, 2, 3)] * 2))
    assert has_pages(b"%PDF-1.4")
    assert not has_pages(tiff([(1, 2, 3)]))
    assert not has_pages(b"II*\0")
    assert not has_pages(encoded("PNG", [(1, 2, 3)]))
    assert not has_pages(b"")


def test_only_a_pdf_carries_text() -> None:
    with Document(pdf([HELLO, b""]), LIMITS) as document:
        assert document.carries_text
        size, words = document.page(0).text(False) or ((0, 0), [])
        assert (max(size), [text for text, _ in words]) == (2272, ["Hello", "World"])
        assert document.page(1).text(False) is None
        assert document.page(1).text(True) == ((1756, 2272), [])
    with Document(tiff([(1, 2, 3)] * 2), LIMITS) as document:
        assert not document.carries_text
        assert document.page(1).text(False) is None
