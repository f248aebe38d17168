"""Samples frames of a video or stream, which OpenCV's FFmpeg decodes."""

import contextlib
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.reading.errors import TooManyPixelsError
from spotter.reading.imaging import PictureLimits
from spotter.video.errors import (
    BrokenVideoError,
    EmptyVideoError,
    EndlessVideoError,
    StalledStreamError,
    TruncatedVideoError,
)

STDIN = "-"
MOST_FRAMES = 50_000
"""The number of sampled frames after which a video that is not live counts as endless: seven hours at two frames per
second."""
_OPEN_SECONDS, _READ_SECONDS = 15.0, 30.0
"""The seconds without data after which opening or reading a stream is given up."""
_LOOK_SECONDS = 0.1
"""The seconds between two checks of a waiting thread whether it is still needed."""
_USUAL_RATE = 25.0
"""Frames per second assumed for a video whose header does not say."""
_WHOLE = 0.95
"""A video counts as complete where the decoded part is at least this share of the length in its header, less one frame:
headers are rounded, and many give an average frame rate."""


class Frame(NamedTuple):
    """time: seconds from the first frame; for a live stream, by the time of arrival. pixels: uint8 [H, W, 3] RGB."""

    time: float
    pixels: NDArray[np.uint8]


class Video:
    """An opened video. size: (width, height) in pixels, from its header. duration: seconds, None where the header does
    not say."""

    def __init__(self, source: str, limits: PictureLimits | None = None) -> None:
        """source: a file, a URL that FFmpeg reads (http, https, rtsp, rtmp, udp, srt), or `-` for standard input.

        Raises BrokenVideoError, EmptyVideoError or TooManyPixelsError.
        """
        self._limits = limits or PictureLimits()
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # its messages would be mixed with the output
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        timeouts = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(1000 * _OPEN_SECONDS)),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * _READ_SECONDS)),
        ]
        self._capture = cv2.VideoCapture(_address(source), cv2.CAP_FFMPEG, timeouts)
        if not self._capture.isOpened():
            raise BrokenVideoError(f"FFmpeg finds no video in {_named(source)}")
        self._in_use = threading.Lock()
        self.size = (self._whole(cv2.CAP_PROP_FRAME_WIDTH), self._whole(cv2.CAP_PROP_FRAME_HEIGHT))
        self._check(*self.size)
        count, rate = (self._capture.get(each) for each in (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS))
        self._frame_seconds = 1 / rate if rate > 0 else 1 / _USUAL_RATE
        self.duration = count / rate if count > 0 and rate > 0 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._in_use.acquire(blocking=False):  # else a thread still waits in it for a frame, until the process ends
            self._capture.release()

    def step(self, every: float) -> float:
        """Seconds between sampled frames, where one frame in `every` seconds is sampled."""
        return max(every, self._frame_seconds)

    def frames(
        self,
        every: float,
        seconds: float | None = None,
        most: int | None = MOST_FRAMES,
        clock: Callable[[], float] | None = None,
    ) -> Iterator[Frame]:
        """The first frame and then one in `every` seconds (0: each). seconds: the length of the video to read, None for
        all. most: the most frames to sample, None for any number. clock: gives the time of frames in seconds, instead
        of the video itself.

        Raises EmptyVideoError, TooManyPixelsError, TruncatedVideoError, EndlessVideoError or StalledStreamError, the
        last three after yielding the frames before.
        """
        due, now, sampled, first = 0.0, 0.0, 0, None
        while self._grab(now, first is None):
            at = clock() if clock else self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            first = at if first is None else first
            now = max(now, at - first)  # times may decrease in a damaged video
            if seconds is not None and now >= seconds:
                return
            if now + 1e-6 < due:
                continue
            if sampled == most:
                raise EndlessVideoError(f"it goes on after {most} sampled frames, {now:.1f} s")
            due = (math.floor(now / every + 1e-6) + 1) * every if every else 0.0
            found, pixels = self._capture.retrieve()
            if found:
                sampled += 1
                height, width, _ = pixels.shape
                self._check(width, height)
                yield Frame(round(now, 3), cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
        if not sampled:
            raise EmptyVideoError("its header is right, but no frame decodes")
        reached = now + self._frame_seconds
        if self.duration is not None and clock is None and reached < _WHOLE * self.duration - self._frame_seconds:
            raise TruncatedVideoError(f"it decodes for {reached:.1f} of the {self.duration:.1f} s that its header says")

    def _grab(self, now: float, first: bool) -> bool:
        began = time.monotonic()
        with self._in_use:
            found = self._capture.grab()
        if found:
            return True
        if not first and time.monotonic() - began >= _READ_SECONDS:
            raise StalledStreamError(f"nothing came for {_READ_SECONDS:.0f} s after {now:.1f} s")
        return False

    def _check(self, width: int, height: int) -> None:
        limits = self._limits
        if width * height > limits.pixels or max(width, height) > limits.side:
            raise TooManyPixelsError(
                f"frames have {width} x {height} pixels; the limits are {limits.pixels} in all and {limits.side} a side"
            )

    def _whole(self, name: int) -> int:
        return max(0, int(self._capture.get(name)))


def in_background(frames: Iterator[Frame], newest: bool) -> Generator[Frame, None, None]:
    """The frames, decoded one ahead by a thread. newest: a frame that was not taken when the next one arrives is
    dropped, so that a slow reader keeps up with a stream. Raises what the frames raise."""
    waiting: queue.Queue[Frame | Exception | None] = queue.Queue(1)
    left = threading.Event()

    def put(item: Frame | Exception | None, drop: bool) -> None:
        while not left.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put(item, timeout=0 if drop else _LOOK_SECONDS)
                return
            if drop:
                with contextlib.suppress(queue.Empty):
                    waiting.get_nowait()

    def decode() -> None:
        try:
            for frame in frames:
                put(frame, newest)
                if left.is_set():
                    return
            put(None, False)
        except Exception as error:  # raised where the frames are taken
            put(error, False)

    thread = threading.Thread(target=decode, daemon=True, name="video")
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        left.set()
        thread.join(2 * _LOOK_SECONDS)  # not longer: it may be waiting for a sender that sends nothing


def _address(source: str) -> str:
    """The address that FFmpeg opens. Raises EmptyVideoError or BrokenVideoError."""
    if source == STDIN:
        return "pipe:0"
    if "://" in source:
        return source
    path = Path(source)
    try:
        if path.is_file() and not path.stat().st_size:
            raise EmptyVideoError("the file is empty")
        path.open("rb").close()
    except OSError as error:
        raise BrokenVideoError(f"the file cannot be read: {error.strerror}") from None
    return f"file:{path}"  # so that a colon in the name is not taken for a protocol


def _named(source: str) -> str:
    return "standard input" if source == STDIN else "the stream" if "://" in source else "the file"
