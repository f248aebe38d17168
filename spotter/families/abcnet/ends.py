"""Refines the ends of regions with the predictions of the anchor points next to them."""

import torch
from torch import Tensor

from spotter.families.abcnet.bezier import bernstein, controls, fitted_edges, measured, middle_lines, placed, tangents
from spotter.families.abcnet.maps import CurveMaps
from spotter.families.abcnet.overlap import directions
from spotter.model.anchors import STRIDE
from spotter.model.family import Extent

_ROUNDS = 4
_FROM_END = (0.7, 1.0, 1.4, 2.0)  # of the height: distances of the points from an end, inwards, the nearest first
_LEAST_LOGIT = -1.0  # the least score of a point; next to `:` and other small signs no point has a higher one
_MOST_MOVED = 0.5  # of the length: the farthest that an end moves in a round, or
_MOST_HEIGHTS = 2.0  # of the height, whichever is more
_LONG = 24.0  # pixels; in shorter words the middle is near enough to both ends
_LONG_RATIO = 1.5
_ALIGNED = 0.5  # cosine
_ALIKE = 1.8  # the largest ratio of the two heights
_PLACES = 33  # points of a predicted middle line among which the anchor point's own is looked for
_SAMPLES = 8  # of each edge of each of the three parts of a new region


def sharpen_ends(maps: CurveMaps, curves: Tensor, image_index: Tensor) -> Tensor:
    """Regions [N, 16] with each end as predicted by an anchor point near it.

    A point predicts a far end less precisely than a near one, and where a word bends around a ring, only the part of it
    that is near (`spotter.families.abcnet.losses`). A region that cuts off a letter cannot be read. So, of four points
    inside an end, the nearest one that is text and belongs to the same word says how the word goes on from there; where
    there is none, the end stays. The new region is fitted to its parts: up to the first of these points, between them,
    and from the second one on. A point next to a wrong end predicts it better, and a point next to that prediction
    better still, so the step is repeated.
    """
    for _ in range(_ROUNDS):
        curves = _sharpened(maps, curves, image_index)
    return curves


def _sharpened(maps: CurveMaps, curves: Tensor, image_index: Tensor) -> Tensor:
    extent = measured(curves)
    lengths, heights = extent
    there = controls(placed(curves, maps.anchors)).mean(1)  # N x 4 x 2, the middle lines on the map
    long = (lengths > _LONG) & (lengths > _LONG_RATIO * heights)
    from_end = torch.tensor(_FROM_END, device=curves.device)
    inside = (from_end * heights[:, None] / lengths[:, None].clamp(min=1e-6)).clamp(max=0.5)  # N x K
    share = (torch.arange(_SAMPLES, device=curves.device) + 0.5) / _SAMPLES
    ends, known = [], []
    for end, t in ((0, inside), (1, 1 - inside)):
        predicted, at, own, usable = _continued(maps, curves, there, image_index, end, t, extent)
        usable = usable & long
        ends.append((torch.where(usable[:, None], predicted, curves), torch.where(usable, at, own), own))
        known.append(usable)
    (left, left_at, start), (right, right_at, stop) = ends
    # The ends themselves are among the points, since the fit keeps the first and the last one.
    before = left_at[:, None] * torch.cat((torch.zeros_like(share[:1]), share))
    after = right_at[:, None] + (1 - right_at)[:, None] * torch.cat((share, torch.ones_like(share[:1])))
    between = start[:, None] + (stop - start)[:, None] * share
    parts = ((left, before), (curves, between), (right, after))
    points = torch.cat([bernstein(t)[:, None] @ controls(region) for region, t in parts], 2)  # N x 2 x 3S x 2
    return torch.where((known[0] | known[1])[:, None], fitted_edges(points), curves)


def _continued(
    maps: CurveMaps, curves: Tensor, there: Tensor, image_index: Tensor, end: int, t: Tensor, extent: Extent
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the first usable of the points at t [N, K] of the middle lines predicts: a region [N, 16], where on it the
    point lies, [N] from 0 to 1, where it lies on the given region [N], and whether there is such a point, bool [N].
    there: control points [N, 4, 2] of the middle lines on the map. end: 0 for the start of a word, 1 for its end.
    extent: of the regions."""
    rows, columns = maps.score.shape[-2:]
    count = len(_FROM_END)
    column, row = (bernstein(t) @ there / STRIDE).unbind(-1)  # N x K
    column, row = column.clamp(0, columns - 1).to(torch.int64), row.clamp(0, rows - 1).to(torch.int64)
    image = image_index[:, None].expand(-1, count)
    predicted = maps.curves(image, row, column)  # N x K x 16
    flat = predicted.flatten(0, 1)
    corner = controls(flat).mean(1)[:, 3 * end].unflatten(0, (-1, count))  # type: ignore[no-untyped-call]
    points = controls(curves).mean(1)
    moved = (corner - points[:, None, 3 * end]).square().sum(-1).sqrt()
    furthest = torch.maximum(_MOST_MOVED * extent.lengths, _MOST_HEIGHTS * extent.heights)
    way = tangents(points, t)  # N x K x 2
    aligned = (way * directions(predicted)).sum(-1) > _ALIGNED * way.square().sum(-1).sqrt()
    ratio = measured(flat).heights.unflatten(0, (-1, count)) / extent.heights[:, None].clamp(min=1e-6)  # type: ignore[no-untyped-call]
    alike = (ratio < _ALIKE) & (ratio > 1 / _ALIKE)
    usable = aligned & alike & (moved < furthest[:, None]) & (maps.score[image, 0, row, column] > _LEAST_LOGIT)
    first = torch.where(usable, torch.arange(count, device=t.device), count - 1).amin(1, keepdim=True)  # N x 1
    chosen = predicted.gather(1, first[..., None].expand(-1, -1, predicted.shape[2]))[:, 0]
    row, column = row.gather(1, first), column.gather(1, first)
    anchor = torch.stack((maps.anchors.x[row, column], maps.anchors.y[row, column]), -1)  # N x 1 x 2
    places = torch.linspace(0, 1, _PLACES, device=t.device)
    line, _ = middle_lines(chosen, places)
    nearest = (line - anchor).square().sum(-1).argmin(1)
    return chosen, places[nearest], t.gather(1, first)[:, 0], usable.any(1)
