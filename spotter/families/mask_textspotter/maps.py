"""The dense maps of Mask TextSpotter's head, and the branches that are applied to its proposals."""

from dataclasses import dataclass

from torch import Tensor

from spotter.families.abcnet.maps import CurveMaps
from spotter.families.mask_textspotter.mask import MaskBranch
from spotter.families.mask_textspotter.reader import CharacterReader


@dataclass(frozen=True)
class MaskMaps(CurveMaps):
    """ABCNet's maps, whose regions are the proposals. features: [B, C, H, W], from which patches of the proposals are
    sampled. mask, reader: the branches that are trained on these patches."""

    features: Tensor
    mask: MaskBranch
    reader: CharacterReader
