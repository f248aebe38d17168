"""What a family of spotters brings, and nothing else: a head that finds regions, and a sampler that cuts them out.

FOTS's are `spotter.model.detection.DetectionHead` and `spotter.model.regions.RoIRotate`.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from spotter.model.cells import Cells


class Maps(Protocol):
    """A head's dense maps: whatever it learns from and finds its regions in, and these.

    score: logits of text [B, 1, H, W]. cells: where its cells are in the picture.
    """

    @property
    def score(self) -> Tensor: ...

    @property
    def cells(self) -> Cells: ...


@dataclass(frozen=True)
class Regions:
    """Words found in a batch.

    shapes: float32 [N, G], picture's pixels, the numbers that make a region of the family: a leaning box's six, say.
    scores: float32 [N], probabilities. image_index: int64 [N].
    """

    shapes: Tensor
    scores: Tensor
    image_index: Tensor


@dataclass(frozen=True)
class Patches:
    """fine: [N, C, 2 height, 2 W], sampled at stride 2. coarse: [N, C, height, W], sampled at stride 4.
    widths: int64 [N], columns of `coarse` that belong to the region."""

    fine: Tensor
    coarse: Tensor
    widths: Tensor


class Head(nn.Module):
    """Finds regions on the shared features."""

    def forward(self, features: Tensor, cells: Cells) -> Maps:
        """Features [B, C, H, W], one vector a cell -> maps of the same size, float32."""
        raise NotImplementedError

    def regions(self, maps: Any, sizes: Tensor) -> Regions:
        """Words in the head's own maps, best first within each picture; sizes int [B, 2] = (height, width), pixels."""
        raise NotImplementedError


class RegionSampler(nn.Module):
    """Cuts regions out of the features, and tells their outlines."""

    def forward(self, fine: Tensor, shared: Tensor, cells: Cells, shapes: Tensor, image_index: Tensor) -> Patches:
        """Patches of shapes [N, G] of the maps `image_index` [N], N at least 1.

        fine, shared: [B, C, H, W] at strides 2 and 4. cells: of the latter.
        """
        raise NotImplementedError

    def polygons(self, shapes: Tensor) -> Tensor:
        """Outlines float32 [N, P, 2] of shapes [N, G], picture's pixels, from the text's own top-left corner, clockwise
        as its reader sees it."""
        raise NotImplementedError
