"""Words bent around a circle, straight ones, and maps that predict them."""

import math

import torch
from torch import Tensor

from spotter.families.abcnet.bezier import controls, fitted
from spotter.families.abcnet.maps import CurveMaps
from spotter.families.abcnet.overlap import directions
from spotter.model.anchors import STRIDE, plain_anchors


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


def empty_maps(batch: int, rows: int, columns: int) -> CurveMaps:
    """Maps that say: no text anywhere."""
    direction = torch.zeros(batch, 3, rows, columns)
    direction[:, 0] = 1
    return CurveMaps(
        torch.full((batch, 1, rows, columns), -9.0),
        torch.ones(batch, 4, rows, columns),
        direction,
        torch.zeros(batch, 16, rows, columns),
        plain_anchors(rows, columns, torch.device("cpu")),
    )


def say(maps: CurveMaps, place: tuple[int, int, int], score: float, region: Tensor) -> None:
    """Lets the anchor point (picture, row, column) predict a region [1, 16]; score: a probability."""
    image, row, column = place
    points = controls(region)[0] - torch.tensor([STRIDE * (column + 0.5), STRIDE * (row + 0.5)])  # 2 x 4 x 2
    along = directions(region)[0]
    local = torch.stack((points @ along, points @ torch.stack((-along[1], along[0]))), -1)
    height = 10.0
    maps.score[image, 0, row, column] = torch.logit(torch.tensor(score))
    maps.distances[image, :, row, column] = torch.tensor([4.0, 9.0, 6.0, 12.0])
    maps.direction[image, :2, row, column] = 2.5 * along
    box = torch.stack((21 * torch.arange(4) / 3 - 12, torch.zeros(4)), -1)
    base = torch.stack((box - torch.tensor([0, 4.0]), box + torch.tensor([0, 6.0])))
    maps.bend[image, :, row, column] = ((local - base) / height).flatten()
