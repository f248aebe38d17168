"""Runs of words: groups of neighbouring words of one line, since a detector may give several words as one region.

A recogniser that has seen such regions writes a space where one word ends, and the spotter cuts the region there (see
`spotter.model.splitting`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spotter.training.polygons import Polygons, heights

_SAME_DIRECTION = 0.97  # cosine of the angle between two words
_ASIDE = 0.3  # of the height: the most that the second word may lie above or below the first one's line
_HEIGHT_RATIO = 0.6


def right_neighbours(polygons: Polygons, gap: float) -> NDArray[np.int64]:
    """For each word, polygons [N, 2n, 2], the index of the next word on its line within `gap` heights, or -1: int64
    [N]."""
    if len(polygons) < 2:
        return np.full(len(polygons), -1, np.int64)
    half = polygons.shape[1] // 2
    start = (polygons[:, 0] + polygons[:, -1]) / 2
    end = (polygons[:, half - 1] + polygons[:, half]) / 2
    along = end - start
    along = along / np.linalg.norm(along, axis=1, keepdims=True).clip(1e-6)
    height = heights(polygons).clip(1e-6)
    between = start[None] - end[:, None]  # from the end of i to the start of j
    ahead = (between * along[:, None]).sum(2) / height[:, None]
    aside = np.abs(between[..., 1] * along[:, None, 0] - between[..., 0] * along[:, None, 1]) / height[:, None]
    ratio = height[None] / height[:, None]
    follows = (
        (along @ along.T > _SAME_DIRECTION)
        & (aside < _ASIDE)
        & (ahead > -_ASIDE)
        & (ahead < gap)
        & (ratio > _HEIGHT_RATIO)
        & (ratio < 1 / _HEIGHT_RATIO)
    )
    np.fill_diagonal(follows, False)
    nearest = np.where(follows, ahead, np.inf)
    return np.where(follows.any(1), nearest.argmin(1), -1).astype(np.int64)


def run_from(first: int, neighbours: NDArray[np.int64], usable: Sequence[bool], longest: int) -> list[int]:
    """The indices of consecutive words from `first` on, at most `longest`, up to the first that is not usable."""
    run = [first]
    while len(run) < longest:
        following = int(neighbours[run[-1]])
        if following < 0 or not usable[following] or following in run:
            break
        run.append(following)
    return run


def run_polygon(polygons: Polygons, run: Sequence[int]) -> Polygons:
    """The polygon [4, 2] around a run of words, from the first one's start to the last one's end."""
    half = polygons.shape[1] // 2
    first, last = polygons[run[0]], polygons[run[-1]]
    return np.stack((first[0], last[half - 1], last[half], first[-1]))
