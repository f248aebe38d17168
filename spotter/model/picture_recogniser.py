"""A recogniser that cuts words from the picture itself and reads them as if each stood alone."""

from typing import NamedTuple

from torch import Tensor, nn

from spotter.model.config import PictureRecogniserConfig
from spotter.model.cutting import Sample, cut
from spotter.model.ppocr import PLANS, PPOCRRecogniser
from spotter.model.regions import sample_regions


class Columns(NamedTuple):
    """logits: float32 [N, T, classes]. widths: int64 [N], the columns of each word."""

    logits: Tensor
    widths: Tensor


class PictureRecogniser(nn.Module):
    """PP-OCRv6's recogniser over the pixels of regions."""

    def __init__(self, config: PictureRecogniserConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.sample: Sample = sample_regions
        self.network = PPOCRRecogniser(PLANS[config.plan], classes)

    def forward(self, mosaic: Tensor, boxes: Tensor, image_index: Tensor, size: tuple[int, int]) -> Columns:
        """What boxes [N, 6], N at least 1, say.

        mosaic: of the normalised pictures of `size` = (height, width) pixels, see `cutting.picture_mosaic`.
        """
        made = cut(mosaic, boxes, image_index, size, self.config, self.sample)
        return Columns(self.network(made.patches, made.packing, made.longest), made.packing.lengths)
