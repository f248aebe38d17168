import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from spotter.reading.errors import ProblemError, TooManyPixelsError
from spotter.reading.imaging import PictureLimits
from spotter.video import frames
from spotter.video.errors import (
    BrokenVideoError,
    EmptyVideoError,
    EndlessVideoError,
    StalledStreamError,
    TruncatedVideoError,
)
from spotter.video.frames import Frame, Video, in_background
from tests.video.clips import cut_off, headers, plain, write
from tests.video.streaming import camera


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty frames in three seconds, each brighter by eight."""
    path = tmp_path_factory.mktemp("clip") / "a:b %d.avi"  # neither a protocol nor a pattern of numbers
    return write(path, [plain((8 * number, 0, 0)) for number in range(30)])


def sampled(source: object, every: float = 0, seconds: float | None = None, most: int | None = 1000) -> list[Frame]:
    with Video(str(source)) as video:
        return list(video.frames(every, seconds, most))


def test_frames_are_sampled_by_time(clip: Path) -> None:
    with Video(str(clip)) as video:
        assert (video.size, video.duration, video.step(0), video.step(0.5)) == ((96, 64), 3.0, 0.1, 0.5)
        found = list(video.frames(0.5))
    assert [frame.time for frame in found] == [0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert [round(int(frame.pixels[32, 48, 0]) / 8) for frame in found] == [0, 5, 10, 15, 20, 25]
    assert found[1].pixels.shape == (64, 96, 3)
    assert found[1].pixels[..., 1:].max() < 8  # red is first
    assert len(sampled(clip)) == 30
    assert [frame.time for frame in sampled(clip, 0.25)] == [0, 0.3, 0.5, 0.8, 1.0, 1.3, 1.5, 1.8, 2.0, 2.3, 2.5, 2.8]
    assert [frame.time for frame in sampled(clip, 0.5, seconds=1.5)] == [0, 0.5, 1.0]


def test_the_clock_may_be_another(clip: Path) -> None:
    ticks = itertools.count(1000.0, 2.0)  # the frames come every two seconds
    with Video(str(clip)) as video:
        found = list(video.frames(5, 30, clock=lambda: next(ticks)))
    assert [frame.time for frame in found] == [0, 6, 10, 16, 20, 26]


def test_what_is_no_video_says_so(tmp_path: Path, clip: Path) -> None:
    whole = clip.read_bytes()
    for name, data, kind in (
        ("empty.mp4", b"", EmptyVideoError),
        ("text.mp4", b"no video\n" * 100, BrokenVideoError),
        ("header.avi", whole[:3000], BrokenVideoError),
        ("frameless.avi", headers(whole), EmptyVideoError),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(kind):
            sampled(tmp_path / name)
    with pytest.raises(BrokenVideoError, match="No such file"):
        sampled(tmp_path / "nothing.mp4")
    with pytest.raises(BrokenVideoError, match="Is a directory"):
        sampled(tmp_path)
    with pytest.raises(BrokenVideoError, match="no video in the stream"):
        sampled("http://127.0.0.1:1/closed")


def test_a_video_that_ends_early_gives_its_frames_first(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "cut.avi").write_bytes(cut_off(clip.read_bytes()))
    with Video(str(tmp_path / "cut.avi")) as video:
        found, problem = until_the_problem(video.frames(0))
    assert 10 <= len(found) <= 20
    assert isinstance(problem, TruncatedVideoError)
    assert problem.detail == f"it decodes for {len(found) / 10:.1f} of the 3.0 s that its header says"
    assert len(sampled(tmp_path / "cut.avi", seconds=0.2)) == 2  # nothing of what was asked for is missing


def test_a_video_that_does_not_end_is_stopped(clip: Path) -> None:
    with Video(str(clip)) as video:
        found, problem = until_the_problem(video.frames(0.2, most=5))
    assert [frame.time for frame in found] == [0, 0.2, 0.4, 0.6, 0.8]
    assert isinstance(problem, EndlessVideoError)
    assert len(sampled(clip, most=30)) == 30


@pytest.mark.parametrize("limits", [PictureLimits(pixels=96 * 64 - 1), PictureLimits(side=95)])
def test_large_frames_are_refused_before_they_are_decoded(clip: Path, limits: PictureLimits) -> None:
    with pytest.raises(TooManyPixelsError, match="96 x 64"):
        Video(str(clip), limits)


def test_a_stream_is_read_by_its_address() -> None:
    with camera([plain((40 * number, 0, 0)) for number in range(5)], 0.02) as address, Video(address) as video:
        assert video.duration is None
        assert [round(int(frame.pixels[32, 48, 0]) / 40) for frame in video.frames(0)] == [0, 1, 2, 3, 4]


def test_a_stream_that_stops_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_READ_SECONDS", 1.0)
    shown = [plain((40, 0, 0))] * 3
    with camera(shown, 0.02, silent=20) as address, Video(address) as video:
        found, problem = until_the_problem(video.frames(0))
    assert isinstance(problem, StalledStreamError)
    assert 1 <= len(found) <= 3


def test_a_thread_decodes_ahead_and_passes_errors_on() -> None:
    def source() -> Iterator[Frame]:
        yield from made(3)
        raise EndlessVideoError("on and on")

    found, problem = until_the_problem(in_background(source(), newest=False))
    assert [frame.time for frame in found] == [0, 1, 2]
    assert isinstance(problem, EndlessVideoError)


def test_a_slow_reader_of_a_live_stream_gets_the_newest_frame() -> None:
    taken = in_background(made(50, pause=0.01), newest=True)
    first = next(taken).time
    time.sleep(0.3)
    assert next(taken).time > first + 1  # the one after the first was dropped
    taken.close()


def test_a_reader_that_leaves_stops_the_thread() -> None:
    came: list[float] = []

    def endless() -> Iterator[Frame]:
        for frame in made(10_000):
            came.append(frame.time)
            yield frame

    taken = in_background(endless(), newest=False)
    next(taken)
    taken.close()
    until = time.monotonic() + 10
    while any(thread.name == "video" for thread in threading.enumerate()) and time.monotonic() < until:
        time.sleep(0.01)
    assert all(thread.name != "video" for thread in threading.enumerate())
    assert len(came) < 10


def made(count: int, pause: float = 0) -> Iterator[Frame]:
    for number in range(count):
        yield Frame(float(number), np.zeros((2, 2, 3), np.uint8))
        time.sleep(pause)


def until_the_problem(source: Iterator[Frame]) -> tuple[list[Frame], ProblemError]:
    found: list[Frame] = []
    with pytest.raises(ProblemError) as caught:
        found.extend(source)
    return found, caught.value
