r"""Regions between two cubic Bezier curves, float32 [N, 16] in pixels: a word's upper edge, then its lower edge.

Each curve has four control points (x, y). Both curves run in reading order, unlike a polygon, whose lower edge runs
back:

        t0 --- t1 ---------- t2 --- t3        t0, t3, b0 and b3 are the word's corners
        |                            |
        b0 --- b1 ---------- b2 --- b3

A point of a curve is sum_i B_i(t) p_i, t from 0 to 1, with the Bernstein polynomials B_i (Liu et al. 2020, ABCNet,
arXiv:2002.10200, equation 1).
"""

import torch
from torch import Tensor

from spotter.model.anchors import AnchorPoints
from spotter.model.family import Extent, Geometry

NUMBERS = 16
"""The numbers that describe a region."""
OUTLINE = 8
"""Points of each edge of a polygon."""
PIECES = 8
"""Straight pieces of the middle line by which length and area are measured."""
_TURNS = 33
"""Points of the middle line at which its direction is measured."""
_RIDGE = 1e-6  # regularisation: too small to move fits to three or more points; with two the curve becomes straight
_EPSILON = 1e-6


def bernstein(t: Tensor) -> Tensor:
    """The four cubic Bernstein polynomials [..., 4] at t [...]."""
    s = 1 - t
    return torch.stack((s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t), -1)


def tangents(points: Tensor, t: Tensor) -> Tensor:
    """The derivatives by t [..., T, 2] of curves with control points [..., 4, 2] at t [..., T]."""
    s = 1 - t
    basis = torch.stack((s * s, 2 * s * t, t * t), -1)
    return 3 * basis @ (points[..., 1:, :] - points[..., :-1, :])


def controls(curves: Tensor) -> Tensor:
    """Control points [N, 2, 4, 2] of regions [N, 16]: (upper, lower) edge, point, (x, y)."""
    return curves.reshape(curves.shape[0], 2, 4, 2)


def edges(curves: Tensor, t: Tensor) -> Tensor:
    """Points [N, 2, T, 2] of the edges of regions [N, 16] at t [T]."""
    return bernstein(t) @ controls(curves)


def fitted(polygons: Tensor) -> Tensor:
    """Regions [N, 16] fitted to polygons [N, 2n, 2], n at least 2, see `fitted_edges`."""
    half = polygons.shape[1] // 2
    exact = polygons.double()
    return fitted_edges(torch.stack((exact[:, :half], exact[:, half:].flip(1)), 1)).to(polygons.dtype)


def fitted_edges(points: Tensor) -> Tensor:
    """Regions [N, 16] fitted to points [N, 2, n, 2] of their two edges, n at least 2, by least squares for each edge
    with fixed end points.

    A point's t is its share of the length along the edge, as in ABCNet, and its weight is the distance along the edge
    from the point before it to the one after it. An edge of two points becomes straight, one of three the parabola
    through them: where the points leave a choice, control points stay close to the thirds of the straight line.
    """
    way = (points[:, :, 1:] - points[:, :, :-1]).square().sum(-1).sqrt().cumsum(2)
    t = torch.cat((torch.zeros_like(way[:, :, :1]), way / way[:, :, -1:].clamp(min=_EPSILON)), 2)
    basis = bernstein(t)  # N x 2 x n x 4
    first, last = points[:, :, :1], points[:, :, -1:]
    straight = torch.cat((first, (2 * first + last) / 3, (first + 2 * last) / 3, last), 2)
    inner = basis[..., 1:3]
    # The end points are fixed, so their weights do not matter.
    weighted = torch.cat((t[:, :, :1], t[:, :, 2:] - t[:, :, :-2], t[:, :, :1]), 2)[..., None] * inner
    square = weighted.transpose(2, 3) @ inner
    wanted = weighted.transpose(2, 3) @ (points - basis @ straight)
    # Two equations with two unknowns, solved by Cramer's rule: graphs have no operator that solves equations.
    a, b, c = square[..., 0, 0] + _RIDGE, square[..., 0, 1], square[..., 1, 1] + _RIDGE
    one, other = wanted.unbind(2)  # N x 2 x 2
    area = (a * c - b * b)[..., None]
    moved = torch.stack(
        ((c[..., None] * one - b[..., None] * other) / area, (a[..., None] * other - b[..., None] * one) / area), 2
    )
    return torch.cat((first, straight[:, :, 1:3] + moved, last), 2).flatten(1)


def outlines(curves: Tensor) -> Tensor:
    """Polygons [N, 16, 2] of regions [N, 16]: eight points of the upper edge, then eight of the lower one back, evenly
    spaced in t."""
    upper, lower = edges(curves, torch.linspace(0, 1, OUTLINE, device=curves.device)).unbind(1)
    return torch.cat((upper, lower.flip(1)), 1)


def middle_lines(curves: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Points [N, T, 2] of the lines midway between the edges at t [T], and the vectors [N, T, 2] from the upper edge to
    the lower one there."""
    upper, lower = edges(curves, t).unbind(1)
    return (upper + lower) / 2, lower - upper


def measured(curves: Tensor) -> Extent:
    """As `Geometry.extent`: the length of the middle line, and the area between the edges divided by that length; for a
    parallelogram its width and its height across."""
    middle, across = middle_lines(curves, torch.linspace(0, 1, PIECES + 1, device=curves.device))
    step = middle[:, 1:] - middle[:, :-1]
    down = (across[:, 1:] + across[:, :-1]) / 2
    lengths = step.square().sum(-1).sqrt().sum(1)
    areas = (step[..., 0] * down[..., 1] - step[..., 1] * down[..., 0]).sum(1)
    return Extent(lengths, (areas / lengths.clamp(min=_EPSILON)).clamp(min=0))


def extended_edges(curves: Tensor, t: Tensor) -> Tensor:
    """Points [N, 2, T, 2] of the edges of regions [N, 16] at t [N, T]. Beyond their ends edges continue as straight
    lines."""
    inside = t.clamp(0, 1)
    points = controls(curves)
    before, after = (t - inside).clamp(max=0)[:, None, :, None], (t - inside).clamp(min=0)[:, None, :, None]
    line = bernstein(inside)[:, None] @ points
    line = line + before * 3 * (points[:, :, 1:2] - points[:, :, :1])
    return line + after * 3 * (points[:, :, 3:] - points[:, :, 2:3])


def bezier_places(curves: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """As `Geometry.places`: the grid of BezierAlign, on `extended_edges`."""
    line = extended_edges(curves, u + 0.5)
    upper, lower = line[:, 0, None], line[:, 1, None]  # N x 1 x C x 2
    share = v[None, :, None, None] + 0.5
    x, y = (upper + (lower - upper) * share).unbind(-1)
    return x, y


def parted(curves: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """As `Geometry.part`, without approximation: the control points of a part are values of the curve's blossom
    (its polar form, Ramshaw 1989) at the part's ends."""
    a, b = start + 0.5, end + 0.5
    rows = []
    for first, second, third in ((a, a, a), (a, a, b), (a, b, b), (b, b, b)):
        one, two, three = 1 - first, 1 - second, 1 - third
        rows.append(
            torch.stack(
                (
                    one * two * three,
                    first * two * three + one * second * three + one * two * third,
                    first * second * three + first * two * third + one * second * third,
                    first * second * third,
                ),
                -1,
            )
        )
    return (torch.stack(rows, 1)[:, None] @ controls(curves)).flatten(1)


def straight_parts(curves: Tensor, words: Tensor, place: Tensor, most: float) -> tuple[Tensor, Tensor]:
    """Start and end [K], from 0 to 1, of the parts around the points at `place` [K] of the regions `words` int64 [K] of
    [N, 16] within which the middle line turns by at most `most` radians from its direction there."""
    t = torch.linspace(0, 1, _TURNS, device=curves.device)
    points = controls(curves).mean(1)
    along = tangents(points, t)  # N x T x 2
    before, after = along[:, :-1], along[:, 1:]
    bend = torch.atan2(before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0], (before * after).sum(-1))
    turned = torch.cat((torch.zeros_like(bend[:, :1]), bend.cumsum(1)), 1)[words]  # K x T
    at = place * (_TURNS - 1)
    low = at.floor().clamp(0, _TURNS - 2)
    near, next_to_it = (turned.gather(1, (low + more).to(torch.int64)[:, None]) for more in (0, 1))
    turn = (turned - near - (at - low)[:, None] * (next_to_it - near)).abs()
    # Between two of the points the direction is taken to change evenly.
    first, second, length = turn[:, :-1], turn[:, 1:], 1 / (_TURNS - 1)
    share = ((most - first) / torch.where((second - first).abs() < _EPSILON, _EPSILON, second - first)).clamp(0, 1)
    reached = t[:-1] + length * share
    start = torch.where((first > most) & (t[:-1] < place[:, None]), reached, 0.0).amax(1)
    end = torch.where((second > most) & (t[1:] > place[:, None]), reached, 1.0).amin(1)
    return start, end


def placed(curves: Tensor, anchors: AnchorPoints) -> Tensor:
    """Regions [N, 16] in the picture's pixels -> in the pixels of the map of these anchor points."""
    at = anchors.placement(measured(curves).heights)
    if at is None:
        return curves
    points = controls(curves)
    each = at.of(torch.arange(curves.shape[0], device=curves.device))
    return torch.stack((each.x(points[..., 0]), each.y(points[..., 1])), -1).flatten(1)


class _BezierRegions:
    """Implements `spotter.model.family.Geometry` for regions between two curves."""

    def of_polygons(self, polygons: Tensor) -> Tensor:
        """As `Geometry.of_polygons`."""
        return fitted(polygons)

    def polygons(self, shapes: Tensor) -> Tensor:
        """As `Geometry.polygons`: sixteen points."""
        return outlines(shapes)

    def extent(self, shapes: Tensor) -> Extent:
        """As `Geometry.extent`."""
        return measured(shapes)

    def places(self, shapes: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """As `Geometry.places`."""
        return bezier_places(shapes, u, v)

    def part(self, shapes: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """As `Geometry.part`."""
        return parted(shapes, start, end)

    def reversed(self, shapes: Tensor) -> Tensor:
        """As `Geometry.reversed`: the lower edge becomes the upper one, and each runs the other way."""
        return controls(shapes).flip(1, 2).flatten(1)


BEZIER_REGIONS: Geometry = _BezierRegions()
