"""Gates computed from the mean of a whole map: of its channels, and of the levels of a pyramid."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def masked_mean(x: Tensor, inside: Tensor | None) -> Tensor:
    """The mean [B, C, 1, 1] of a map [B, C, H, W] over the picture: inside [B, 1, H, W] is 1 there and 0 in padding,
    which would otherwise influence what is read."""
    if inside is None:
        return x.mean((2, 3), keepdim=True)
    inside = inside.to(x.dtype)
    return (x * inside).sum((2, 3), keepdim=True) / inside.sum((2, 3), keepdim=True).clamp(min=1e-3)


class SqueezeExcitation(nn.Module):
    """Channel attention: weighs each channel by a function of the means of all channels (Hu et al. 2018,
    arXiv:1709.01507)."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(channels // reduction, 4)
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.excite = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """x: [B, C, H, W]; inside as in `masked_mean`."""
        hidden = F.silu(
            self.squeeze(masked_mean(x, inside))
        )  # with a ReLU all units could be dead, since norms make the means small
        out: Tensor = x * self.excite(hidden).sigmoid()
        return out


class LevelGate(nn.Module):
    """Weighs the levels of a pyramid for each picture by factors whose mean is 1: a softmax over a function of the
    means of all maps. So a page of small print may use the fine levels more and a poster the coarse ones. A new gate
    leaves the maps as they are.

    This is the learnt gate of a mixture of experts (Jacobs et al. 1991, "Adaptive Mixtures of Local Experts"), with the
    levels as experts, all of which are used.
    """

    def __init__(self, inputs: Sequence[int]) -> None:
        """inputs: channels of the maps."""
        super().__init__()
        self.choose = nn.Conv2d(sum(inputs), len(inputs), 1)
        nn.init.zeros_(self.choose.weight)
        assert self.choose.bias is not None
        nn.init.zeros_(self.choose.bias)

    def forward(self, maps: Sequence[Tensor], insides: Sequence[Tensor | None]) -> list[Tensor]:
        """maps: [B, C, H, W] each; insides: of each, as in `masked_mean`."""
        means = torch.cat([masked_mean(x, inside) for x, inside in zip(maps, insides, strict=True)], 1)
        factors = len(maps) * self.choose(means).softmax(1)  # B x levels x 1 x 1
        return [x * factors[:, level : level + 1] for level, x in enumerate(maps)]
