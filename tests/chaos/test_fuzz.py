"""Hostile bytes that learn: a mutation that reaches new lines of a decoder is kept and mutated further."""

import hashlib
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import PIL
import pytest

from spotter.reading import imaging
from spotter.reading.errors import BrokenPictureError, TooManyPixelsError, UnsupportedPictureError
from spotter.reading.imaging import PictureLimits
from spotter.registry.manifest import InputSpec
from spotter.service.errors import BadRequestError, TooManyBytesError
from spotter.service.http import uploads
from spotter.service.http.uploads import MultipartBody
from tests.lengths import LONG
from tests.reading.corpus import FORMATS, bit_flips, encode, lying_headers, noise

SECONDS = 240.0 if LONG else 4.0
SLOWEST = 2.0
"""CPU seconds that a few kilobytes may cost."""
SPEC, LIMITS = InputSpec(max_side=640, target_side=128), PictureLimits(pixels=1_000_000, side=4096, frames=10)
WATCHED = tuple(str(Path(module.__file__ or "").parent) for module in (PIL, imaging, uploads))
Line = tuple[str, int, int]


def traced(work: Callable[[], None]) -> set[Line]:
    """The pairs of consecutive lines that it ran of Pillow's and our own code."""
    seen: set[Line] = set()
    last = 0

    def local(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal last
        if event == "line":
            seen.add((frame.f_code.co_filename, last, frame.f_lineno))
            last = frame.f_lineno
        return local

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        return local if frame.f_code.co_filename.startswith(WATCHED) else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        work()
    finally:
        sys.settrace(before)
    return seen


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A few small changes of the kinds that parsers trip over."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        place = rng.randrange(len(changed)) if changed else 0
        match rng.randrange(7):
            case 0 if changed:
                changed[place] ^= 1 << rng.randrange(8)
            case 1 if changed:
                changed[place] = rng.choice([0, 1, 127, 128, 255])
            case 2:
                changed[place : place + 4] = rng.choice(
                    [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1"]
                )
            case 3:
                del changed[place : place + rng.randrange(1, 40)]
            case 4:
                changed[place:place] = changed[place : place + rng.randrange(1, 40)]
            case 5:
                changed[place:place] = rng.randbytes(rng.randrange(1, 9))
            case _:
                other = rng.randrange(len(changed)) if changed else 0
                changed[place : place + 8] = changed[other : other + 8]
    return bytes(changed)


def fuzz(seeds: list[bytes], work: Callable[[bytes], None], seconds: float, seed: int) -> tuple[int, int, int]:
    """Runs `work` on mutations until the time is over; returns runs, inputs kept, and pairs of lines reached."""
    rng, reached, kept, runs = random.Random(seed), set[Line](), list[bytes](), 0
    queue = list(seeds)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        data = queue.pop() if queue else mutated(rng.choice(kept or seeds), rng)
        began = time.thread_time()
        try:
            new = traced(lambda data=data: work(data)) - reached  # type: ignore[misc]
        except Exception:
            Path(f"fuzz-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)
            raise
        assert time.thread_time() - began < SLOWEST, data.hex()
        runs += 1
        if new:
            reached |= new
            kept.append(data)
    return runs, len(kept), len(reached)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damage that it survives
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_pictures_are_read_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seeds = [encode(noise(), form, **options) for form, options in FORMATS.items()]
    seeds += [data for _, data in lying_headers() if len(data) < 10_000]
    seeds += [data for _, data in bit_flips()][::15]

    def work(data: bytes) -> None:
        try:
            prepared = imaging.prepare(data, SPEC, LIMITS)
        except (BrokenPictureError, TooManyPixelsError, UnsupportedPictureError):
            return
        assert prepared.padded.shape[2] == 3
        assert max(prepared.working) <= SPEC.max_side

    runs, kept, reached = fuzz(seeds, work, SECONDS, seed=1)
    print(f"\n{runs} pictures, {kept} kept, {reached} pairs of lines")
    assert kept > 20, "the coverage guides nothing"


def test_multipart_bodies_are_read_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    head = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a"\r\nContent-Type: image/png\r\n\r\n'
    seeds = [
        head + b"abc\r\n--x--\r\n",
        head + b"abc\r\n" + head + b"\r\n--x--\r\n",
        b"--x--\r\n",
        b"--x\r\n\r\n\r\n--x--",
    ]

    def work(data: bytes) -> None:
        try:
            body = MultipartBody(b"x", 3)
            for start in range(0, len(data), 50):
                body.feed(data[start : start + 50])
            assert 1 <= len(body.close()) <= 3
        except (BadRequestError, TooManyBytesError):
            return

    runs, kept, reached = fuzz(seeds, work, SECONDS / 2, seed=2)
    print(f"\n{runs} bodies, {kept} kept, {reached} pairs of lines")
    assert kept > 3
