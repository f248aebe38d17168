"""Hard negatives, which a detector may take for text: fences, grids, stripes, bricks, foliage."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
_Colour = tuple[int, int, int]


def _colour(rng: np.random.Generator, low: int = 0, high: int = 256) -> _Colour:
    grey = int(rng.integers(low, high))
    red, green, blue = np.clip(grey + rng.integers(-45, 46, 3), 0, 255).tolist()
    return red, green, blue


def _fence(picture: Picture, rng: np.random.Generator) -> None:
    """Posts with rails."""
    side = picture.shape[0]
    pitch, width = int(rng.integers(8, 40)), int(rng.integers(2, 7))
    colour = _colour(rng)
    top, bottom = sorted(rng.integers(0, side, 2).tolist())
    for x in range(int(rng.integers(pitch)), side, pitch):
        cv2.line(picture, (x, top), (x + int(rng.normal(0, 1)), bottom), colour, width, cv2.LINE_AA)
    for share in (0.15, 0.85):
        y = int(top + share * (bottom - top))
        cv2.line(picture, (0, y), (side, y), colour, width, cv2.LINE_AA)


def _grid(picture: Picture, rng: np.random.Generator) -> None:
    """A grid of lines, level or diagonal."""
    side = picture.shape[0]
    pitch, width, colour = int(rng.integers(7, 48)), int(rng.integers(1, 4)), _colour(rng)
    slope = 1 if rng.random() < 0.4 else 0
    for n in range(-side, 2 * side, pitch):
        cv2.line(picture, (n, 0), (n + slope * side, side), colour, width, cv2.LINE_AA)
        start, end = ((n, side), (n + side, 0)) if slope else ((0, n), (side, n))
        cv2.line(picture, start, end, colour, width, cv2.LINE_AA)


def _stripes(picture: Picture, rng: np.random.Generator) -> None:
    """Bars as of a crossing, a shutter or a bar code."""
    side = picture.shape[0]
    x, colour = 0, _colour(rng)
    steady = rng.random() < 0.6
    pitch = int(rng.integers(4, 30))
    top, bottom = sorted(rng.integers(0, side + 1, 2).tolist())
    while x < side:
        bar = pitch // 2 if steady else int(rng.integers(1, 7))
        picture[top:bottom, x : x + bar] = colour
        x += pitch if steady else bar + int(rng.integers(1, 7))
    if rng.random() < 0.5:
        picture[:] = picture.transpose(1, 0, 2).copy()


def _brick(picture: Picture, rng: np.random.Generator) -> None:
    """Rows of bricks with joints."""
    side = picture.shape[0]
    height, joint = int(rng.integers(8, 30)), int(rng.integers(1, 4))
    width, base = int(height * rng.uniform(1.5, 3)), np.array(_colour(rng, 60, 200))
    picture[:] = _colour(rng, 90, 230)
    for row, y in enumerate(range(0, side, height)):
        for x in range(-(row % 2) * width // 2, side, width):
            tone = np.clip(base + rng.integers(-18, 19), 0, 255).tolist()
            cv2.rectangle(picture, (x + joint, y + joint), (x + width - joint, y + height - joint), tone, -1)


def _foliage(picture: Picture, rng: np.random.Generator) -> None:
    """Leaves and twigs."""
    side = picture.shape[0]
    scale = rng.uniform(3, 14)
    tint = np.array([0.7, 1.0, 0.5]) if rng.random() < 0.7 else np.array([1.0, 0.8, 0.5])
    for _ in range(int(350 * min(1.0, 8 / scale))):
        x, y = rng.integers(0, side, 2).tolist()
        tone = np.clip(rng.uniform(20, 230) * tint, 0, 255).astype(int).tolist()
        length, breadth = int(scale * rng.uniform(0.5, 1.5)) + 1, int(scale * rng.uniform(0.2, 0.6)) + 1
        cv2.ellipse(picture, (x, y), (length, breadth), float(rng.uniform(0, 360)), 0, 360, tone, -1, cv2.LINE_AA)
        if rng.random() < 0.15:
            end = (x + int(rng.normal(0, 3 * scale)), y + int(rng.normal(0, 3 * scale)))
            cv2.line(picture, (x, y), end, tone, 1, cv2.LINE_AA)


def _strokes(picture: Picture, rng: np.random.Generator) -> None:
    """Rows of short strokes and rings of one size, similar to text: windows, railings, bolts."""
    side = picture.shape[0]
    for _ in range(int(rng.integers(4, 16))):
        height, colour = int(rng.integers(6, 30)), _colour(rng)
        x, y = int(rng.integers(0, side)), int(rng.integers(0, side))
        kind = int(rng.integers(3))
        for n in range(int(rng.integers(3, 14))):
            left = x + int(n * height * 0.8)
            if kind == 0:
                cv2.rectangle(picture, (left, y), (left + height // 2, y + height), colour, 1 + height // 12)
            elif kind == 1:
                cv2.line(picture, (left, y), (left + height // 3, y + height), colour, 1 + height // 10, cv2.LINE_AA)
            else:
                cv2.circle(picture, (left, y), height // 3, colour, -1, cv2.LINE_AA)


KINDS: dict[str, Callable[[Picture, np.random.Generator], None]] = {
    "fence": _fence,
    "grid": _grid,
    "stripes": _stripes,
    "brick": _brick,
    "foliage": _foliage,
    "strokes": _strokes,
}


def plain(rng: np.random.Generator, side: int) -> Picture:
    """uint8 [side, side, 3]: a smooth field of two or three colours with a little grain, as a wall or the sky."""
    corners = np.array([_colour(rng) for _ in range(9)], np.float32).reshape(3, 3, 3)
    corners = corners.mean((0, 1)) + (corners - corners.mean((0, 1))) * np.float32(rng.uniform(0.1, 1))
    field = cv2.resize(corners, (side, side), interpolation=cv2.INTER_CUBIC)
    grain = cv2.resize(rng.normal(0, rng.uniform(1, 14), (side // 2, side // 2)).astype(np.float32), (side, side))
    return np.asarray(np.clip(field + grain[..., None], 0, 255), np.uint8)


def hard_negative(rng: np.random.Generator, picture: Picture, kind: str | None = None) -> Picture:
    """A copy of a square uint8 [S, S, 3] picture with one of `KINDS` drawn into it, more or less faint and turned."""
    drawn = picture.copy()
    KINDS[str(rng.choice(list(KINDS))) if kind is None else kind](drawn, rng)
    strength = float(rng.uniform(0.4, 1.0))
    mixed = cv2.addWeighted(drawn, strength, picture, 1 - strength, 0)
    if rng.random() < 0.5:
        side = picture.shape[0]
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(-40, 40)), float(rng.uniform(1.0, 1.8)))
        mixed = cv2.warpAffine(mixed, turn, (side, side), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(mixed, np.uint8)
