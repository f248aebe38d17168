"""The branch of instance masks: which part of a proposal's patch is the word (He et al. 2017, Mask R-CNN,
arXiv:1703.06870).

A proposal is a region between two Bezier curves. Its patch is sampled along the curves, with margins on every side so
that the mask can include what the proposal has cut off; so a mask is level, however its word bends. The branch predicts
a residual, which is added to the logits of a mask of the proposal itself. A new branch predicts 0, so words begin as
their proposals.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.families.abcnet.bezier import bezier_places, extended_edges, measured, placed
from spotter.families.mask_textspotter.outlines import of_edges
from spotter.families.mask_textspotter.scanning import scan_columns
from spotter.model.anchors import STRIDE, AnchorPoints
from spotter.model.blocks import convolution
from spotter.model.regions import Sample, sample_regions

ROWS, COLUMNS = 16, 64
"""The size of a mask; features are sampled at half of that."""
_ABOVE, _BESIDE = 0.25, 0.3  # of the proposal's height: margins of a patch, across and along the text
_MOST_BESIDE = 1.5  # of its length: the most that is shown beyond each end
_STEEP = 8.0  # nats for each height of distance inwards from the proposal's border


@dataclass(frozen=True)
class Masks:
    """Instance masks of proposals. logits: float32 [N, ROWS, COLUMNS]. curves: float32 [N, 16], the proposals, in the
    picture's pixels."""

    logits: Tensor
    curves: Tensor


def beside(curves: Tensor) -> Tensor:
    """How far the patches of proposals [N, 16] reach beyond each end, [N], in multiples of their length."""
    lengths, heights = measured(curves)
    return (_BESIDE * heights / lengths.clamp(min=1e-3)).clamp(max=_MOST_BESIDE)


def middles(count: int, device: torch.device) -> Tensor:
    """The middles [count] of equal parts of a side, from -0.5 to 0.5."""
    return (torch.arange(count, device=device) + 0.5) / count - 0.5


def proposal_logits(curves: Tensor) -> Tensor:
    """Logits [N, ROWS, COLUMNS] of masks that are the proposals [N, 16] themselves."""
    lengths, heights = measured(curves)
    ratio = (lengths / heights.clamp(min=1e-3))[:, None]
    reach = 1 + 2 * beside(curves)[:, None]
    along = ratio * (0.5 - middles(COLUMNS, curves.device).abs() * reach)  # heights from the nearer end
    across = 0.5 - middles(ROWS, curves.device).abs() * (1 + 2 * _ABOVE)
    return _STEEP * torch.minimum(along[:, None, :].clamp(-1, 1), across[:, None])


def cell_places(curves: Tensor, rows: int = ROWS, columns: int = COLUMNS) -> Tensor:
    """The positions [N, rows, columns, 2], in the same pixels, of the middles of the cells into which the patches of
    proposals [N, 16] are divided."""
    u = middles(columns, curves.device) * (1 + 2 * beside(curves)[:, None])
    v = middles(rows, curves.device) * (1 + 2 * _ABOVE)
    return torch.stack(bezier_places(curves, u, v), -1)


class MaskBranch(nn.Module):
    """Two convolutions at half of a mask's size and one at its own."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.sample: Sample = sample_regions
        self.look = nn.Sequential(convolution(inputs, width), convolution(width, width))
        self.refine = convolution(width, width)
        self.out = nn.Conv2d(width, 1, 1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor, anchors: AnchorPoints, curves: Tensor, image_index: Tensor) -> Masks:
        """Masks of proposals [N, 16] in the picture's pixels, N at least 1; features [B, C, H, W] at stride 4."""
        grid = cell_places(placed(curves, anchors), ROWS // 2, COLUMNS // 2) / STRIDE
        patches = self.look(self.sample(features.float(), grid, image_index))
        found = self.out(self.refine(F.interpolate(patches, scale_factor=2.0, mode="nearest")))
        return Masks(found.squeeze(1).float() + proposal_logits(curves), curves)


def outlines_of(masks: Masks) -> Tensor:
    """Regions [N, 32] of masks; where a mask is empty, of the proposal."""
    empty = (masks.logits <= 0).flatten(1).all(1)
    logits = torch.where(empty[:, None, None], proposal_logits(masks.curves), masks.logits)
    lengths, heights = measured(masks.curves)
    reach = 1 + 2 * beside(masks.curves)
    scan = scan_columns(logits, heights / (lengths * reach).clamp(min=1e-3))
    upper, lower = extended_edges(masks.curves, 0.5 + (scan.across - 0.5) * reach[:, None]).unbind(1)

    def edge(side: Tensor) -> Tensor:
        return upper + (lower - upper) * (0.5 + (side - 0.5) * (1 + 2 * _ABOVE))[..., None]

    return of_edges(edge(scan.upper), edge(scan.lower))
