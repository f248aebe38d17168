"""Makes annotated pictures of other sizes from real ones, to test how a reader depends on the picture's size."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.data.annotations import Annotation, Picture

Annotated = tuple[NDArray[np.uint8], list[Annotation]]
_WHITE = 255


def page(pictures: Sequence[Picture], columns: int, pixels: int) -> Annotated:
    """Pictures side by side on a white page, `columns` to a row, all scaled by one factor so that the page has about
    `pixels` pixels: uint8 [H, W, 3], and the regions in its pixels."""
    images = [picture.load() for picture in pictures]
    places: list[tuple[int, int]] = []
    width = height = 0
    for start in range(0, len(images), columns):
        row = images[start : start + columns]
        offsets = np.cumsum([0, *(image.shape[1] for image in row)]).tolist()
        places += [(left, height) for left in offsets[:-1]]
        width = max(width, offsets[-1])
        height += max(image.shape[0] for image in row)
    sheet = np.full((height, width, 3), _WHITE, np.uint8)
    regions: list[Annotation] = []
    for picture, image, place in zip(pictures, images, places, strict=True):
        left, top = place
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
        regions += [_moved(region, np.array(place, np.float32)) for region in picture.annotations]
    factor = (pixels / (width * height)) ** 0.5
    size = (round(width * factor), round(height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    scaled = np.asarray(cv2.resize(sheet, size, interpolation=method), np.uint8)
    ratio = np.array([size[0] / width, size[1] / height], np.float32)
    return scaled, [Annotation(region.polygon * ratio, region.text, region.ignore) for region in regions]


def crop(picture: Picture, side: int) -> Annotated | None:
    """At most `side` x `side` pixels around the picture's word of median height, moved to lie within the picture; None
    where it has no legible word. Words that lie only partly in it are ignored; those outside it are left out."""
    words = [region for region in picture.annotations if not region.ignore]
    if not words:
        return None
    image = picture.load()
    chosen = sorted(words, key=_height)[len(words) // 2]
    limit = np.array(image.shape[1::-1])
    corner = np.clip(np.floor(chosen.polygon.mean(0)) - side // 2, 0, np.maximum(limit - side, 0)).astype(np.int64)
    left, top = corner.tolist()
    cut = image[top : top + side, left : left + side]
    far = np.array(cut.shape[1::-1])
    regions = []
    for region in picture.annotations:
        moved = _moved(region, -corner.astype(np.float32))
        low, high = moved.polygon.min(0), moved.polygon.max(0)
        if (low >= far).any() or (high <= 0).any():
            continue
        whole = bool((low >= 0).all() and (high <= far).all())
        regions.append(moved if whole else Annotation(moved.polygon, "", True))
    return cut, regions


def _height(region: Annotation) -> float:
    top_left, top_right, bottom_right, bottom_left = region.polygon
    return float(np.linalg.norm(bottom_left - top_left) + np.linalg.norm(bottom_right - top_right))


def _moved(region: Annotation, by: NDArray[np.float32]) -> Annotation:
    return Annotation(region.polygon + by, region.text, region.ignore)
