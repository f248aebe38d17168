"""Regions that are not level are read from both of their ends, and the likelier text counts.

A detector sees mostly level words. Of a word on its side it is seldom sure which end is the first, while the recogniser
reads sense from one end and nonsense from the other.
"""

import torch
from torch import Tensor

from spotter.model.ctc import GreedyPath, path_log_probabilities

_LEVEL = 0.7  # cosine of the angle to the right, at least
_MOST = 64  # regions of a picture; of one that lies turned as a whole many more are not level
_CLEARLY = 1.0  # nats by which the text from the other end must be likelier


def not_level(polygons: Tensor, image_index: Tensor, pictures: int) -> Tensor:
    """The rows, int64 [K], of regions that do not run to the right: of each picture the first ones, 64 at most.

    polygons: [N, P, 2] as `Geometry.polygons` gives them. image_index: int64 [N], ascending, below `pictures`.
    """
    half = polygons.shape[1] // 2
    along = polygons[:, half - 1] + polygons[:, half] - polygons[:, 0] - polygons[:, -1]
    steep = (along[:, 0] < _LEVEL * along.square().sum(1).sqrt()).to(torch.int64)
    of_picture = torch.zeros(pictures, dtype=torch.int64, device=steep.device).scatter_add(0, image_index, steep)
    before = (of_picture.cumsum(0) - of_picture)[image_index]
    (rows,) = ((steep > 0) & (steep.cumsum(0) - before <= _MOST)).nonzero().unbind(1)
    return rows


def likelier(path: GreedyPath, rows: Tensor) -> Tensor:
    """Which row of a path to take for each of N regions: int64 [N].

    path: of the N regions and then, read from their other ends, of the K regions `rows`, int64 [K].
    """
    text = path_log_probabilities(path.probabilities, path.probabilities > 0)
    regions = text.shape[0] - rows.shape[0]
    own = torch.arange(regions, device=rows.device)
    other = torch.arange(rows.shape[0], device=rows.device) + regions
    return own.scatter(0, rows, torch.where(text[other] > text[rows] + _CLEARLY, other, rows))
