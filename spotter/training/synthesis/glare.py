"""Glare on a scene: highlights that burn out part of a word, and reflections of pictures over it."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.background import draw_background, render_background
from spotter.training.synthesis.layout import Glare, Highlight, Layout, Reflection, corners, transform
from spotter.training.synthesis.pool import PatchPool

Picture = NDArray[np.uint8]
_SHORT = 3  # letters; shorter words could be hidden completely, so they get no highlight


def draw_glare(
    rng: np.random.Generator,
    layout: Layout,
    pool: PatchPool,
    pictures: Sequence[Picture],
    highlights: float,
    reflections: float,
) -> Glare:
    """Random glare on the words of a layout. highlights, reflections: the probability of each, 0..1."""
    index = np.nonzero(layout.words)[0]
    index = index[[len(pool.texts[patch]) >= _SHORT for patch in layout.patches[index].tolist()]]
    shines, mirrors = rng.random() < highlights, rng.random() < reflections
    if not len(index) or not (shines or mirrors):
        return Glare()
    polygons = transform(layout.homographies[index], corners(pool.quads[layout.patches[index]]))
    lights = []
    for _ in range(1 + min(int(rng.exponential(0.8)), 4) if shines else 0):
        lights.append(_highlight(rng, polygons[int(rng.integers(len(polygons)))]))
    reflection = None
    if mirrors:
        word = polygons[int(rng.integers(len(polygons)))]
        reflection = Reflection(
            draw_background(rng, pictures, layout.size),
            int(layout.size * np.exp(rng.uniform(np.log(1 / 16), np.log(1 / 2)))),
            float(rng.uniform(0.15, 0.5)),
            _pane(rng, word) if rng.random() < 0.6 else None,
        )
    return Glare(tuple(lights), reflection)


def _highlight(rng: np.random.Generator, word: NDArray[np.float32]) -> Highlight:
    """A highlight on a word [4, 2]: a spot that burns out a letter or two, a streak across them, or a wide haze."""
    across, down = word[1] - word[0], word[3] - word[0]
    x, y = (word[0] + across * rng.uniform(0, 1) + down * rng.uniform(-0.2, 1.2)).tolist()
    height = float(np.linalg.norm(down))
    turned = float(rng.uniform(0, np.pi))
    kind = rng.random()
    if kind < 0.45:
        radius = height * float(rng.uniform(0.5, 1.6))
        return Highlight(x, y, radius, radius * float(rng.uniform(0.4, 1.0)), turned, float(rng.uniform(0.7, 2.5)))
    if kind < 0.75:
        # A streak along the word would hide all of it.
        angle = float(np.arctan2(across[1], across[0]) + rng.uniform(0.5, np.pi - 0.5))
        long, narrow = (height * float(value) for value in (rng.uniform(2, 10), rng.uniform(0.15, 0.6)))
        return Highlight(x, y, long, narrow, angle, float(rng.uniform(0.5, 1.6)))
    radius = height * float(rng.uniform(3, 9))
    return Highlight(x, y, radius, radius * float(rng.uniform(0.4, 1.0)), turned, float(rng.uniform(0.25, 0.7)))


def _pane(rng: np.random.Generator, word: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [4, 2]: a pane of glass in the plane of a word [4, 2], larger than the word and not quite centred on
    it."""
    centre = word.mean(0)
    across, down = (word[1] + word[2] - word[0] - word[3]) / 4, (word[2] + word[3] - word[0] - word[1]) / 4
    left, right = rng.uniform(0.5, 3.0, 2)
    up, low = rng.uniform(1.5, 8.0, 2)
    signs = np.array([[-left, -up], [right, -up], [right, low], [-left, low]])
    return np.asarray(centre + signs @ np.stack([across, down]), np.float32)


def dim(glare: Glare, difficulty: float) -> Glare:
    """Weaker glare: difficulty 0 leaves none, 1 all of it."""
    if difficulty >= 1:
        return glare
    mirror = glare.reflection
    return Glare(
        tuple(replace(item, light=item.light * difficulty) for item in glare.highlights),
        replace(mirror, strength=mirror.strength * difficulty) if mirror else None,
    )


def apply_glare(picture: Picture, glare: Glare, pictures: Sequence[Picture]) -> Picture:
    """uint8 [S, S, 3] -> the same with the reflection applied, then the highlights."""
    if glare.reflection:
        picture = _mirrored(picture, glare.reflection, pictures)
    for highlight in glare.highlights:
        picture = _lit(picture, highlight)
    return picture


def _mirrored(picture: Picture, mirror: Reflection, pictures: Sequence[Picture]) -> Picture:
    size = len(picture)
    seen = cv2.resize(
        render_background(mirror.scene, mirror.side, pictures), (size, size), interpolation=cv2.INTER_LINEAR
    )
    if mirror.pane is None:
        return np.asarray(cv2.addWeighted(picture, 1 - mirror.strength, seen, mirror.strength, 0), np.uint8)
    low = np.clip(np.floor(mirror.pane.min(0)) - 1, 0, size).astype(int).tolist()
    high = np.clip(np.ceil(mirror.pane.max(0)) + 1, 0, size).astype(int).tolist()
    rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
    x = np.arange(low[0], high[0], dtype=np.float32)[None] + np.float32(0.5)
    y = np.arange(low[1], high[1], dtype=np.float32)[:, None] + np.float32(0.5)
    cover = np.ones((high[1] - low[1], high[0] - low[0]), np.float32)
    for a, b, c in edges(mirror.pane).tolist():
        cover = np.minimum(cover, np.clip(a * x + b * y + c + 0.5, 0, 1, dtype=np.float32))
    share = (cover * mirror.strength)[..., None]
    mixed = picture.copy()
    mixed[rows, columns] = np.rint(picture[rows, columns] * (1 - share) + seen[rows, columns] * share)
    return mixed


def edges(pane: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [4, 3]: a, b, c of each side of a clockwise quad [4, 2]; a x + b y + c is the distance inwards."""
    along = np.roll(pane, -1, 0) - pane
    inwards = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None]
    return np.asarray(np.concatenate([inwards, -(inwards * pane).sum(1, keepdims=True)], 1), np.float32)


def _lit(picture: Picture, light: Highlight) -> Picture:
    size, reach = len(picture), max(light.along, light.across)
    left, right = (int(np.clip(light.x + side, 0, size)) for side in (-reach, reach + 1))
    top, bottom = (int(np.clip(light.y + side, 0, size)) for side in (-reach, reach + 1))
    if left >= right or top >= bottom:
        return picture
    x = np.arange(left, right, dtype=np.float32)[None] + np.float32(0.5 - light.x)
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5 - light.y)
    cos, sin = np.float32(np.cos(light.angle)), np.float32(np.sin(light.angle))
    distance = ((x * cos + y * sin) / np.float32(light.along)) ** 2
    distance += ((y * cos - x * sin) / np.float32(light.across)) ** 2
    added = np.minimum(np.maximum(1 - distance, 0) ** 2 * np.float32(255 * light.light), 255).astype(np.uint8)
    lit = picture.copy()
    lit[top:bottom, left:right] = cv2.add(picture[top:bottom, left:right], cv2.merge([added, added, added]))
    return lit
