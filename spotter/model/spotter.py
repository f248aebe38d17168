"""The whole network: backbone -> neck -> detection head -> regions -> sampled patches -> recogniser."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.backbone import Backbone
from spotter.model.charset import Charset
from spotter.model.config import ScoreConfig, SpotterConfig
from spotter.model.detection import STRIDE, DetectionHead, DetectionMaps, Regions, mosaic_cells, plain_cells
from spotter.model.geometry import boxes_to_polygons
from spotter.model.neck import FeaturePyramid
from spotter.model.recogniser import Recogniser, greedy_path
from spotter.model.regions import LEVELS, Patches, PatchSize, RoIRotate, mosaic, place_in_mosaic

_MEAN, _DEVIATION = 127.5, 64.0
_LEAST = 1e-6


@dataclass(frozen=True)
class Features:
    """Mosaics (see `regions.mosaic`) of the stem's map, finest level at stride 2, and of the neck's maps, finest level
    at stride 4. height, width: of the pictures, pixels."""

    fine: Tensor
    shared: Tensor
    height: int
    width: int


@dataclass(frozen=True)
class Words:
    """Rows as the exported graph gives them.

    image_index int32 [N], polygons float32 [N, 4, 2] in pixels of the padded picture, scores float32 [N],
    characters int32 [N, T] (0 = blank), character_scores float32 [N, T].
    """

    image_index: Tensor
    polygons: Tensor
    scores: Tensor
    characters: Tensor
    character_scores: Tensor


class Spotter(nn.Module):
    """A text spotter from its built parts; another family brings another head and another sampler."""

    def __init__(
        self,
        backbone: nn.Module,
        neck: nn.Module,
        head: DetectionHead,
        sampler: nn.Module,
        recogniser: Recogniser,
        score: ScoreConfig,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck
        self.head = head
        self.sampler = sampler
        self.recogniser = recogniser
        self.score = score

    def features(self, images: Tensor) -> Features:
        """images: uint8 [B, H, W, 3] RGB, H and W multiples of the backbone's stride."""
        x = (images.permute(0, 3, 1, 2).float() - _MEAN) / _DEVIATION
        fine, *maps = self.backbone(x.contiguous(memory_format=torch.channels_last))
        half = F.avg_pool2d(fine, 2)
        return Features(
            mosaic([fine, half, F.avg_pool2d(half, 2)], STRIDE // 2),
            mosaic(self.neck(maps), STRIDE),
            images.shape[1],
            images.shape[2],
        )

    def detect(self, features: Features) -> DetectionMaps:
        """Dense maps of the head."""
        shared, device = features.shared, features.shared.device
        if self.head.config.levels == 1:
            rows, columns = features.height // STRIDE, features.width // STRIDE
            maps: DetectionMaps = self.head(shared[:, :, :rows], plain_cells(rows, columns, device))
        else:
            maps = self.head(shared, mosaic_cells(features.height, features.width, device))
        return maps

    def sample(self, features: Features, boxes: Tensor, image_index: Tensor) -> Patches:
        """Patches of regions: boxes [N, 5] in pixels, N at least 1."""
        placed = place_in_mosaic(boxes, features.height, features.width)
        patches: Patches = self.sampler(features.fine.float(), features.shared.float(), placed, image_index)
        return patches

    def read(self, features: Features, regions: Regions) -> Words:
        """Reads regions that were found."""
        # One empty row more keeps every operator away from tensors of no rows; it is cut off again.
        boxes = F.pad(regions.boxes, (0, 0, 0, 1), value=1.0)
        image_index = F.pad(regions.image_index, (0, 1))
        patches = self.sample(features, boxes, image_index)
        logits = self.recogniser(patches.fine, patches.coarse, patches.widths)
        characters, character_scores, confidence = greedy_path(logits[:-1], patches.widths[:-1])
        return Words(
            regions.image_index.to(torch.int32),
            boxes_to_polygons(regions.boxes),
            word_scores(regions.scores, confidence, self.score),
            characters,
            character_scores,
        )

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The graph: images uint8 [B, H, W, 3] padded right and below, sizes int32 [B, 2] = (height, width) of the
        real part -> the fields of `Words`, in order."""
        features = self.features(images)
        words = self.read(features, self.head.regions(self.detect(features), sizes))
        return words.image_index, words.polygons, words.scores, words.characters, words.character_scores


def word_scores(detection: Tensor, confidence: Tensor, config: ScoreConfig) -> Tensor:
    """Scores float32 [N] of words from the detector's probabilities and those of their least sure characters."""
    d = detection.clamp(_LEAST, 1 - _LEAST)
    c = confidence.clamp(min=_LEAST)
    return (config.bias + config.detection * (d.log() - (1 - d).log()) + config.character * c.log()).sigmoid()


def build_fots(config: SpotterConfig | None = None, charset: Charset | None = None) -> Spotter:
    """A FOTS spotter (Liu et al. 2018, arXiv:1801.01671) with random weights."""
    config = config or SpotterConfig()
    reader = config.recogniser
    return Spotter(
        Backbone(config.backbone),
        FeaturePyramid(config.backbone.channels, config.neck, LEVELS),
        DetectionHead(config.neck, config.detection),
        RoIRotate(PatchSize(reader.height, reader.min_width, reader.max_width)),
        Recogniser(config.backbone.stem, config.neck, (charset or Charset()).classes, reader),
        config.score,
    )
