"""Layouts: synthetic pictures as numbers, with background, stamps, glare and degradation."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.degrade import UNTOUCHED, Degradation
from spotter.training.synthesis.pool import LEVELS, PatchPool

PLATE, FRAME, SHADOW, TEXT = 0, 1, 2, 3
"""Layers, painted in this order."""

SMALLEST = 5.5  # pixels of height; smaller words are ignored
_SEEN = 0.93  # share of a word that must be inside the picture
_BURNT = 0.8  # of the whole range of light: text under this much added light is invisible
_GRID = np.stack(np.meshgrid((np.arange(12) + 0.5) / 12, (np.arange(4) + 0.5) / 4), -1).reshape(-1, 2)


@dataclass(frozen=True)
class Background:
    """The background of the words.

    picture: index of a background, -1 for paper. left, top, side: the square cut out of it, pixels. mirrored: whether
    the square is mirrored; it is then turned clockwise by `quarters` quarter turns.
    paper: its colour. shading: float32 [k, k], enlarged smoothly and added to the paper. Both of 255.
    """

    picture: int = -1
    left: int = 0
    top: int = 0
    side: int = 0
    mirrored: bool = False
    quarters: int = 0
    paper: tuple[float, float, float] = (255.0, 255.0, 255.0)
    shading: NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, 1), np.float32))


@dataclass(frozen=True)
class Highlight:
    """A reflection of a lamp or the sun: an ellipse of added light that fades to zero at its border.

    x, y: centre; along, across: half axes; all in pixels. angle: of the first axis, radians. light: added at the
    centre, as a share of the whole range; with 1 and more the centre burns out.
    """

    x: float
    y: float
    along: float
    across: float
    angle: float
    light: float


@dataclass(frozen=True, eq=False)
class Reflection:
    """A picture mirrored in glass, over a pane or over the whole picture.

    scene: the mirrored picture. side: the side in pixels at which it is drawn before it is enlarged; a smaller one is
    blurred more. strength: its share of the light, 0..1. pane: float32 [4, 2], corners of the glass, clockwise; None
    for the whole picture.
    """

    scene: Background
    side: int
    strength: float
    pane: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Glare:
    """Highlights and a reflection on a picture; the default has neither."""

    highlights: tuple[Highlight, ...] = ()
    reflection: Reflection | None = None


NO_GLARE = Glare()


@dataclass(frozen=True, eq=False)
class Layout:
    """A picture of size x size pixels: `background`, then stamps by layer, then `glare`, then `degradation`.

    patches: int64 [N], indices into the pool. levels: int64 [N], which size of the patch is warped.
    homographies: float32 [N, 3, 3], pixels of the patch's level 0 -> pixels of the picture, half-pixel convention.
    colours: float32 [N, 3], 0..255. alphas: float32 [N], 0..1. layers: int64 [N], ascending.
    words: bool [N], which stamps are words that get labels.
    """

    size: int
    background: Background
    patches: NDArray[np.int64]
    levels: NDArray[np.int64]
    homographies: NDArray[np.float32]
    colours: NDArray[np.float32]
    alphas: NDArray[np.float32]
    layers: NDArray[np.int64]
    words: NDArray[np.bool_]
    degradation: Degradation = UNTOUCHED
    glare: Glare = NO_GLARE


def transform(homographies: NDArray[np.floating], points: NDArray[np.floating]) -> NDArray[np.float32]:
    """homographies [N, 3, 3], points [N, P, 2] -> float32 [N, P, 2]."""
    moved = points @ homographies[:, :, :2].transpose(0, 2, 1) + homographies[:, None, :, 2]
    return np.asarray(moved[..., :2] / moved[..., 2:], np.float32)


def quarter_turned(layout: Layout, quarters: int) -> Layout:
    """The layout turned clockwise by `quarters` quarter turns, with all its words."""
    for _ in range(quarters % 4):
        turn = np.array([[0, -1, layout.size], [1, 0, 0], [0, 0, 1]], np.float32)
        background, mirror = layout.background, layout.glare.reflection
        lights = (
            replace(light, x=layout.size - light.y, y=light.x, angle=light.angle + np.pi / 2)
            for light in layout.glare.highlights
        )
        if mirror is not None and mirror.pane is not None:
            mirror = replace(mirror, pane=transform(turn[None], mirror.pane[None])[0])
        layout = replace(
            layout,
            background=replace(
                background, quarters=(background.quarters + 1) % 4, shading=np.rot90(background.shading, -1)
            ),
            homographies=turn @ layout.homographies,
            glare=Glare(tuple(lights), mirror),
        )
    return layout


def corners(boxes: NDArray[np.floating]) -> NDArray[np.float32]:
    """(left, top, right, bottom) [N, 4] -> float32 [N, 4, 2], clockwise from the top-left."""
    return np.asarray(boxes, np.float32)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def best_level(homographies: NDArray[np.floating], boxes: NDArray[np.floating]) -> NDArray[np.int64]:
    """int64 [N]: the smallest level of each patch that is still at least as high, in pixels, as the stamp in the
    picture."""
    quads = transform(homographies, corners(boxes))
    height = np.minimum(
        np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1), np.linalg.norm(quads[:, 2] - quads[:, 1], axis=1)
    )
    shrink = (boxes[:, 3] - boxes[:, 1]) / np.maximum(height, 1e-3)
    level = np.clip(np.floor(np.log2(np.maximum(shrink, 1e-3)) + 0.3), 0, LEVELS - 1)
    return np.asarray(level, np.int64)


def burnt_out(polygons: NDArray[np.float32], highlights: Sequence[Highlight]) -> NDArray[np.float32]:
    """float32 [N]: the share of each word [N, 4, 2] that is lost in highlights, measured on a grid of 48 points."""
    across, down = polygons[:, 1] - polygons[:, 0], polygons[:, 3] - polygons[:, 0]
    points = polygons[:, None, 0] + _GRID[None, :, :1] * across[:, None] + _GRID[None, :, 1:] * down[:, None]
    added = np.zeros(points.shape[:2])
    for light in highlights:
        x, y = points[..., 0] - light.x, points[..., 1] - light.y
        cos, sin = np.cos(light.angle), np.sin(light.angle)
        distance = ((x * cos + y * sin) / light.along) ** 2 + ((y * cos - x * sin) / light.across) ** 2
        added += np.maximum(1 - distance, 0) ** 2 * light.light
    return np.asarray((added > _BURNT).mean(1), np.float32)


def labels(layout: Layout, pool: PatchPool) -> tuple[NDArray[np.float32], list[str], NDArray[np.bool_]]:
    """(polygons float32 [W, 4, 2], W transcripts, ignore bool [W]) of the words that the picture shows.

    Words cut off by the border, words too small to be read, and words of which glare burns out half are ignored; words
    wholly outside are left out.
    """
    index, polygons = _shown(layout, pool)
    heights = np.linalg.norm(polygons[:, 3] - polygons[:, 0], axis=1)
    lost = burnt_out(polygons, layout.glare.highlights) > 0.5
    ignore = (_inside(polygons, layout.size) < _SEEN).any(1) | (heights < SMALLEST) | lost
    patches = layout.patches[index].tolist()
    texts = ["" if hidden else pool.texts[patch] for patch, hidden in zip(patches, ignore, strict=True)]
    return polygons, texts, ignore


def _shown(layout: Layout, pool: PatchPool) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(indices of the stamps that are words shown in the picture, int64 [W], and their polygons float32 [W, 4, 2])."""
    index = np.nonzero(layout.words)[0]
    polygons = transform(layout.homographies[index], corners(pool.quads[layout.patches[index]]))
    shown = (_inside(polygons, layout.size) > 0).all(1)
    return index[shown], polygons[shown]


def _inside(polygons: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """float32 [N, 2]: the share of the upright boxes of polygons [N, 4, 2] that lies inside the picture, by axis."""
    low, high = polygons.min(1), polygons.max(1)
    inside = np.minimum(high, size) - np.maximum(low, 0)
    return np.asarray(inside / np.maximum(high - low, 1e-3), np.float32)


def characters(layout: Layout, pool: PatchPool) -> list[NDArray[np.float32]]:
    """For each word of `labels`, the quads of its characters, float32 [C, 4, 2], in the picture's pixels."""
    quads = []
    for index in _shown(layout, pool)[0].tolist():
        patch = int(layout.patches[index])
        edges = pool.boundaries[patch]
        boxes = np.repeat(pool.quads[patch][None], len(edges) - 1, 0)
        boxes[:, 0], boxes[:, 2] = edges[:-1], edges[1:]
        homography = np.repeat(layout.homographies[index][None], len(boxes), 0)
        quads.append(transform(homography, corners(boxes)))
    return quads
