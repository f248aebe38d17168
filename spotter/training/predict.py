"""Reads pictures with a torch network, for validation and as a teacher."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from spotter.model.spotter import Spotter
from spotter.training.prediction import Prediction

_STRIDE = 64


def predict(model: Spotter, image: NDArray[np.uint8], side: int) -> list[Prediction]:
    """The words of a picture uint8 [H, W, 3], which is scaled to a long side of `side` pixels; polygons are in the
    given picture's pixels."""
    scale = side / max(image.shape[:2])
    width, height = (max(1, round(image.shape[axis] * scale)) for axis in (1, 0))
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    padded = np.zeros((1, -(-height // _STRIDE) * _STRIDE, -(-width // _STRIDE) * _STRIDE, 3), np.uint8)
    padded[0, :height, :width] = scaled
    device = next(model.parameters()).device
    with torch.inference_mode():
        sizes = torch.tensor([[height, width]], dtype=torch.int32, device=device)
        _, polygons, scores, characters, *_ = model(torch.from_numpy(padded).to(device), sizes)
    return [
        Prediction(polygon / scale, model.charset.decode(row), score)
        for polygon, row, score in zip(polygons.cpu().numpy(), characters.tolist(), scores.tolist(), strict=True)
    ]
