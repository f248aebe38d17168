r"""Regions as the outlines of masks, float32 [N, 32] in pixels: eight points (x, y) of a word's upper edge, then eight
of its lower edge.

Both edges run in reading order, unlike a polygon, whose lower edge runs back. Points of the same number face each
other, so that a region is a row of seven quadrilaterals:

        u0 --- u1 --- u2  ...  u7
        |      |      |        |
        l0 --- l1 --- l2  ...  l7

Every quadrilateral takes an equal share of the positions along a region; they have about the same length along the
middle line.
"""

import torch
from torch import Tensor

from spotter.model.anchors import AnchorPoints
from spotter.model.family import Extent, Geometry

POINTS = 8
"""Points of each edge."""
NUMBERS = 4 * POINTS
"""The numbers that describe a region."""
_EPSILON = 1e-6


def edges(outlines: Tensor) -> Tensor:
    """Points [N, 2, 8, 2] of regions [N, 32]: (upper, lower) edge, point, (x, y)."""
    return outlines.reshape(outlines.shape[0], 2, POINTS, 2)


def shares(t: Tensor) -> Tensor:
    """Interpolation weights [..., 8] of an edge's points for positions t [...], from 0 at the edge's start to 1 at its
    end. Beyond these, edges continue as straight lines."""
    at = t * (POINTS - 1)
    inside = at.clamp(0, POINTS - 1)
    number = torch.arange(POINTS, device=t.device)
    near = (1 - (inside[..., None] - number).abs()).clamp(min=0)
    first, second = (number == 0).to(t.dtype), (number == 1).to(t.dtype)
    before, after = (at - inside).clamp(max=0)[..., None], (at - inside).clamp(min=0)[..., None]
    return near + before * (second - first) + after * (first.flip(0) - second.flip(0))


def evenly(lines: Tensor, way: Tensor) -> Tensor:
    """Eight points [..., 8, 2] on lines [..., K, 2], at equal steps of `way` [..., K], which increases along a line
    from 0."""
    wanted = torch.linspace(0, 1, POINTS, device=lines.device) * way[..., -1:]  # ... x 8
    length = (way[..., 1:] - way[..., :-1]).clamp(min=_EPSILON)
    done = ((wanted[..., None] - way[..., None, :-1]) / length[..., None, :]).clamp(0, 1)  # ... x 8 x K - 1
    return lines[..., :1, :] + done @ (lines[..., 1:, :] - lines[..., :-1, :])


def ways(lines: Tensor) -> Tensor:
    """The distances [..., K] of the points of lines [..., K, 2] from the line's start, along the line."""
    steps = (lines[..., 1:, :] - lines[..., :-1, :]).square().sum(-1).sqrt().cumsum(-1)
    return torch.cat((torch.zeros_like(steps[..., :1]), steps), -1)


def of_edges(upper: Tensor, lower: Tensor) -> Tensor:
    """Regions [N, 32] between two edges [N, K, 2] whose points face each other."""
    way = ways((upper + lower) / 2)
    return torch.stack((evenly(upper, way), evenly(lower, way)), 1).flatten(1)


def of_polygons(polygons: Tensor) -> Tensor:
    """Regions [N, 32] of polygons [N, 2n, 2], n at least 2: eight points on each edge, evenly along it."""
    half = polygons.shape[1] // 2
    lines = torch.stack((polygons[:, :half], polygons[:, half:].flip(1)), 1)
    return evenly(lines, ways(lines)).flatten(1)


def to_polygons(outlines: Tensor) -> Tensor:
    """Polygons [N, 16, 2] of regions [N, 32]."""
    upper, lower = edges(outlines).unbind(1)
    return torch.cat((upper, lower.flip(1)), 1)


def measured(outlines: Tensor) -> Extent:
    """As `Geometry.extent`: the length of the middle line, and the area divided by it."""
    upper, lower = edges(outlines).unbind(1)
    middle, across = (upper + lower) / 2, lower - upper
    step = middle[:, 1:] - middle[:, :-1]
    down = (across[:, 1:] + across[:, :-1]) / 2
    lengths = step.square().sum(-1).sqrt().sum(1)
    areas = (step[..., 0] * down[..., 1] - step[..., 1] * down[..., 0]).sum(1)
    return Extent(lengths, (areas / lengths.clamp(min=_EPSILON)).clamp(min=0))


def outline_places(outlines: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """As `Geometry.places`."""
    line = shares(u + 0.5)[:, None] @ edges(outlines)  # N x 2 x C x 2
    upper, lower = line[:, 0, None], line[:, 1, None]  # N x 1 x C x 2
    x, y = (upper + (lower - upper) * (v[None, :, None, None] + 0.5)).unbind(-1)
    return x, y


def parted(outlines: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """As `Geometry.part`, with eight new points on each edge."""
    steps = torch.linspace(0, 1, POINTS, device=outlines.device)
    t = start[:, None] + 0.5 + (end - start)[:, None] * steps
    return (shares(t)[:, None] @ edges(outlines)).flatten(1)


def placed(outlines: Tensor, anchors: AnchorPoints) -> Tensor:
    """Regions [N, 32] in the picture's pixels -> in the pixels of the map of these anchor points."""
    at = anchors.placement(measured(outlines).heights)
    if at is None:
        return outlines
    points = edges(outlines)
    each = at.of(torch.arange(outlines.shape[0], device=outlines.device))
    return torch.stack((each.x(points[..., 0]), each.y(points[..., 1])), -1).flatten(1)


def inside(polygons: Tensor, points: Tensor) -> Tensor:
    """bool [N, M]: which points [N, M, 2] lie in polygons [N, P, 2], by the crossings of a ray (even-odd rule)."""
    x, y = points[..., None, 0], points[..., None, 1]  # N x M x 1
    x1, y1 = (polygons[:, None, :, axis] for axis in (0, 1))  # N x 1 x P
    x2, y2 = (value.roll(-1, 2) for value in (x1, y1))
    spans = (y1 > y) != (y2 > y)
    slope = torch.where(spans, y2 - y1, 1.0)
    crossed: Tensor = (spans & (x < x1 + (y - y1) / slope * (x2 - x1))).sum(2) % 2 == 1
    return crossed


class _Outlines:
    """Implements `spotter.model.family.Geometry` for outlines of masks."""

    def of_polygons(self, polygons: Tensor) -> Tensor:
        """As `Geometry.of_polygons`."""
        return of_polygons(polygons)

    def polygons(self, shapes: Tensor) -> Tensor:
        """As `Geometry.polygons`: sixteen points."""
        return to_polygons(shapes)

    def extent(self, shapes: Tensor) -> Extent:
        """As `Geometry.extent`."""
        return measured(shapes)

    def places(self, shapes: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """As `Geometry.places`."""
        return outline_places(shapes, u, v)

    def part(self, shapes: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """As `Geometry.part`."""
        return parted(shapes, start, end)

    def reversed(self, shapes: Tensor) -> Tensor:
        """As `Geometry.reversed`: the lower edge becomes the upper one, and each runs the other way."""
        return edges(shapes).flip(1, 2).flatten(1)


OUTLINES: Geometry = _Outlines()
