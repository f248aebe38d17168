"""ABCNet's dense maps, and the regions that their anchor points predict."""

from dataclasses import dataclass

import torch
from torch import Tensor

from spotter.families.abcnet.bezier import NUMBERS
from spotter.model.anchors import AnchorPoints

_MOST_SLANT = 1.2  # a slant of 50 degrees


@dataclass(frozen=True)
class CurveMaps:
    """The predictions of every anchor point for the word that it lies in.

    score: logits [B, 1, H, W]. distances: map's pixels to the top, right, bottom and left side of a slanted box
    [B, 4, H, W]. direction: (cos, sin) of the box, not normalised, and its slant [B, 3, H, W]. bend: offsets of the
    control points of the two edges from the thirds of the box's edges, along it and across, in multiples of its height
    [B, 16, H, W]. anchors: where the anchor points lie in the picture.
    """

    score: Tensor
    distances: Tensor
    direction: Tensor
    bend: Tensor
    anchors: AnchorPoints

    def curves(self, image_index: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """The regions [N, 16], in the picture's pixels, that anchor points predict."""
        anchors = self.anchors
        return decode_curves(
            self.distances[image_index, :, row, column],
            self.direction[image_index, :, row, column],
            self.bend[image_index, :, row, column],
            torch.stack((anchors.x[row, column], anchors.y[row, column]), -1),
            anchors.scale[row, column],
        )


def decode_curves(distances: Tensor, direction: Tensor, bend: Tensor, points: Tensor, scale: Tensor) -> Tensor:
    """Regions [..., 16] in the picture's pixels: distances [..., 4], direction [..., 3] and bend [..., 16] as in
    `CurveMaps`, anchor points [..., 2] in the picture's pixels, and scale [...], how many of the picture's pixels one
    pixel of the map is."""
    top, right, bottom, left = (distances * scale[..., None]).unbind(-1)
    thirds = torch.arange(4, device=distances.device) / 3
    along = (left + right)[..., None] * thirds - left[..., None]  # ... x 4
    height = (top + bottom)[..., None, None]
    offsets = bend.unflatten(-1, (2, 4, 2)) * height[..., None]  # type: ignore[no-untyped-call]
    down = torch.stack((-top, bottom), -1)[..., None] + offsets[..., 1]  # ... x 2 x 4
    slant = direction[..., 2].clamp(-_MOST_SLANT, _MOST_SLANT)[..., None, None]
    across = along[..., None, :] + offsets[..., 0] + slant * down
    norm = direction[..., :2].square().sum(-1).sqrt().clamp(min=1e-6)
    cos, sin = (direction[..., axis, None, None] / norm[..., None, None] for axis in (0, 1))
    x = points[..., 0, None, None] + across * cos - down * sin
    y = points[..., 1, None, None] + across * sin + down * cos
    return torch.stack((x, y), -1).reshape(*distances.shape[:-1], NUMBERS)
