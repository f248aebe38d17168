"""The branch of instance masks: which part of a proposal's patch is the word (He et al. 2017, Mask R-CNN,
arXiv:1703.06870).

A patch is a proposal's box, grown on every side so that the mask can include what the box has cut off. The branch
predicts a residual, which is added to the logits of a mask of the box itself. A new branch predicts 0, so words begin
as FOTS's boxes.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.families.fots.boxes import SLANTED_BOXES, placed
from spotter.families.mask_textspotter.outlines import of_edges
from spotter.families.mask_textspotter.scanning import scan_columns
from spotter.families.patches import bins
from spotter.model.anchors import STRIDE, AnchorPoints
from spotter.model.blocks import convolution
from spotter.model.regions import Sample, sample_regions

ROWS, COLUMNS = 16, 64
"""The size of a mask; features are sampled at half of that."""
_ABOVE, _BESIDE = 0.25, 0.3  # of the box's height: margins of a patch, across and along the text
_STEEP = 8.0  # nats for each height of distance inwards from the box's border


@dataclass(frozen=True)
class Masks:
    """Instance masks of boxes. logits: float32 [N, ROWS, COLUMNS]. boxes: slanted boxes float32 [N, 6] of the patches,
    in the picture's pixels."""

    logits: Tensor
    boxes: Tensor


def grown(boxes: Tensor) -> Tensor:
    """The boxes [N, 6] of the patches of boxes [N, 6]."""
    cx, cy, w, h, theta, slant = boxes.unbind(1)
    return torch.stack((cx, cy, w + 2 * _BESIDE * h, h * (1 + 2 * _ABOVE), theta, slant), 1)


def middles(count: int, device: torch.device) -> Tensor:
    """The middles [count] of equal parts of a side, from -0.5 to 0.5."""
    return (torch.arange(count, device=device) + 0.5) / count - 0.5


def box_logits(boxes: Tensor) -> Tensor:
    """Logits [N, ROWS, COLUMNS] of masks that are the boxes [N, 6] themselves."""
    w, h = boxes[:, 2, None], boxes[:, 3, None]
    ratio = (w / h.clamp(min=1e-3)).nan_to_num(0.0)
    along = ratio / 2 - middles(COLUMNS, boxes.device).abs() * (ratio + 2 * _BESIDE)  # heights from the nearer end
    across = 0.5 - middles(ROWS, boxes.device).abs() * (1 + 2 * _ABOVE)
    return _STEEP * torch.minimum(along[:, None, :].clamp(-1, 1), across[:, None])


def cell_places(boxes: Tensor) -> Tensor:
    """The positions [N, ROWS * COLUMNS, 2] in the picture of the middles of masks' cells; boxes as in `Masks`."""
    return bins(SLANTED_BOXES, boxes, torch.full_like(boxes[:, 0], COLUMNS), ROWS, COLUMNS).flatten(1, 2)


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

    def forward(self, features: Tensor, anchors: AnchorPoints, boxes: Tensor, image_index: Tensor) -> Masks:
        """Masks of boxes [N, 6] in the picture's pixels, N at least 1; features [B, C, H, W] at stride 4."""
        rows, columns = ROWS // 2, COLUMNS // 2
        there = grown(placed(boxes, anchors))
        widths = torch.full_like(image_index, columns)
        grid = bins(SLANTED_BOXES, there, widths, rows, columns) / STRIDE
        patches = self.look(self.sample(features.float(), grid, image_index))
        found = self.out(self.refine(F.interpolate(patches, scale_factor=2.0, mode="nearest")))
        return Masks(found.squeeze(1).float() + box_logits(boxes), grown(boxes))


def outlines_of(masks: Masks, boxes: Tensor) -> Tensor:
    """Regions [N, 32] of the masks of boxes [N, 6]; where a mask is empty, of the box."""
    empty = (masks.logits <= 0).flatten(1).all(1)
    logits = torch.where(empty[:, None, None], box_logits(boxes), masks.logits)
    scan = scan_columns(logits, boxes[:, 3] / masks.boxes[:, 2].clamp(min=1e-3))
    cx, cy, w, h, theta, slant = (value[:, None] for value in masks.boxes.unbind(1))
    edges = []
    for side in (scan.upper, scan.lower):
        down = (side - 0.5) * h
        along = (scan.across - 0.5) * w + slant * down
        x, y = cx + along * theta.cos() - down * theta.sin(), cy + along * theta.sin() + down * theta.cos()
        edges.append(torch.stack((x, y), -1))
    return of_edges(edges[0], edges[1])
