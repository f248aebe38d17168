"""The dense maps of Mask TextSpotter's head, and the branches that look at the proposals they give."""

from dataclasses import dataclass

from torch import Tensor

from spotter.families.fots.maps import DetectionMaps
from spotter.families.mask_textspotter.mask import MaskBranch
from spotter.families.mask_textspotter.reader import CharacterReader


@dataclass(frozen=True)
class MaskMaps(DetectionMaps):
    """FOTS's maps, whose boxes are the proposals. features: [B, C, H, W], of their anchor points, which patches of the
    proposals are sampled from. mask, reader: the branches that learn on these patches."""

    features: Tensor
    mask: MaskBranch
    reader: CharacterReader
