"""The neck: combines the maps of all strides."""

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.blocks import convolution, downsampling
from spotter.model.context import BranchedContext, DilatedContext
from spotter.model.excitation import LevelGate
from spotter.model.roles import Roles


class FeaturePyramid(nn.Module):
    """A feature pyramid (Lin et al. 2017, arXiv:1612.03144); its output is the finest map."""

    roles: ClassVar[Roles] = Roles(dense=("*",))

    def __init__(self, inputs: Sequence[int], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in inputs)
        self.smooth = nn.ModuleList(convolution(channels, channels) for _ in inputs[:-1])

    def levels(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps, finest first, each half the size of the one before -> as many, `channels` wide."""
        found: list[Tensor] = [self.lateral[-1](maps[-1])]
        for level in range(len(maps) - 2, -1, -1):
            found.insert(0, self.smooth[level](self.lateral[level](maps[level]) + _upsampled(found[0], 1)))
        return found

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps, finest first, each half the size of the one before -> one of the finest's size, `channels` wide."""
        return self.levels(maps)[0]


class PathAggregation(FeaturePyramid):
    """A feature pyramid with a second, bottom-up path to the coarse maps (Liu et al. 2018, PANet, arXiv:1803.01534),
    whose levels are then summed at the finest's size (Wang et al. 2019, PAN, arXiv:1908.05900)."""

    def __init__(self, inputs: Sequence[int], channels: int) -> None:
        super().__init__(inputs, channels)
        self.down = nn.ModuleList(downsampling(channels, channels) for _ in inputs[1:])
        self.joined = nn.ModuleList(convolution(channels, channels) for _ in inputs[1:])

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """As `FeaturePyramid.forward`."""
        finest, *coarser = self.levels(maps)
        total = last = finest
        for level, (down, joined, here) in enumerate(zip(self.down, self.joined, coarser, strict=True), 1):
            last = joined(down(last) + here)
            total = total + _upsampled(last, level)
        return total


class BiFeaturePyramid(nn.Module):
    """Top-down, bottom-up and top-down paths between the levels, every sum with learnt weights (BiFPN: Tan et al. 2020,
    EfficientDet, arXiv:1911.09070). Its output is the finest map."""

    roles: ClassVar[Roles] = Roles(dense=("*",))

    def __init__(self, inputs: Sequence[int], channels: int) -> None:
        super().__init__()
        finer, coarser = len(inputs) - 1, range(len(inputs) - 1)
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in inputs)
        self.down = nn.ModuleList(downsampling(channels, channels) for _ in range(finer))
        self.first, self.upwards, self.last = (
            nn.ModuleList(_WeightedSum(parts, channels) for _ in coarser) for parts in (2, 3, 2)
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """As `FeaturePyramid.forward`."""
        given = [lateral(x) for lateral, x in zip(self.lateral, maps, strict=True)]
        found = _down(self.first, given)
        risen = found[:1]
        for level, (down, join) in enumerate(zip(self.down, self.upwards, strict=True), 1):
            risen.append(join(down(risen[-1]), found[level], given[level]))
        return _down(self.last, risen)[0]


class _WeightedSum(nn.Module):
    """A sum of maps of one size with learnt weights, which are at least 0 and sum to 1, then a convolution."""

    def __init__(self, parts: int, channels: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(parts))
        self.smooth = convolution(channels, channels)

    def forward(self, *maps: Tensor) -> Tensor:
        weights = self.weights.relu()
        total = torch.stack([weight * x for weight, x in zip(weights, maps, strict=True)]).sum(0)
        out: Tensor = self.smooth(total / (weights.sum() + 1e-4))
        return out


def _down(joins: nn.ModuleList, maps: Sequence[Tensor]) -> list[Tensor]:
    """The top-down path: from the coarsest map on, each map is joined with the result of the coarser one."""
    found = [maps[-1]]
    for join, x in zip(reversed(joins), reversed(maps[:-1]), strict=True):
        found.insert(0, join(x, _upsampled(found[0], 1)))
    return found


class RefinedNeck(nn.Module):
    """A neck with a gate before it, a block of context behind it, or both."""

    # The gate computes only a few numbers a picture, so float costs nothing there.
    roles: ClassVar[Roles] = Roles(dense=("*",), exact=("gate.*",), precise=("gate.*",))

    def __init__(self, pyramid: nn.Module, gate: LevelGate | None, context: nn.Module | None) -> None:
        super().__init__()
        self.pyramid = pyramid
        self.gate = gate
        self.context = context

    def forward(self, maps: Sequence[Tensor], inside: Tensor | None = None) -> Tensor:
        """As `FeaturePyramid.forward`. inside: [B, 1, H, W] of the finest map, 1 on the picture and 0 in padding;
        without it the picture fills the maps."""
        if self.gate is not None:
            insides = [inside]
            for _ in maps[1:]:
                insides.append(None if insides[-1] is None else F.avg_pool2d(insides[-1], 2))
            maps = self.gate(maps, insides)
        shared: Tensor = self.pyramid(maps)
        return shared if self.context is None else self.context(shared)


def neck(kind: str, inputs: Sequence[int], channels: int, context: str = "none", gate: bool = False) -> nn.Module:
    """The neck that `SpotterConfig` names by `neck_kind`, `context` and `gate`, for maps of `inputs` channels."""
    kinds = {"fpn": FeaturePyramid, "pan": PathAggregation, "bifpn": BiFeaturePyramid}
    pyramid = kinds[kind](inputs, channels)
    if context == "none" and not gate:
        return pyramid
    contexts = {"dilated": DilatedContext, "branches": BranchedContext}
    around = None if context == "none" else contexts[context](channels)
    return RefinedNeck(pyramid, LevelGate(inputs) if gate else None, around)


def _upsampled(x: Tensor, times: int) -> Tensor:
    """A map [B, C, H, W], upsampled by a factor of 2 ** `times`."""
    return F.interpolate(x, scale_factor=2.0**times, mode="nearest")
