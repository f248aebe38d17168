"""Kinds of file that a process of its own decodes."""

import base64
import io
import struct
import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spotter.reading import kinds
from spotter.reading.errors import BrokenPictureError, TooManyPixelsError, UnsupportedPictureError
from spotter.reading.imaging import PictureLimits, Region, decode, open_picture, prepare
from spotter.reading.isolated import IsolatedProcess
from spotter.registry.manifest import InputSpec
from tests.reading.corpus import HEIC
from tests.reading.documents import endless
from tests.reading.test_imaging import SAME, encode, gradient

LIMITS = PictureLimits(pixels=1_000_000)


@pytest.mark.parametrize(("form", "options"), [("JPEG2000", {}), ("AVIF", {"quality": 90})])
def test_they_are_read_as_others_are(form: str, options: dict[str, Any]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6 if form == "AVIF" else 1
    stored = np.ascontiguousarray(np.rot90(gradient())) if form == "AVIF" else gradient()
    data = encode(Image.fromarray(stored), form, **options, **({"exif": exif} if form == "AVIF" else {}))
    opened = open_picture(data, SAME, LIMITS, Region(10, 20, 30, 90))
    prepared = opened.decode()
    assert (prepared.upload, prepared.working, opened.cost) == ((64, 48), (30, 28), 32 * 32)
    assert np.abs(prepared.padded[:28, :30].astype(int) - gradient()[20:48, 10:40]).max() < 12
    assert np.abs(np.asarray(decode(data, LIMITS)).astype(int) - gradient()).max() < 12


def test_heic_is_read_where_the_extra_is_installed() -> None:
    pytest.importorskip("pi_heif")
    seen = prepare(base64.b64decode(HEIC), SAME, LIMITS)
    assert np.abs(seen.padded[:48, :64].astype(int) - gradient()).max() < 16


def test_without_the_extra_the_refusal_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds._PRESENT, "HEIF", False)
    with pytest.raises(UnsupportedPictureError, match=r"spotter-ocr\[heic\]"):
        prepare(base64.b64decode(HEIC), SAME, LIMITS)
    assert "HEIC" not in kinds.names()


def test_headers_are_judged_before_anything_is_decoded() -> None:
    for form in ("JPEG2000", "AVIF"):
        data = encode(Image.new("L", (1200, 1000)).convert("RGB"), form)
        with pytest.raises(TooManyPixelsError, match="1200 x 1000"):
            open_picture(data, InputSpec(), LIMITS)


def test_a_header_that_lies_takes_no_more_than_a_process_may_take() -> None:
    data = encode(Image.new("RGB", (1500, 1500)), "AVIF", speed=10, quality=1)
    place = data.index(b"ispe") + 8
    lying = data[:place] + struct.pack(">II", 8, 8) + data[place + 8 :]
    with IsolatedProcess(lying, LIMITS) as isolated:
        assert isolated.ask("open", spec=SPEC, region=None)[0]["cost"] == 32 * 32
    with IsolatedProcess(lying, LIMITS) as isolated:
        assert isolated._first is not None
        isolated._first[0]["memory"] = 50 << 20  # less than the process has by then, so what it opens fits or does not
        with pytest.raises(BrokenPictureError):  # noqa: PT012
            isolated.ask("open", spec=SPEC, region=None)
            isolated.ask("decode")


def test_one_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with IsolatedProcess(encode(Image.fromarray(gradient()), "JPEG2000"), LIMITS) as isolated:
        process = isolated.__dict__["_process"]
        with pytest.raises(BrokenPictureError, match="not decoded within"):
            isolated.ask("open", 0.0, spec=SPEC, region=None)
        assert process.returncode is not None
        with pytest.raises(BrokenPictureError):
            isolated.ask("decode")


def test_a_page_without_end_is_ended_by_the_clock_and_by_who_closes_it() -> None:
    for close in (False, True):
        with IsolatedProcess(endless(), LIMITS) as isolated:
            assert isolated.ask("pages")[0]["count"] == 1
            timer = threading.Timer(0.2, isolated.close)
            if close:
                timer.start()
            with pytest.raises(BrokenPictureError):
                isolated.ask("draw", 10.0 if close else 0.5, number=0, side=200)
            timer.cancel()


def test_a_process_that_dies_is_the_files_fault() -> None:
    with IsolatedProcess(encode(Image.fromarray(gradient()), "JPEG2000"), LIMITS) as isolated:
        isolated.ask("open", spec=SPEC, region=None)
        isolated.__dict__["_process"].kill()
        with pytest.raises(BrokenPictureError):
            isolated.ask("decode")


SPEC = {"stride": 32, "max_side": 64, "target_side": 8, "max_upscale": 1.0, "min_side": 32, "bucket_steps": [[960, 32]]}


def test_damage_is_reported() -> None:
    whole = encode(Image.fromarray(gradient()), "JPEG2000")
    for data in (whole[:30], b"\xff\x4f\xff\x51" + io.BytesIO(bytes(80)).read()):
        with pytest.raises(BrokenPictureError):
            prepare(data, SAME, LIMITS)
