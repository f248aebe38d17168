"""Training pictures cut out of annotated photographs and scans."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.data.annotations import Annotation, Picture, read_folder
from spotter.training.data.photometry import photometric
from spotter.training.polygons import heights, lengths, together
from spotter.training.sample import Sample

_LEAST_HEIGHT = 5.0  # pixels; smaller text is illegible
_KEPT_INSIDE, _SEEN_INSIDE = 0.9, 0.05
_UPRIGHT = 1.5  # height / width: the annotation of such words may not begin at their start
_LETTERS = 3
_DISPLACED, _RECEDING = 0.025, 0.08  # of a crop's side: by how much corners move; in strong perspective


@dataclass(frozen=True)
class _Scene:
    """A decoded picture and its words; polygons [N, 2n, 2] in its pixels."""

    image: NDArray[np.uint8]
    polygons: NDArray[np.float32]
    texts: list[str]
    ignore: NDArray[np.bool_]
    heights: NDArray[np.float32]


class LabelledSource:
    """Random crops of annotated pictures, at random scales, turned and in perspective, never mirrored.

    folders: ICDAR-form folders (one or several).
    aspect, lines: as in `read_folder`.
    heights: range in pixels from which the height of a crop's words (the median's, or one word's) is drawn.
    max_side: pictures are kept decoded in memory, scaled down to this long side where they are larger.
    turned: share of the pictures that are turned by 90, 180 or 270 degrees.
    limit: reads only that many pictures of each folder.
    """

    def __init__(
        self,
        folders: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        aspect: float | None = None,
        lines: bool = False,
        heights: tuple[float, float] = (9.0, 40.0),
        max_side: int = 1280,
        strength: float = 1.0,
        turned: float = 0.02,
        limit: int | None = None,
    ) -> None:
        several = [folders] if isinstance(folders, str | os.PathLike) else list(folders)
        self._heights = heights
        self._strength = strength
        self._turned = turned

        def read(picture: Picture) -> _Scene:
            return _scene(picture, max_side, lines)

        with ThreadPoolExecutor() as pool:
            pictures = [p for folder in several for p in read_folder(Path(folder), aspect, ascii_only=False)[:limit]]
            self._scenes = list(pool.map(read, pictures))

    def __len__(self) -> int:
        return len(self._scenes)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A size x size crop; words less than 90% inside it are ignored, those less than 5% inside are left out."""
        scene = self._scenes[int(rng.integers(len(self._scenes)))]
        matrix, scale = self._placement(scene, rng, size)
        image = warp(scene.image, matrix, scale, size, rng)
        polygons = scene.polygons
        if len(polygons):  # OpenCV gives None for no points
            polygons = cv2.perspectiveTransform(polygons.reshape(-1, 1, 2), matrix).reshape(polygons.shape)
        keep, ignore = visible(polygons, size)
        ignore |= scene.ignore | (heights(polygons) < _LEAST_HEIGHT)
        texts = ["" if hidden else t for t, hidden in zip(scene.texts, ignore.tolist(), strict=True)]
        return Sample(
            photometric(image, rng, self._strength),
            polygons[keep].astype(np.float32),
            [text for text, kept in zip(texts, keep.tolist(), strict=True) if kept],
            ignore[keep],
        )

    def _placement(self, scene: _Scene, rng: np.random.Generator, size: int) -> tuple[NDArray[np.float64], float]:
        """(3x3 map from picture to crop in half-pixel coordinates, its scale)."""
        height, width = scene.image.shape[:2]
        readable = np.flatnonzero(~scene.ignore)
        target = float(np.exp(rng.uniform(*np.log(self._heights))))
        if len(readable) and rng.random() < 0.9:
            anchor = int(rng.choice(readable))
            focus = scene.polygons[anchor].mean(0)
            own = rng.random() < 0.4
            reference = float(scene.heights[anchor] if own else np.median(scene.heights[readable]))
        else:
            focus = np.array([rng.uniform(0, width), rng.uniform(0, height)])
            reference = float(np.median(scene.heights[readable])) if len(readable) else 20.0
        scale = float(np.clip(target / max(reference, 1.0), 0.2, 3.0))
        origin = focus * scale - rng.uniform(0.1, 0.9, 2) * size  # top-left of the crop in the scaled picture
        room = np.array([width, height]) * scale - size
        # A picture larger than the crop fills it; a smaller one lies anywhere inside it.
        origin = np.where(room >= 0, np.clip(origin, 0, np.maximum(room, 0)), rng.uniform(0, 1, 2) * room)
        affine = np.array([[scale, 0, -origin[0]], [0, scale, -origin[1]], [0, 0, 1]])
        return turn(rng, size, self._turned) @ affine, scale


def _scene(picture: Picture, max_side: int, lines: bool) -> _Scene:
    if lines:
        from spotter.training.data.lines import split_picture

        picture = split_picture(picture)
    image = picture.load()
    factor = min(1.0, max_side / max(image.shape[:2]))
    annotations = picture.annotations
    polygons = together([a.polygon for a in annotations])
    if factor < 1:
        height, width = image.shape[:2]
        shape = (round(width * factor), round(height * factor))
        image = np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8)
        polygons = polygons * np.array([shape[0] / width, shape[1] / height], np.float32)
    # A sample has one word for each polygon, so regions of several words that were not split are ignored.
    ignore = np.array([a.ignore or " " in a.text for a in annotations], np.bool_) | _doubtful(polygons, annotations)
    texts = ["" if hidden else a.text for a, hidden in zip(annotations, ignore.tolist(), strict=True)]
    return _Scene(image, polygons, texts, ignore, heights(polygons))


def _doubtful(polygons: NDArray[np.float32], annotations: Sequence[Annotation]) -> NDArray[np.bool_]:
    """bool [N]: where the first corner may not be the word's start. Text on book spines and banners is often annotated
    from its topmost left corner in the picture, whatever its reading direction."""
    long = np.array([len(a.text) >= _LETTERS for a in annotations], np.bool_)
    return np.asarray(long & (heights(polygons) > _UPRIGHT * lengths(polygons)), np.bool_)


def visible(polygons: NDArray[np.float32], size: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(keep [N], ignore [N]) of polygons [N, 2n, 2] in a crop: kept where at least 5% of the area is inside,
    ignored where less than 90% is."""
    low, high = polygons.min(1), polygons.max(1)
    inside = ((low >= 0) & (high <= size)).all(1)
    keep, ignore = inside.copy(), ~inside
    frame = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    for n in np.flatnonzero(~inside & (high > 0).all(1) & (low < size).all(1)).tolist():
        hull = cv2.convexHull(polygons[n])
        part = cv2.intersectConvexConvex(hull, frame)[0] / max(cv2.contourArea(hull), 1e-6)
        keep[n], ignore[n] = part >= _SEEN_INSIDE, part < _KEPT_INSIDE
    return keep, ignore


def turn(rng: np.random.Generator, size: int, turned: float = 0.02) -> NDArray[np.float64]:
    """float64 [3, 3]: a random homography of a size x size crop: a rotation about its centre, at times a shear as of a
    wall seen from the side (upright strokes stay upright, lines rise or fall), and a small displacement of the corners.

    turned: share of rotations by 90, 180 or 270 degrees."""
    kind = rng.random()
    if kind < 0.5:
        degrees = rng.normal(0, 4)
    else:
        degrees = np.clip(rng.normal(0, 15), -50, 50) if kind < 0.9 else rng.uniform(-50, 50)
    if rng.random() < turned:
        degrees += 90 * int(rng.integers(1, 4))
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    centre = size / 2
    stretch = np.exp(rng.normal(0, 0.12))  # width against height
    climb = np.clip(rng.normal(0, 0.3), -0.7, 0.7) if rng.random() < 0.4 else 0.0
    slant = np.clip(rng.normal(0, 0.15), -0.4, 0.4) if rng.random() < 0.25 else 0.0
    seen = np.array([[1, slant], [climb, 1]]) @ np.array([[cos * stretch, -sin], [sin * stretch, cos]])
    matrix = np.eye(3)
    matrix[:2, :2] = seen
    matrix[:2, 2] = centre - seen @ np.array([centre, centre])
    if rng.random() < 0.5:
        return matrix
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    depth = _RECEDING if rng.random() < 0.3 else _DISPLACED
    moved = corners + np.clip(rng.normal(0, depth, (4, 2)), -0.2, 0.2).astype(np.float32) * size
    return np.asarray(cv2.getPerspectiveTransform(corners, moved) @ matrix, np.float64)


def warp(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], scale: float, size: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The crop; beyond the picture's border it is black like a batch's padding, of one colour, or the border's pixels
    are repeated.

    Reflected borders would show mirrored text without labels.
    """
    if scale < 0.6:  # bilinear sampling alone would alias
        height, width = image.shape[:2]
        shape = (max(1, round(width * scale * 1.3)), max(1, round(height * scale * 1.3)))
        image = np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix @ np.diag([width / shape[0], height / shape[1], 1.0])
    kind = rng.random()
    colour = rng.integers(0, 256, 3).tolist() if kind < 0.25 else [0, 0, 0]
    to_centres = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV puts the first pixel's centre at 0
    to_corners = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    return np.asarray(
        cv2.warpPerspective(
            image,
            to_corners @ matrix @ to_centres,
            (size, size),
            flags=cv2.INTER_CUBIC if scale > 1.5 else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE if kind > 0.75 else cv2.BORDER_CONSTANT,
            borderValue=colour,
        ),
        np.uint8,
    )
