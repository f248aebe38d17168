"""Baselines of curved words, as tables of points and of the direction downwards from them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_STEPS = 129


@dataclass(frozen=True, eq=False)
class Path:
    """A baseline. way [K]: pixels along a strip of text, ascending. points [K, 2]: their positions in the plane. down
    [K, 2]: the vector of one pixel downwards from the baseline. straight: whether all letters have the same
    orientation."""

    way: Floats
    points: Floats
    down: Floats
    straight: bool = False

    @property
    def start(self) -> float:
        """The least position at which text may begin."""
        return float(self.way[0])

    @property
    def end(self) -> float:
        """The position at which text must end."""
        return float(self.way[-1])

    def places(self, way: Floats, below: Floats) -> Floats:
        """[N, 2]: positions of points of a bent strip, `way` [N] along it and `below` [N] pixels below its baseline."""
        return self._at(self.points, way) + self._at(self.down, way) * below[:, None]

    def frame(self, way: float) -> tuple[Floats, Floats, Floats]:
        """(point, along, down) [2] at a position: the frame of a letter that is rotated but not bent."""
        step = 0.01 * (self.end - self.start)
        ends = self._at(self.points, np.array([way - step, way + step]).clip(self.start, self.end))
        here = np.array([way])
        along = (ends[1] - ends[0]) / max(min(way + step, self.end) - max(way - step, self.start), 1e-6)
        return self._at(self.points, here)[0], along, self._at(self.down, here)[0]

    def _at(self, table: Floats, way: Floats) -> Floats:
        return np.stack([np.interp(way, self.way, table[:, axis]) for axis in (0, 1)], 1)


def line(length: float, y: float = 0.0) -> Path:
    """A level line with its middle at x = 0."""
    way = np.array([-length / 2, length / 2])
    down = np.array([[0.0, 1.0], [0.0, 1.0]])
    return Path(way, np.stack([way, np.full(2, y)], 1), down, straight=True)


def circle(radius: float, middle: float, span: float, clockwise: bool = True) -> Path:
    """An arc about (0, 0). middle, span: radians, where 0 is to the right and -pi / 2 the top. Clockwise, letters have
    their feet towards the centre; otherwise their heads."""
    return ellipse(radius, radius, middle, span, clockwise)


def ellipse(a: float, b: float, middle: float, span: float, clockwise: bool = True) -> Path:
    """As `circle`, for an ellipse with the half axes a along x and b along y."""
    turn = np.linspace(-span / 2, span / 2, _STEPS)
    angle = middle + (turn if clockwise else -turn)
    points = np.stack([a * np.cos(angle), b * np.sin(angle)], 1)
    return _along(points)


def wave(length: float, height: float, period: float, phase: float, upright: bool) -> Path:
    """A sine wave from left to right. height: from trough to crest. upright: letters are sheared instead of rotated, as
    on a flag."""
    x = np.linspace(-length / 2, length / 2, _STEPS)
    points = np.stack([x, height / 2 * np.sin(2 * np.pi * x / period + phase)], 1)
    if not upright:
        return _along(points)
    return Path(x, points, np.tile([0.0, 1.0], (_STEPS, 1)))


def cylinder(radius: float, sag: float, y: float, span: float) -> Path:
    """A line around a bottle as seen by a camera in front of it: compressed towards the sides, its middle `sag` pixels
    lower than its ends at the very side (higher where negative), with upright letters. span: the visible part in
    radians."""
    turn = np.linspace(-span / 2, span / 2, _STEPS)
    points = np.stack([radius * np.sin(turn), y + sag * (np.cos(turn) - 1)], 1)
    return Path(radius * turn, points, np.tile([0.0, 1.0], (_STEPS, 1)))


def snake(length: float, rise: float, bow: float) -> Path:
    """A cubic Bezier curve that ends `rise` pixels lower, with inner control points `bow` pixels to either side."""
    t = np.linspace(0, 1, _STEPS)[:, None]
    ends = np.array([[-length / 2, -rise / 2], [-length / 6, -rise / 6 - bow], [length / 6, rise / 6 + bow]])
    last = np.array([length / 2, rise / 2])
    s = 1 - t
    points = s**3 * ends[0] + 3 * s * s * t * ends[1] + 3 * s * t * t * ends[2] + t**3 * last
    return _along(points)


def _along(points: Floats) -> Path:
    """The path along a line: letters are perpendicular to it, and their middles are as far apart as on a straight
    line."""
    steps = np.diff(points, axis=0)
    way = np.concatenate([[0.0], np.linalg.norm(steps, axis=1).cumsum()])
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1), 1e-9)[:, None]
    return Path(way - way[-1] / 2, points, np.stack([-along[:, 1], along[:, 0]], 1))
