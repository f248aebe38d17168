"""FOTS's dense maps, and the boxes that their anchor points predict."""

from dataclasses import dataclass

import torch
from torch import Tensor

from spotter.families.fots.boxes import MOST_SLANT
from spotter.model.anchors import AnchorPoints


@dataclass(frozen=True)
class DetectionMaps:
    """score: logits [B, 1, H, W]. distances: map's pixels to the top, right, bottom and left side [B, 4, H, W].
    direction: (cos, sin), not normalised, and the slant [B, 3, H, W]. anchors: where the anchor points lie in the
    picture."""

    score: Tensor
    distances: Tensor
    direction: Tensor
    anchors: AnchorPoints

    def boxes(self, image_index: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """The boxes [N, 6], in the picture's pixels, that anchor points predict."""
        anchors = self.anchors
        return decode_boxes(
            self.distances[image_index, :, row, column] * anchors.scale[row, column][:, None],
            self.direction[image_index, :, row, column],
            anchors.x[row, column],
            anchors.y[row, column],
        )


def decode_boxes(distances: Tensor, direction: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Boxes [..., 6] from the predictions of anchor points: distances [..., 4], direction [..., 3]; x, y [...]: the
    anchor points, in pixels."""
    top, right, bottom, left = distances.unbind(-1)
    norm = direction[..., :2].square().sum(-1).sqrt().clamp(min=1e-6)
    cos, sin = direction[..., 0] / norm, direction[..., 1] / norm
    slant = direction[..., 2].clamp(-MOST_SLANT, MOST_SLANT)
    down = (bottom - top) / 2
    along = (right - left) / 2 + slant * down
    return torch.stack(
        (
            x + along * cos - down * sin,
            y + along * sin + down * cos,
            left + right,
            top + bottom,
            torch.atan2(sin, cos),
            slant,
        ),
        -1,
    )
