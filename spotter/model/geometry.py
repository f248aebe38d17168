r"""Leaning boxes, parallelograms: (cx, cy, w, h, theta, slant) in pixels and radians.

w lies along the reading direction, theta in (-pi, pi] turns x towards y, h is measured across it. Of two points one
pixel apart in height the lower lies `slant` pixels further along; a rotated rectangle has none:

          reading direction (cos theta, sin theta)
        p0 ------------------------- p1
          \        (cx, cy)          \   h
           p3 ------------------------- p2
                      w
"""

import torch
from torch import Tensor

_EPSILON = 1e-6
MOST_SLANT = 1.2  # a lean of 50 degrees


def boxes_to_polygons(boxes: Tensor) -> Tensor:
    """Corners [N, 4, 2] of boxes [N, 6], from the text's own top-left, clockwise for its reader."""
    cx, cy, w, h, theta, slant = boxes.unbind(-1)
    cos, sin = theta.cos(), theta.sin()
    along = torch.stack((cos * w, sin * w), -1) / 2
    down = torch.stack(((slant * cos - sin) * h, (slant * sin + cos) * h), -1) / 2
    centre = torch.stack((cx, cy), -1)
    return torch.stack((centre - along - down, centre + along - down, centre + along + down, centre - along + down), -2)


def polygons_to_boxes(polygons: Tensor) -> Tensor:
    """Boxes [N, 6] of quadrilaterals [N, 4, 2].

    The direction runs from the middle of the left side to the middle of the right, the lean from the middle of the top
    to the middle of the bottom; each side of the box lies at the mean of the two corners that belong to it, which keeps
    the area and the centre rather than covering every corner, and a parallelogram as it is. Slants end at MOST_SLANT.
    """
    top_left, top_right, bottom_right, bottom_left = polygons.unbind(-2)
    direction = (top_right + bottom_right) - (top_left + bottom_left)
    theta = torch.atan2(direction[..., 1], direction[..., 0])
    along = torch.stack((theta.cos(), theta.sin()), -1)
    down = torch.stack((-theta.sin(), theta.cos()), -1)
    centre = polygons.mean(-2)

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


def _covariance(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(a, b, c) of the covariance [[a, c], [c, b]] of the uniform density on each box."""
    w, h, theta, slant = boxes[..., 2], boxes[..., 3], boxes[..., 4], boxes[..., 5]
    along, across = w.square() / 12, h.square() / 12
    cos, sin = theta.cos(), theta.sin()
    x, y = slant * cos - sin, slant * sin + cos  # the way down the lean, a pixel of height
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
