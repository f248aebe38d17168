r"""Slanted boxes, parallelograms: (cx, cy, w, h, theta, slant) in pixels and radians.

w lies along the reading direction, theta in (-pi, pi] turns x towards y, h is measured across it. slant: how many
pixels further along a point lies for each pixel further down, in the box's frame; 0 for a rotated rectangle:

          reading direction (cos theta, sin theta)
        p0 ------------------------- p1
          \        (cx, cy)          \   h
           p3 ------------------------- p2
                      w
"""

import torch
from torch import Tensor

from spotter.model.anchors import AnchorPoints
from spotter.model.family import Extent, Geometry

_EPSILON = 1e-6
MOST_SLANT = 1.2  # a slant of 50 degrees


def boxes_to_polygons(boxes: Tensor) -> Tensor:
    """Corners [N, 4, 2] of boxes [N, 6], from the text's own top-left, clockwise for its reader."""
    cx, cy, w, h, theta, slant = boxes.unbind(-1)
    cos, sin = theta.cos(), theta.sin()
    along = torch.stack((cos * w, sin * w), -1) / 2
    down = torch.stack(((slant * cos - sin) * h, (slant * sin + cos) * h), -1) / 2
    centre = torch.stack((cx, cy), -1)
    return torch.stack((centre - along - down, centre + along - down, centre + along + down, centre - along + down), -2)


def polygons_to_boxes(polygons: Tensor) -> Tensor:
    """Boxes [N, 6] of polygons [N, 2n, 2]; for a curved one, the rectangle around it (see `_rectangles`).

    The direction runs from the middle of the left side to the middle of the right, the slant from the middle of the top
    to the middle of the bottom; each side of the box lies at the mean of the two corners that belong to it. So a
    parallelogram is converted exactly; for other polygons the box keeps the area and the centre and need not cover
    every corner. Slants are clipped to MOST_SLANT.
    """
    quadrilaterals = polygons if polygons.shape[-2] == 4 else _rectangles(polygons)
    top_left, top_right, bottom_right, bottom_left = quadrilaterals.unbind(-2)
    direction = (top_right + bottom_right) - (top_left + bottom_left)
    theta = torch.atan2(direction[..., 1], direction[..., 0])
    along = torch.stack((theta.cos(), theta.sin()), -1)
    down = torch.stack((-theta.sin(), theta.cos()), -1)
    centre = quadrilaterals.mean(-2)

    def extent(first: Tensor, second: Tensor, axis: Tensor) -> Tensor:
        return (((first + second) / 2 - centre) * axis).sum(-1)

    left = extent(top_left, bottom_left, along)
    right = extent(top_right, bottom_right, along)
    top = extent(top_left, top_right, down)
    bottom = extent(bottom_left, bottom_right, down)
    middle = centre + along * ((left + right) / 2)[..., None] + down * ((top + bottom) / 2)[..., None]
    size = torch.stack((right - left, bottom - top), -1).clamp(min=0)
    lower = ((bottom_left + bottom_right) - (top_left + top_right)) / 2
    slant = (lower * along).sum(-1) / (bottom - top).clamp(min=_EPSILON)
    return torch.cat((middle, size, theta[..., None], slant.clamp(-MOST_SLANT, MOST_SLANT)[..., None]), -1)


def _rectangles(polygons: Tensor) -> Tensor:
    """Corners [N, 4, 2] of the rectangles around polygons [N, 2n, 2], along the line from the middle of the left end to
    the middle of the right one."""
    half = polygons.shape[-2] // 2
    start, end = (polygons[:, 0] + polygons[:, -1]) / 2, (polygons[:, half - 1] + polygons[:, half]) / 2
    theta = torch.atan2(end[:, 1] - start[:, 1], end[:, 0] - start[:, 0])
    along = torch.stack((theta.cos(), theta.sin()), -1)
    down = torch.stack((-theta.sin(), theta.cos()), -1)
    x, y = ((polygons * axis[:, None]).sum(-1) for axis in (along, down))
    low_x, high_x, low_y, high_y = x.amin(1), x.amax(1), y.amin(1), y.amax(1)
    corners = ((low_x, low_y), (high_x, low_y), (high_x, high_y), (low_x, high_y))
    return torch.stack([along * x[:, None] + down * y[:, None] for x, y in corners], 1)


def box_places(boxes: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """x and y [N, R, C] of positions u [N, C], v [R] in boxes [N, 6], see `Geometry.places`."""
    cx, cy, w, h, theta, slant = (value[:, None, None] for value in boxes.unbind(-1))
    down = v[None, :, None] * h
    along = u[:, None, :] * w + slant * down
    cos, sin = theta.cos(), theta.sin()
    return cx + along * cos - down * sin, cy + along * sin + down * cos


def placed(boxes: Tensor, anchors: AnchorPoints) -> Tensor:
    """Boxes [N, 6] in the picture's pixels -> in the pixels of the map of these anchor points."""
    at = anchors.placement(boxes[:, 3])
    if at is None:
        return boxes
    x, y = at.x(boxes[:, 0]), at.y(boxes[:, 1])
    return torch.stack((x, y, boxes[:, 2] * at.scale, boxes[:, 3] * at.scale, boxes[:, 4], boxes[:, 5]), 1)


class _SlantedBoxes:
    """Implements `spotter.model.family.Geometry` for slanted boxes."""

    def of_polygons(self, polygons: Tensor) -> Tensor:
        """As `Geometry.of_polygons`."""
        return polygons_to_boxes(polygons)

    def polygons(self, shapes: Tensor) -> Tensor:
        """As `Geometry.polygons`: four corners."""
        return boxes_to_polygons(shapes)

    def extent(self, shapes: Tensor) -> Extent:
        """As `Geometry.extent`."""
        return Extent(shapes[:, 2], shapes[:, 3])

    def places(self, shapes: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """As `Geometry.places`."""
        return box_places(shapes, u, v)

    def part(self, shapes: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """As `Geometry.part`."""
        cx, cy, w, h, theta, slant = shapes.unbind(1)
        moved = (start + end) / 2 * w
        return torch.stack((cx + moved * theta.cos(), cy + moved * theta.sin(), w * (end - start), h, theta, slant), 1)

    def reversed(self, shapes: Tensor) -> Tensor:
        """As `Geometry.reversed`."""
        half_turn = torch.where(shapes[:, 4:5] > 0, -torch.pi, torch.pi)
        return torch.cat((shapes[:, :4], shapes[:, 4:5] + half_turn, shapes[:, 5:]), 1)


SLANTED_BOXES: Geometry = _SlantedBoxes()


def _covariance(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(a, b, c) of the covariance [[a, c], [c, b]] of the uniform density on each box."""
    w, h, theta, slant = boxes[..., 2], boxes[..., 3], boxes[..., 4], boxes[..., 5]
    along, across = w.square() / 12, h.square() / 12
    cos, sin = theta.cos(), theta.sin()
    x, y = slant * cos - sin, slant * sin + cos  # the vector down the slant, for one pixel of height
    return (
        along * cos.square() + across * x.square(),
        along * sin.square() + across * y.square(),
        along * cos * sin + across * x * y,
    )


def probiou(first: Tensor, second: Tensor) -> Tensor:
    """ProbIoU of boxes [..., 6], broadcast: 1 - Hellinger distance of the boxes' Gaussians, in [0, 1].

    Murrugarra-Llerena et al. 2021, arXiv:2106.06072. It needs no clipping of polygons, so it stays tensor algebra.
    """
    a1, b1, c1 = _covariance(first)
    a2, b2, c2 = _covariance(second)
    a, b, c = a1 + a2, b1 + b2, c1 + c2
    dx, dy = first[..., 0] - second[..., 0], first[..., 1] - second[..., 1]
    determinant = (a * b - c.square()).clamp(min=_EPSILON)
    distance = (a * dy.square() + b * dx.square() - 2 * c * dx * dy) / determinant / 4
    own = ((a1 * b1 - c1.square()).clamp(min=_EPSILON) * (a2 * b2 - c2.square()).clamp(min=_EPSILON)).sqrt()
    coefficient = (-distance).exp() * ((4 * own / determinant).clamp(min=_EPSILON)).sqrt()
    return 1 - (1 - coefficient.clamp(0, 1) + _EPSILON).sqrt()
