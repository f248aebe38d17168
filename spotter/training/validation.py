"""Scores during training, by the same protocol as `spotter evaluate`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from spotter.model.spotter import Spotter
from spotter.training.data.annotations import read_folder
from spotter.training.evaluation.predictor import Prediction
from spotter.training.evaluation.scores import Read, Scorer

_STRIDE = 64


@dataclass(frozen=True)
class ValidationSet:
    """An ICDAR-form folder. aspect: true width / height where it is stored squeezed. limit: its first pictures only.
    side: pixels of the long side at which pictures are read."""

    name: str
    folder: Path
    aspect: float | None = None
    limit: int = 40
    side: int = 960


def predict(model: Spotter, image: NDArray[np.uint8], side: int) -> list[Prediction]:
    """Words of a picture uint8 [H, W, 3], read at a long side of `side`, in the picture's pixels."""
    scale = side / max(image.shape[:2])
    width, height = (max(1, round(image.shape[axis] * scale)) for axis in (1, 0))
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    padded = np.zeros((1, -(-height // _STRIDE) * _STRIDE, -(-width // _STRIDE) * _STRIDE, 3), np.uint8)
    padded[0, :height, :width] = scaled
    device = next(model.parameters()).device
    with torch.inference_mode():
        sizes = torch.tensor([[height, width]], dtype=torch.int32, device=device)
        _, polygons, scores, characters, _ = model(torch.from_numpy(padded).to(device), sizes)
    return [
        Prediction(polygon / scale, model.charset.decode(row), score)
        for polygon, row, score in zip(polygons.cpu().numpy(), characters.tolist(), scores.tolist(), strict=True)
    ]


def validator(sets: Sequence[ValidationSet], threshold: float = 0.4) -> Callable[[Spotter], dict[str, float]]:
    """A function from a model in evaluation mode to its detection and end-to-end F, in percent, on each set."""
    pictures = {item.name: read_folder(item.folder, item.aspect, ascii_only=False)[: item.limit] for item in sets}
    if len(pictures) != len(sets):
        raise ValueError("two validation sets share a name")

    def validate(model: Spotter) -> dict[str, float]:
        found: dict[str, float] = {}
        for item in sets:
            reads = [
                Read(picture.path.stem, tuple(picture.annotations), predict(model, picture.load(), item.side))
                for picture in pictures[item.name]
            ]
            scores = Scorer(reads)(threshold)
            found[f"{item.name}/detection"] = round(100 * scores.detection.f, 2)
            found[f"{item.name}/end_to_end"] = round(100 * scores.end_to_end.f, 2)
        return found

    return validate
