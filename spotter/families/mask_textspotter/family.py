"""Mask TextSpotter (Lyu et al. 2018, arXiv:1807.02242; Liao et al. 2019, arXiv:1908.08207, and 2020, arXiv:2007.09482)
behind the interface that all families share."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Generator, Tensor

from spotter.families.interface import Misplacement, Texts
from spotter.families.mask_textspotter.config import MaskConfig
from spotter.families.mask_textspotter.head import MaskHead
from spotter.families.mask_textspotter.learning import misplaced_outlines, outlines_to_read
from spotter.families.mask_textspotter.losses import head_losses
from spotter.families.mask_textspotter.maps import MaskMaps
from spotter.families.mask_textspotter.outlines import OUTLINES
from spotter.families.mask_textspotter.regions import OutlineSampler
from spotter.families.mask_textspotter.targets import MaskTruth, mask_truth, with_texts
from spotter.model.family import Geometry
from spotter.model.regions import PatchSize


class MaskTextSpotter:
    """Words as instance masks within proposals: their outlines, read by character maps and a decoder."""

    config: type[Any] = MaskConfig
    parts: Mapping[str, float] = MappingProxyType(
        {"points": 4.0, "ends": 1.0, "direction": 2.0, "mask": 1.0, "characters": 1.0, "sequence": 0.5}
    )
    geometry: Geometry = OUTLINES

    def read_config(self, values: Mapping[str, Any]) -> MaskConfig:
        """As `Family.read_config`."""
        return MaskConfig(**values)

    def head(self, inputs: int, config: MaskConfig, classes: int) -> MaskHead:
        """As `Family.head`."""
        return MaskHead(inputs, config, classes)

    def sampler(self, size: PatchSize, config: MaskConfig) -> OutlineSampler:
        """As `Family.sampler`."""
        return OutlineSampler(size)

    def truth(self, polygons: Tensor, image_index: Tensor, ignore: Tensor, shape: tuple[int, int, int]) -> MaskTruth:
        """As `Family.truth`; shapes are regions [N, 32]."""
        return mask_truth(polygons, image_index, ignore, shape)

    def with_texts(self, truth: MaskTruth, texts: Texts) -> MaskTruth:
        """As `Family.with_texts`."""
        return with_texts(truth, texts)

    def losses(self, maps: MaskMaps, truth: MaskTruth, weights: Tensor) -> dict[str, Tensor]:
        """As `Family.losses`."""
        return dict(zip(self.parts, head_losses(maps, truth, weights), strict=True))

    def to_read(
        self,
        maps: MaskMaps,
        truth: MaskTruth,
        words: Tensor,
        image_index: Tensor,
        jitter: float,
        predicted: float,
        generator: Generator,
    ) -> Tensor:
        """As `Family.to_read`."""
        return outlines_to_read(
            maps, truth.shapes[words], truth.proposals.shapes[words], image_index[words], jitter, predicted, generator
        )

    def misplaced(self, shapes: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
        """As `Family.misplaced`."""
        return misplaced_outlines(shapes, off, rng)
