"""Reads regions that are not level from both ends and keeps the more probable text.

A detector sees mostly level words. It often takes the wrong end of a vertical word for its start, while the
recogniser's probabilities are clearly higher in the right direction.
"""

import torch
from torch import Tensor

from spotter.model.ctc import GreedyPath, path_log_probabilities

_LEVEL = 0.7  # least cosine of the angle between the reading direction and the x axis
_MOST = 64  # regions of a picture; a limit, since all regions of a rotated picture are not level
_CLEARLY = 1.0  # nats by which the text from the other end must be more probable


def not_level(polygons: Tensor, image_index: Tensor, pictures: int) -> Tensor:
    """The indices, int64 [K], of regions that do not run to the right: the first 64 at most of each picture.

    polygons: [N, P, 2] as `Geometry.polygons` gives them. image_index: int64 [N], ascending, below `pictures`.
    """
    half = polygons.shape[1] // 2
    along = polygons[:, half - 1] + polygons[:, half] - polygons[:, 0] - polygons[:, -1]
    steep = (along[:, 0] < _LEVEL * along.square().sum(1).sqrt()).to(torch.int64)
    of_picture = torch.zeros(pictures, dtype=torch.int64, device=steep.device).scatter_add(0, image_index, steep)
    before = (of_picture.cumsum(0) - of_picture)[image_index]
    (rows,) = ((steep > 0) & (steep.cumsum(0) - before <= _MOST)).nonzero().unbind(1)
    return rows


def more_probable(path: GreedyPath, rows: Tensor) -> Tensor:
    """The row of a path that is kept for each of N regions: int64 [N].

    path: of the N regions, followed by the K regions `rows`, int64 [K], read from their other ends.
    """
    text = path_log_probabilities(path.probabilities, path.probabilities > 0)
    regions = text.shape[0] - rows.shape[0]
    own = torch.arange(regions, device=rows.device)
    other = torch.arange(rows.shape[0], device=rows.device) + regions
    return own.scatter(0, rows, torch.where(text[other] > text[rows] + _CLEARLY, other, rows))
