"""A recogniser that cuts words from the picture itself and reads each independently of the others."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig
from spotter.model.cutting import cut
from spotter.model.family import Columns, Geometry
from spotter.model.ppocr import PLANS, PPOCRRecogniser
from spotter.model.regions import Sample, sample_regions
from spotter.model.roles import Roles


class PictureRecogniser(nn.Module):
    """PP-OCRv6's recogniser over the pixels of regions."""

    # Only the pairs of 1x1 convolutions go into 8 bits: the stem, the depthwise convolutions and the matrices would
    # lose too much accuracy for the time that they save.
    roles: ClassVar[Roles] = Roles(dense=("network.*.up.weight", "network.*.down.weight"), ends=("network.head.*",))

    prior: Tensor

    def __init__(self, config: PictureRecogniserConfig, charset: Charset, geometry: Geometry) -> None:
        """geometry: of the regions to be read."""
        super().__init__()
        self.config = config
        self.geometry = geometry
        self.sample: Sample = sample_regions
        self.network = PPOCRRecogniser(PLANS[config.plan], charset.classes)
        prior = torch.zeros(charset.classes)
        if charset.space is not None:
            prior[charset.space] = config.space
        prior[charset.rare] = config.rare
        self.register_buffer("prior", prior, persistent=False)

    def forward(self, mosaic: Tensor, shapes: Tensor, image_index: Tensor, size: tuple[int, int]) -> Columns:
        """Reads regions of shapes [N, G], N at least 1.

        mosaic: of the normalised pictures of `size` = (height, width) pixels, see `cutting.picture_mosaic`.
        """
        made = cut(mosaic, shapes, image_index, size, self.config, self.geometry, self.sample)
        logits = self.network(made.patches, made.packing, made.longest, self.prior)
        return Columns(logits, made.packing.lengths, made.stretch)
