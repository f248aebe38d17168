"""Photometric augmentation: tone, colour, blur, noise and JPEG compression, in a few milliseconds a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

# Drawing new noise costs more than everything else here, so each picture takes a random window of one fixed array.
_NOISE_SIDE = 1024
_NOISE = np.random.default_rng(0).standard_normal((_NOISE_SIDE, _NOISE_SIDE, 3), np.float32)


def photometric(image: NDArray[np.uint8], rng: np.random.Generator, strength: float = 1.0) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] with random tone, colour, blur, noise and JPEG compression; geometry is untouched.

    strength: 0 leaves the picture as it is, 1 is ordinary.
    """
    if rng.random() < 0.8 * strength:
        image = _tone(image, rng, strength)
    if rng.random() < 0.1 * strength:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        image = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
    if rng.random() < 0.03 * strength:
        image = np.asarray(255 - image, np.uint8)
    if rng.random() < 0.25 * strength:
        image = _blur(image, rng)
    if rng.random() < 0.35 * strength:
        image = _noise(image, rng, strength)
    if rng.random() < 0.4 * strength:
        image = _jpeg(image, int(rng.integers(25, 95)))
    return image


def _tone(image: NDArray[np.uint8], rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    """Gamma, contrast, brightness and a cast of colour, as one table per channel."""
    ramp = np.linspace(0, 1, 256)
    table = ramp ** np.exp(rng.normal(0, 0.25 * strength))
    contrast = np.exp(rng.normal(0, 0.2 * strength))
    brightness = rng.normal(0, 0.08 * strength)
    cast = np.exp(rng.normal(0, 0.05 * strength, 3))
    channels = ((table[:, None] - 0.5) * contrast + 0.5 + brightness) * cast * 255
    return np.asarray(cv2.LUT(image, np.clip(channels, 0, 255).astype(np.uint8)[None]), np.uint8)


def _blur(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.3)), np.uint8)
    length = int(rng.integers(2, 6))
    kernel = np.zeros((length, length), np.float32)
    cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0)
    kernel = kernel if rng.random() < 0.5 else kernel.T
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def _noise(image: NDArray[np.uint8], rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    deviation = rng.uniform(2, 14) * strength
    rows = (np.arange(height) + int(rng.integers(_NOISE_SIDE))) % _NOISE_SIDE
    start = int(rng.integers(_NOISE_SIDE))
    columns = (np.arange(width) + start) % _NOISE_SIDE
    straight = start + width <= _NOISE_SIDE
    noise = _NOISE[rows, start : start + width] if straight else _NOISE[rows[:, None], columns]
    return np.asarray(cv2.addWeighted(image, 1.0, noise, deviation, 0, dtype=cv2.CV_8U), np.uint8)


def _jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    # JPEG stores colour at a lower resolution than brightness, so the order of the channels matters.
    encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)
