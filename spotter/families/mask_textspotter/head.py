"""Mask TextSpotter's head: proposals, the instance mask of each, the outline of the mask, and the text within it.

Proposals are the regions of ABCNet's head, whose weights can be used unchanged. On a patch of each proposal, sampled
along its curves, the mask of the word is predicted. Its outline, found by a scan of the mask's columns, is the word's
region. Character maps and a decoder with spatial attention read the features within it.
"""

from copy import deepcopy
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from spotter.families import symbolic
from spotter.families.abcnet.head import CurveHead
from spotter.families.abcnet.maps import CurveMaps
from spotter.families.mask_textspotter.config import MaskConfig
from spotter.families.mask_textspotter.maps import MaskMaps
from spotter.families.mask_textspotter.mask import MaskBranch, outlines_of
from spotter.families.mask_textspotter.outlines import measured
from spotter.families.mask_textspotter.reader import CharacterReader
from spotter.model.anchors import AnchorPoints
from spotter.model.family import Columns, Head, Regions
from spotter.model.roles import Roles

_MEASURES = ("out.*", "curve.*", "mask.out.*", "reader.middles.*")


class MaskHead(CurveHead):
    """Proposals, masks and readings (Lyu et al. 2018, arXiv:1807.02242; Liao et al. 2019, arXiv:1908.08207, and 2020,
    arXiv:2007.09482)."""

    summary: ClassVar[str] = (
        "A Mask TextSpotter: one network that finds the mask of each word and reads what lies within its outline, case "
        "kept."
    )
    # The last layers predict distances, curves, masks and the presence of characters: 8 bits or half precision are too
    # coarse.
    roles: ClassVar[Roles] = Roles(
        dense=("*",),
        exact=_MEASURES,
        precise=_MEASURES,
        last=("out.*", "curve.*"),
        ends=(*_MEASURES, "reader.classify.*", "reader.decoder.classify.*", "reader.decoder.embed.*"),
    )

    config: MaskConfig

    def __init__(self, inputs: int, config: MaskConfig, classes: int) -> None:
        super().__init__(inputs, config)
        self.mask = MaskBranch(inputs, config.mask)
        self.reader = CharacterReader(inputs, config.reader, classes, config.longest)

    def forward(self, features: Tensor, anchors: AnchorPoints) -> MaskMaps:
        """Features [B, C, H, W], one vector an anchor point -> maps of the same size, float32."""
        found = super().forward(features, anchors)
        return MaskMaps(
            found.score, found.distances, found.direction, found.bend, found.anchors, features, self.mask, self.reader
        )

    def regions(self, maps: CurveMaps, sizes: Tensor, pictures: Tensor | None = None) -> Regions:
        """Words in maps, best first within each picture; sizes: see `Head.regions`."""
        assert isinstance(maps, MaskMaps)
        found = super().regions(maps, sizes)
        # An additional row, removed again below, keeps every tensor non-empty.
        curves, image_index = F.pad(found.shapes, (0, 0, 0, 1), value=1.0), F.pad(found.image_index, (0, 1))
        outlines = outlines_of(self.mask(maps.features, maps.anchors, curves, image_index))[:-1]
        lengths, heights = measured(outlines)
        (usable,) = ((lengths > 1) & (heights > 1)).nonzero().unbind(1)
        return Regions(outlines[usable], found.scores[usable], found.image_index[usable])

    @property
    def reads(self) -> bool:
        """As `Head.reads`."""
        return self.config.reading != "ctc"

    def read(self, features: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor) -> Columns:
        """As `Head.read`; shapes are regions [N, 32]."""
        return self.reader.read(self.reader(features, anchors, shapes, image_index), self.config.reading)

    def symbolic(self) -> Head:
        """As `Head.symbolic`."""
        made = deepcopy(self)
        made.mask.sample = made.reader.sample = symbolic.sample_regions
        return made
