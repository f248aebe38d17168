"""Layouts become pictures on the CPU."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.sample import Sample
from spotter.training.synthesis.backgrounds import Backgrounds
from spotter.training.synthesis.degrade import degrade, ease
from spotter.training.synthesis.layout import Ground, Layout, labels, transform
from spotter.training.synthesis.pool import PatchPool

Picture = NDArray[np.uint8]


def lay_ground(ground: Ground, size: int, pictures: Sequence[Picture]) -> Picture:
    """uint8 [size, size, 3]: what the words will stand on."""
    if ground.picture < 0:
        method = cv2.INTER_LINEAR if len(ground.shading) < 3 else cv2.INTER_CUBIC
        shading = cv2.resize(ground.shading, (size, size), interpolation=method)
        planes = [np.clip(shading + level, 0, 255).astype(np.uint8) for level in ground.paper]
        return np.asarray(cv2.merge(planes), np.uint8)
    picture = pictures[ground.picture]
    cut = picture[ground.top : ground.top + ground.side, ground.left : ground.left + ground.side]
    if ground.mirrored:
        cut = cut[:, ::-1]
    method = cv2.INTER_AREA if ground.side > size else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(cut, (size, size), interpolation=method), np.uint8)


def level_homographies(layout: Layout, pool: PatchPool) -> NDArray[np.float64]:
    """float64 [N, 3, 3]: pixels of each stamp's own level -> pixels of the picture, half-pixel convention."""
    full = pool.shapes[layout.patches, 0].astype(np.float64)
    scale = full / pool.shapes[layout.patches, layout.levels]
    homographies = layout.homographies.astype(np.float64)
    homographies[:, :, 0] *= scale[:, None, 1]
    homographies[:, :, 1] *= scale[:, None, 0]
    return homographies


def stamp_bounds(layout: Layout, pool: PatchPool) -> NDArray[np.int64]:
    """int64 [N, 4]: the part of the picture, (left, top, right, bottom), that each stamp can touch."""
    shapes = pool.shapes[layout.patches, 0].astype(np.float32)
    boxes = np.zeros((len(shapes), 4, 2), np.float32)
    boxes[:, [1, 2], 0] = shapes[:, 1, None]
    boxes[:, [2, 3], 1] = shapes[:, 0, None]
    quads = transform(layout.homographies, boxes)
    low, high = np.floor(quads.min(1)), np.ceil(quads.max(1))
    return np.asarray(np.clip(np.concatenate([low, high], 1), 0, layout.size), np.int64)


def paint(picture: Picture, layout: Layout, pool: PatchPool) -> None:
    """Stamps everything onto uint8 [size, size, 3], in place."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    centred = (
        np.linalg.inv(half) @ level_homographies(layout, pool) @ half
    )  # OpenCV: a pixel's centre is a whole number
    bounds = stamp_bounds(layout, pool).tolist()
    alphas = (layout.alphas * (128 / 255)).tolist()
    colours = layout.colours.astype(np.int16)
    patches, levels = layout.patches.tolist(), layout.levels.tolist()
    for n, (left, top, right, bottom) in enumerate(bounds):
        if right <= left or bottom <= top:
            continue
        homography = centred[n]
        homography[0] -= left * homography[2]
        homography[1] -= top * homography[2]
        cover = cv2.warpPerspective(pool.patch(patches[n], levels[n]), homography, (right - left, bottom - top))
        # Weights of at most 128 keep weight * difference within 16 bits.
        weight = cv2.convertScaleAbs(cover, alpha=alphas[n])[..., None].astype(np.int16)
        region = picture[top:bottom, left:right]
        region += (((colours[n] - region) * weight + 64) >> 7).astype(np.uint8)


def rasterise(layout: Layout, pool: PatchPool, backgrounds: Backgrounds, difficulty: float = 1.0) -> Sample:
    """The picture that a layout describes, with its words, degraded as far as `difficulty` (0 to 1) says."""
    picture = lay_ground(layout.ground, layout.size, backgrounds.pictures)
    paint(picture, layout, pool)
    return Sample(degrade(picture, ease(layout.degradation, difficulty)), *labels(layout, pool))
