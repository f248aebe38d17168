"""The interface of a spotter's detector: a head that finds regions, and a sampler that cuts them out.

Each family has its own; the rest of a family's interface is in `spotter.families.interface`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from spotter.model.anchors import AnchorPoints
from spotter.model.roles import Roles


class Maps(Protocol):
    """A head's dense maps: these two fields, and whatever else the head needs.

    score: logits of text [B, 1, H, W]. anchors: where the anchor points lie in the picture.
    """

    @property
    def score(self) -> Tensor: ...

    @property
    def anchors(self) -> AnchorPoints: ...


class Gaps(NamedTuple):
    """The gaps between words that the head saw within regions: where one word ends and the next begins.

    region: int64 [K]. end, start: float32 [K], the end of the word before the gap and the start of the word after it,
    from -0.5 at the region's left end to 0.5 at its right end. underscore: bool [K], whether an underscore stands
    there.
    """

    region: Tensor
    end: Tensor
    start: Tensor
    underscore: Tensor

    def turned(self, regions: Tensor) -> "Gaps":
        """The same where some regions, bool [N], are read from their other end."""
        other = regions[self.region]
        end, start = torch.where(other, -self.start, self.end), torch.where(other, -self.end, self.start)
        return Gaps(self.region, end, start, self.underscore)


class Parts(NamedTuple):
    """The words that the head saw within regions, before it joined them.

    region: int64 [K]. start, end: float32 [K], where they lie in their region, as in `Gaps`. shapes: float32 [K, G], of
    these words.
    """

    region: Tensor
    start: Tensor
    end: Tensor
    shapes: Tensor

    def turned(self, regions: Tensor, geometry: "Geometry") -> "Parts":
        """The same where some regions, bool [N], are read from their other end."""
        other = regions[self.region]
        return Parts(
            self.region,
            torch.where(other, -self.end, self.start),
            torch.where(other, -self.start, self.end),
            torch.where(other[:, None], geometry.reversed(self.shapes), self.shapes),
        )


@dataclass(frozen=True)
class Regions:
    """Words found in a batch.

    shapes: float32 [N, G], in the picture's pixels: the G numbers that describe a region of the family, e.g. six for a
    slanted box.
    scores: float32 [N], probabilities. image_index: int64 [N]. gaps, parts: of the words within regions, where the head
    gives them.
    """

    shapes: Tensor
    scores: Tensor
    image_index: Tensor
    gaps: Gaps | None = None
    parts: Parts | None = None


@dataclass(frozen=True)
class Patches:
    """fine: [N, C, 2 height, 2 W], sampled at stride 2. coarse: [N, C, height, W], sampled at stride 4.
    widths: int64 [N], columns of `coarse` that belong to the region."""

    fine: Tensor
    coarse: Tensor
    widths: Tensor


class Extent(NamedTuple):
    """lengths: float32 [N], pixels along the reading direction. heights: float32 [N], pixels across it."""

    lengths: Tensor
    heights: Tensor


class Geometry(Protocol):
    """Computations with a family's regions, given as shapes float32 [N, G] in the picture's pixels.

    Every function must accept a shape whose numbers are all 1; such shapes serve as placeholders.
    """

    def of_polygons(self, polygons: Tensor) -> Tensor:
        """Shapes [N, G] of polygons [N, 2n, 2], n at least 2: the top edge in reading order, then the
        bottom edge back."""
        ...

    def polygons(self, shapes: Tensor) -> Tensor:
        """Outlines float32 [N, P, 2] of shapes, P even, from the text's own top-left corner, clockwise as its reader
        sees it."""
        ...

    def extent(self, shapes: Tensor) -> Extent:
        """Lengths and heights of regions."""
        ...

    def places(self, shapes: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """x and y [N, R, C] in the picture of positions in regions: u [N, C] along the reading direction, from -0.5 at
        the region's left end to 0.5 at its right end, v [R] across it, from -0.5 at its upper side to 0.5 at its lower
        side. Positions beyond these lie in the margin around the region."""
        ...

    def part(self, shapes: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """Shapes [N, G] of the parts of regions between `start` and `end` [N], positions as `u` in `places`."""
        ...

    def reversed(self, shapes: Tensor) -> Tensor:
        """Shapes [N, G] of the same regions read from their other end (turned by 180 degrees); a family whose regions
        are all upright returns them unchanged."""
        ...


class Columns(NamedTuple):
    """logits: float32 [N, T, classes]. widths: int64 [N], the columns of each region's patch. stretch: float32 [N], the
    patch's length divided by the region's, more than 1 where the patch has margins."""

    logits: Tensor
    widths: Tensor
    stretch: Tensor

    def of(self, rows: Tensor) -> "Columns":
        """Those of some regions, int64 [M]."""
        return Columns(self.logits[rows], self.widths[rows], self.stretch[rows])


class Head(nn.Module):
    """Finds regions on the shared features.

    summary: what a network with this head is and does, the first sentence of its model card.
    """

    summary: ClassVar[str] = "A text spotter: one network that finds words and reads them, case kept."
    roles: ClassVar[Roles] = Roles()

    def forward(self, features: Tensor, anchors: AnchorPoints) -> Maps:
        """Features [B, C, H, W], one vector a point -> maps of the same size, float32."""
        raise NotImplementedError

    def regions(self, maps: Any, sizes: Tensor, pictures: Tensor | None = None) -> Regions:
        """Words in the head's own maps, best first within each picture; sizes int [B, 2] = (height, width), pixels.

        pictures: normalised, float32 [B, 3, H', W], with the other levels of the pyramid below them; given where the
        recogniser reads the picture, so that a region may hold several words.
        """
        raise NotImplementedError

    @property
    def reads(self) -> bool:
        """Whether the head reads its regions itself, instead of the recogniser."""
        return False

    def read(self, features: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor) -> Columns:
        """The text of regions of shapes [N, G], N at least 1, where the head `reads`; features, anchors as in
        `forward`."""
        raise NotImplementedError

    def symbolic(self) -> "Head":
        """The head that replaces this one during export: one that samples regions emits our own operators."""
        return self


class RegionSampler(nn.Module):
    """Cuts regions out of the features."""

    geometry: Geometry

    def forward(
        self, fine: Tensor, shared: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor
    ) -> Patches:
        """Patches of shapes [N, G] of the maps `image_index` [N], N at least 1.

        fine, shared: [B, C, H, W] at strides 2 and 4. anchors: of the latter.
        """
        raise NotImplementedError

    def symbolic(self) -> "RegionSampler":
        """The sampler that replaces this one during export: it emits our own operators instead of its arithmetic.

        Raises ValueError where the family has none.
        """
        raise ValueError(f"no operator stands for {type(self).__name__}")
