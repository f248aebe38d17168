"""Draws layouts as pictures on the CPU."""

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.sample import Sample
from spotter.training.synthesis.background import render_background
from spotter.training.synthesis.backgrounds import Backgrounds
from spotter.training.synthesis.degrade import degrade
from spotter.training.synthesis.glare import apply_glare
from spotter.training.synthesis.layout import Layout, characters, labels, transform
from spotter.training.synthesis.pool import PatchPool

Picture = NDArray[np.uint8]


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
    )  # in OpenCV the centres of pixels have whole coordinates
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


def rasterise(layout: Layout, pool: PatchPool, backgrounds: Backgrounds) -> Sample:
    """The picture that a layout describes, with its words."""
    picture = render_background(layout.background, layout.size, backgrounds.pictures)
    paint(picture, layout, pool)
    picture = apply_glare(picture, layout.glare, backgrounds.pictures)
    return Sample(degrade(picture, layout.degradation), *labels(layout, pool), characters=characters(layout, pool))
