"""Words bent around a circle, and straight ones."""

import math

import torch
from torch import Tensor

from spotter.families.abcnet.bezier import fitted


def arc(
    inner: float = 80, outer: float = 100, middle: float = -90, span: float = 90, at: tuple[float, float] = (120, 120)
) -> Tensor:
    """Region [1, 16] of a word that stands on a circle and is read clockwise: its lower edge of radius `inner` about
    `at`, its upper of `outer`, `span` degrees long, its middle at `middle` degrees, -90 being the top."""
    return fitted(arc_polygon(inner, outer, middle, span, at))


def arc_polygon(
    inner: float, outer: float, middle: float, span: float, at: tuple[float, float] = (120, 120), points: int = 8
) -> Tensor:
    """The same as a polygon [1, 2 points, 2]."""
    angle = torch.linspace(math.radians(middle - span / 2), math.radians(middle + span / 2), points)
    unit = torch.stack((angle.cos(), angle.sin()), 1)
    return (torch.cat((outer * unit, inner * unit.flip(0))) + torch.tensor(at))[None]


def straight(left: float, top: float, right: float, bottom: float) -> Tensor:
    """Region [1, 16] of an upright rectangle."""
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return fitted(torch.tensor([corners], dtype=torch.float32))
