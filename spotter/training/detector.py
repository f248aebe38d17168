"""How a family's detector learns, and which regions the recogniser learns from; the loop knows no more of either."""

from typing import Any, Protocol

import torch
from torch import Tensor

from spotter.model.cells import STRIDE
from spotter.model.detection import DetectionMaps, sharpen_ends
from spotter.model.geometry import probiou
from spotter.training.batch import Batch
from spotter.training.config import TrainConfig
from spotter.training.losses import cell_weights, dice_loss, focal_loss, geometry_losses, score_loss


class DetectorLearning(Protocol):
    """What a family brings to training, beside its head and its sampler."""

    def losses(self, maps: Any, batch: Batch, config: TrainConfig) -> dict[str, Tensor]:
        """The parts of the detection loss by name, each times its weight; maps are the family's head's."""

    def to_read(
        self, maps: Any, batch: Batch, words: Tensor, config: TrainConfig, step: int, generator: torch.Generator
    ) -> Tensor:
        """Shapes [K, G] of the words int64 [K] of a batch, as the recogniser is to see them at a step."""


def jitter_boxes(boxes: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Boxes [N, 6] as a detector might give them: moved, resized, turned and sheared a little, by `amount` of their
    height."""
    noise = torch.randn(boxes.shape, generator=generator).clamp(-2, 2) * amount
    h = boxes[:, 3]
    return torch.stack(
        (
            boxes[:, 0] + noise[:, 0] * h,
            boxes[:, 1] + noise[:, 1] * h,
            (boxes[:, 2] + (2 * noise[:, 2] + amount) * h).clamp(min=2),
            (h * (1 + 2 * noise[:, 3] + amount)).clamp(min=2),
            boxes[:, 4] + noise[:, 4] * 0.5,
            boxes[:, 5] + noise[:, 5],
        ),
        1,
    )


def predicted_boxes(maps: DetectionMaps, boxes: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
    """What the detector says at the middle of each true box [N, 6], and whether it is good enough to read from, [N]."""
    rows, columns = maps.score.shape[-2:]
    placed = maps.cells.place(boxes)
    column = (placed[:, 0] / STRIDE).long().clamp(0, columns - 1)
    row = (placed[:, 1] / STRIDE).long().clamp(0, rows - 1)
    told = maps.boxes(image_index, row, column).detach()
    aligned = (told[:, 4] - boxes[:, 4]).cos() > 0.9
    told = sharpen_ends(maps, told, image_index).detach()
    return told, (probiou(told, boxes) > 0.6) & aligned


class RotatedBoxes:
    """FOTS's: a score, four distances and a direction for the cells of a word's core."""

    def losses(self, maps: DetectionMaps, batch: Batch, config: TrainConfig) -> dict[str, Tensor]:
        """As `DetectorLearning.losses`: score, dice, box, ends and direction."""
        weights = config.losses
        logits = maps.score[:, 0]
        box, ends, direction = geometry_losses(maps, batch, config.balance)
        found = (
            focal_loss(logits, batch.text, batch.counted, weights.focal)
            if weights.focal
            else score_loss(
                logits,
                batch.text,
                batch.counted,
                weights.hard_negatives,
                cell_weights(batch.owner, weights.small_words) if weights.small_words else None,
            )
        )
        return {
            "score": weights.score * found,
            "dice": weights.dice * dice_loss(logits, batch.text, batch.counted),
            "box": weights.box * box,
            "ends": weights.ends * ends,
            "direction": weights.direction * direction,
        }

    def to_read(
        self,
        maps: DetectionMaps,
        batch: Batch,
        words: Tensor,
        config: TrainConfig,
        step: int,
        generator: torch.Generator,
    ) -> Tensor:
        """As `DetectorLearning.to_read`: true boxes [K, 6] jittered, and in time the detector's own among them."""
        boxes = batch.boxes[words]
        noisy = jitter_boxes(boxes.cpu(), config.jitter, generator).to(boxes.device)
        if step < config.predicted_after:
            return noisy
        told, good = predicted_boxes(maps, boxes, batch.image_index[words])
        drawn = (torch.rand(len(boxes), generator=generator) < config.predicted).to(boxes.device)
        return torch.where((good & drawn)[:, None], told, noisy)
