"""Draws one word of the pool along a path, and gives its polygon."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.curved.paths import Floats, Path
from spotter.training.synthesis.pool import LEVELS, PatchPool

POINTS = 8
"""Of each edge of a word's polygon."""
_SLICE = 0.4  # of a word's height: width of the pieces into which a bent strip is divided
_MOST_PIECES = 40
_NARROWEST = 1e-3  # columns of a piece that is drawn
_OVERLAP = 1  # pixels by which neighbouring pieces overlap, so that no seam is visible

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Lettering:
    """A patch of the pool, placed on a path.

    left: position on the path where the text begins. scale: pixels of the plane for one of the patch. stretch:
    additional factor of the width. drop: distance of the baseline below the path. rigid: whether letters are only
    rotated; otherwise they are bent with the path.
    """

    pool: PatchPool
    patch: int
    path: Path
    left: float
    scale: float
    stretch: float = 1.0
    drop: float = 0.0
    rigid: bool = False

    @property
    def width(self) -> float:
        """Pixels along the path."""
        left, _, right, _ = self.pool.quads[self.patch].tolist()
        return float((right - left) * self.scale * self.stretch)

    def places(self, x: Floats, y: Floats) -> Floats:
        """[N, 2]: positions in the plane of points of the patch, as if it were bent."""
        left = float(self.pool.quads[self.patch, 0])
        way = self.left + (x - left) * self.scale * self.stretch
        return self.path.places(way, self._below(y))

    def _below(self, y: Floats) -> Floats:
        return (y - float(self.pool.baselines[self.patch])) * self.scale + self.drop

    def polygon(self, plane: Floats) -> NDArray[np.float32]:
        """The word's polygon [2 POINTS, 2] in the picture. plane: [3, 3], from the plane to the picture."""
        left, top, right, bottom = self.pool.quads[self.patch].tolist()
        x = np.linspace(left, right, POINTS)
        x, y = np.concatenate([x, x[::-1]]), np.repeat([top, bottom], POINTS)
        return to_picture(plane, self.places(x, y)).astype(np.float32)

    def characters(self, plane: Floats) -> NDArray[np.float32]:
        """Quadrilaterals [C, 4, 2] of its characters in the picture. plane: as in `polygon`."""
        _, top, _, bottom = self.pool.quads[self.patch].tolist()
        edges = self.pool.boundaries[self.patch].astype(np.float64)
        x = np.stack([edges[:-1], edges[1:], edges[1:], edges[:-1]], 1).ravel()
        y = np.tile([top, top, bottom, bottom], len(edges) - 1)
        return to_picture(plane, self.places(x, y)).astype(np.float32).reshape(-1, 4, 2)

    def cover(self, plane: Floats, size: int) -> tuple[Picture, int, int] | None:
        """(alpha [h, w], left, top) of the part inside a picture of size x size; None where no part is inside."""
        height, width = self.pool.shapes[self.patch, 0].tolist()
        edge = np.linspace(0, width, POINTS)
        around = to_picture(plane, self.places(np.tile(edge, 2), np.repeat([0.0, float(height)], POINTS)))
        margin = 0.1 * float(np.linalg.norm(around[0] - around[POINTS])) + 2
        low = np.floor(around.min(0) - margin).clip(0, size).astype(int)
        high = np.ceil(around.max(0) + margin).clip(0, size).astype(int)
        if (high - low < 1).any():
            return None
        alpha = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        level = self._level(float(np.linalg.norm(around[0] - around[POINTS])))
        strip = self.pool.patch(self.patch, level)
        factor = width / strip.shape[1]  # pixels of the full patch for one of the level
        for start, end, corners in self._pieces():
            self._draw(alpha, strip, (start / factor, end / factor), to_picture(plane, corners) - low)
        return alpha, int(low[0]), int(low[1])

    def _level(self, height: float) -> int:
        shrink = float(self.pool.shapes[self.patch, 0, 0]) / max(height, 1e-3)
        return int(np.clip(np.floor(np.log2(max(shrink, 1e-3)) + 0.3), 0, LEVELS - 1))

    def _pieces(self) -> list[tuple[float, float, Floats]]:
        """(start, end) of the pieces of the patch, and their corners [4, 2] in the plane."""
        height, width = (float(side) for side in self.pool.shapes[self.patch, 0])
        ys = np.array([0.0, 0.0, height, height])
        if self.path.straight:
            return [(0.0, width, self.places(np.array([0.0, width, width, 0.0]), ys))]
        if not self.rigid:
            count = int(np.clip(np.ceil(width * self.stretch / (_SLICE * height)), 1, _MOST_PIECES))
            edges = np.linspace(0, width, count + 1)
            return [(a, b, self.places(np.array([a, b, b, a]), ys)) for a, b in pairwise(edges.tolist())]
        edges = self.pool.boundaries[self.patch].astype(np.float64).clip(0, width)
        edges = np.concatenate([[0.0], edges[1:-1], [width]])
        left, pieces = float(self.pool.quads[self.patch, 0]), []
        for a, b in pairwise(edges.tolist()):
            middle = (max(a, left) + min(b, float(self.pool.quads[self.patch, 2]))) / 2
            point, along, down = self.path.frame(self.left + (middle - left) * self.scale * self.stretch)
            across = (np.array([a, b, b, a]) - middle) * self.scale * self.stretch
            pieces.append((a, b, point + across[:, None] * along + self._below(ys)[:, None] * down))
        return pieces

    @staticmethod
    def _draw(alpha: Picture, strip: Picture, span: tuple[float, float], corners: Floats) -> None:
        """Draws columns `span` of a strip into a quadrilateral, `corners` [4, 2] in pixels of `alpha`."""
        first, last = max(int(span[0]) - _OVERLAP, 0), min(int(np.ceil(span[1])) + _OVERLAP, strip.shape[1])
        low = np.floor(corners.min(0)).astype(int) - 2
        high = np.ceil(corners.max(0)).astype(int) + 2
        left, top = max(low[0], 0), max(low[1], 0)
        right, bottom = min(high[0], alpha.shape[1]), min(high[1], alpha.shape[0])
        if right <= left or bottom <= top or last - first < 1:
            return
        if span[1] - span[0] < _NARROWEST:  # OpenCV may never return from a transform of an empty source
            return
        a, b = span[0] - first, span[1] - first
        height = strip.shape[0]
        source = np.array([[a, 0], [b, 0], [b, height], [a, height]], np.float32) - 0.5
        matrix = cv2.getPerspectiveTransform(source, (corners - [left, top] - 0.5).astype(np.float32))
        drawn = cv2.warpPerspective(strip[:, first:last], matrix, (int(right - left), int(bottom - top)))
        window = alpha[top:bottom, left:right]
        np.maximum(window, drawn, out=window)


def to_picture(plane: Floats, points: Floats) -> Floats:
    """Maps points [N, 2] of a plane to the picture."""
    moved = points @ plane[:2, :2].T + plane[:2, 2]
    return np.asarray(moved / (points @ plane[2, :2] + plane[2, 2])[:, None])
