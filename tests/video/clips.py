"""Videos made here, of nothing but shapes and Pillow's own font."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
"""[H, W, 3] RGB."""

RATE = 10
SIGNS = (("Harbour", "Street"), ("Bakery", "1987"), ("Open", "until", "18:30"))


def write(path: Path, frames: Iterable[Pixels], rate: float = RATE) -> Path:
    """A video of Motion JPEG, which OpenCV writes without another package."""
    writer = None
    for pixels in frames:
        height, width, _ = pixels.shape
        if writer is None:
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (width, height))
        writer.write(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert writer is not None
    writer.release()
    return path


def headers(video: bytes) -> bytes:
    """What such a video has before its first frame."""
    return video[: video.index(b"\xff\xd8")]


def cut_off(video: bytes) -> bytes:
    """Such a video, without the second half of its frames."""
    return video[: (len(headers(video)) + len(video)) // 2]


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (96, 64)) -> Pixels:
    """A frame of one colour; size is (width, height)."""
    return np.full((size[1], size[0], 3), colour, np.uint8)


def street(count: int = 12, seed: int = 3) -> list[Pixels]:
    """Three signs that move apart before a shaking camera: in each frame one of them, in turn, is blurred beyond
    reading and the others a little."""
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        image = Image.new("RGB", (640, 360), (226, 222, 210))
        draw = ImageDraw.Draw(image)
        places = ((40 + 5 * number, 50), (400 - 4 * number, 150), (160, 250 + 2 * number))
        for place, words, size in zip(places, SIGNS, (34, 30, 28), strict=True):
            draw.text(place, " ".join(words), (30, 30, 50), ImageFont.load_default(size))
        pixels = np.asarray(image, np.float32).copy()
        for sign, (top, bottom) in enumerate(((0, 125), (125, 225), (225, 360))):
            length = 21 if number % len(SIGNS) == sign else int(rng.integers(3, 9))
            pixels[top:bottom] = cv2.filter2D(pixels[top:bottom], -1, shake(length, rng.uniform(0, np.pi)))
        frames.append(np.clip(pixels + rng.normal(0, 5, pixels.shape), 0, 255).astype(np.uint8))
    return frames


def shake(length: int, angle: float) -> NDArray[np.float32]:
    """[length, length]: what a straight movement of so many pixels during the exposure does to a point."""
    kernel = np.zeros((length, length), np.float32)
    for along in np.linspace(-(length - 1) / 2, (length - 1) / 2, 4 * length):
        row, column = (round((length - 1) / 2 + along * part) for part in (np.sin(angle), np.cos(angle)))
        kernel[row, column] = 1
    return np.asarray(kernel / kernel.sum(), np.float32)


def words() -> Sequence[str]:
    """What the street says."""
    return [word for sign in SIGNS for word in sign]
