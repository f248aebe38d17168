"""Regions and masks that tests draw."""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from spotter.families.mask_textspotter.mask import Masks, proposal_logits
from spotter.families.mask_textspotter.outlines import of_polygons

Module = TypeVar("Module", bound=nn.Module)


def quad(left: float, top: float, right: float, bottom: float) -> Tensor:
    """An upright rectangle as a polygon [1, 4, 2]."""
    return torch.tensor([[[left, top], [right, top], [right, bottom], [left, bottom]]], dtype=torch.float32)


def straight(left: float, top: float, right: float, bottom: float) -> Tensor:
    """An upright rectangle as a region [1, 32]."""
    return of_polygons(quad(left, top, right, bottom))


def arch(inner: float, outer: float, degrees: float, centre: tuple[float, float], points: int = 8) -> Tensor:
    """A word on the top of a circle as a polygon [1, 2 points, 2], over so many degrees, read clockwise."""
    angle = torch.linspace(-degrees / 2, degrees / 2, points) * math.pi / 180
    way = torch.stack((angle.sin(), -angle.cos()), 1)
    return (torch.cat((outer * way, inner * way.flip(0))) + torch.tensor(centre))[None]


def own_masks(curves: Tensor) -> Masks:
    """Masks that are their proposals [N, 16]."""
    return Masks(proposal_logits(curves), curves)


def loud(module: Module) -> Module:
    """Random weights so large that what a module reads varies with what it sees."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 1)
    return module.eval()


def bias(layer: nn.Conv2d | nn.Linear) -> Tensor:
    """A layer's bias."""
    assert layer.bias is not None
    return layer.bias


def classes(path: Tensor) -> int:
    """How many different classes a path has."""
    return len(set(path.flatten().tolist()))
