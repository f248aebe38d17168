"""The boxes that the recogniser is trained on: true ones with a detector's errors added, and the detector's own."""

import numpy as np
import torch
from torch import Tensor

from spotter.families.fots.boxes import placed, probiou
from spotter.families.fots.ends import sharpen_ends
from spotter.families.fots.maps import DetectionMaps
from spotter.families.interface import Misplacement
from spotter.families.misplacing import some_detected
from spotter.model.anchors import STRIDE


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
    """The detector's box at the middle of each true box [N, 6], and whether it is good enough to be read, bool [N]."""
    rows, columns = maps.score.shape[-2:]
    there = placed(boxes, maps.anchors)
    column = (there[:, 0] / STRIDE).long().clamp(0, columns - 1)
    row = (there[:, 1] / STRIDE).long().clamp(0, rows - 1)
    predicted = maps.boxes(image_index, row, column).detach()
    aligned = (predicted[:, 4] - boxes[:, 4]).cos() > 0.9
    predicted = sharpen_ends(maps, predicted, image_index).detach()
    return predicted, (probiou(predicted, boxes) > 0.6) & aligned


def boxes_to_read(
    maps: DetectionMaps,
    boxes: Tensor,
    image_index: Tensor,
    jitter: float,
    predicted: float,
    generator: torch.Generator,
) -> Tensor:
    """Boxes [K, 6] to read: true ones with jitter, or for a share `predicted` the detector's own where it is good."""
    noisy = jitter_boxes(boxes.cpu(), jitter, generator).to(boxes.device)
    return some_detected(noisy, predicted, generator, lambda: predicted_boxes(maps, boxes, image_index))


def misplaced_boxes(true: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
    """True boxes [N, 6] with a detector's errors: ends and sides moved, turned and sheared a little."""
    boxes = true.numpy()
    count = len(boxes)
    w, h = boxes[:, 2], boxes[:, 3]
    ends = np.clip(rng.normal(0.04, off.ends, (2, count)), -0.35, 0.35)
    astray = rng.random((2, count)) < off.astray
    ends = np.where(astray, rng.uniform(-0.5, 0.5, (2, count)), ends)
    ends = np.minimum(ends, 0.22 * w / np.maximum(h, 1)) * h  # positive is inwards
    sides = np.clip(rng.normal(0, off.sides, (2, count)), -0.15, 0.15) * h
    along, down = (ends[0] - ends[1]) / 2, (sides[0] - sides[1]) / 2
    turn = rng.normal(0, 0.025, count) * np.minimum(1, 4 * h / np.maximum(w, 1))
    cos, sin = np.cos(boxes[:, 4]), np.sin(boxes[:, 4])
    moved = np.stack(
        (
            boxes[:, 0] + along * cos - down * sin,
            boxes[:, 1] + along * sin + down * cos,
            np.maximum(w - ends.sum(0), 2),
            np.maximum(h - sides.sum(0), 2),
            boxes[:, 4] + turn,
            boxes[:, 5] + rng.normal(0, 0.05, count),
        ),
        1,
    )
    return torch.from_numpy(moved.astype(np.float32))
