"""Degradations of synthetic pictures by light, lens, sensor and compression: parameters are drawn first, then
applied."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

NOISE_SIDE = 1024
# Drawing new noise would cost more than everything else, so each picture uses a window of one fixed array.
NOISE = np.random.default_rng(7).standard_normal((NOISE_SIDE, NOISE_SIDE, 3), np.float32)


@dataclass(frozen=True)
class Degradation:
    """The parameters of a degradation; the default leaves a picture unchanged.

    resample: factor by which the picture is shrunk and then enlarged again. blur: standard deviation of a Gaussian,
    pixels.
    motion: length of a straight motion blur, pixels, along motion_angle, radians. contrast, brightness (of 255)
    and gamma: tone. shadow: share of the light that is lost beyond a soft edge at shadow_offset (in shares of the side,
    from the centre) along shadow_angle. noise: standard deviation, of 255; noise_start: position of the window in the
    array; grey_noise: the same noise in all channels. jpeg: quality, 0 for no compression.
    """

    resample: float = 1.0
    blur: float = 0.0
    motion: float = 0.0
    motion_angle: float = 0.0
    contrast: float = 1.0
    brightness: float = 0.0
    gamma: float = 1.0
    shadow: float = 0.0
    shadow_angle: float = 0.0
    shadow_offset: float = 0.0
    noise: float = 0.0
    noise_start: tuple[int, int] = (0, 0)
    grey_noise: bool = False
    jpeg: int = 0


UNTOUCHED = Degradation()


def draw_degradation(rng: np.random.Generator, strength: float = 1.0, finest: float = 12.0) -> Degradation:
    """A random degradation; `strength` 0 gives none, 1 that of street scenes.

    finest: height in pixels of a capital of the smallest text, which must stay just readable.
    """
    values: dict[str, float | int | bool | tuple[int, int]] = {}
    if rng.random() < 0.22 * strength:
        values["resample"] = float(rng.uniform(np.clip(5.0 / finest, 0.45, 0.85), 0.95))
    sharpness = rng.random()
    if sharpness < 0.35 * strength:
        values["blur"] = float(min(0.3 + abs(rng.normal(0, 0.7 * strength)), 0.13 * finest))
    elif sharpness < 0.47 * strength:
        values["motion"] = float(rng.uniform(1.2, max(0.4 * finest, 1.5)))
        values["motion_angle"] = float(rng.uniform(0, np.pi))
    if rng.random() < 0.6 * strength:
        values["contrast"] = float(rng.uniform(0.45, 1.3))
        values["brightness"] = float(rng.normal(0, 0.1))
        values["gamma"] = float(np.exp(rng.normal(0, 0.25)))
    if rng.random() < 0.2 * strength:
        values["shadow"] = float(rng.uniform(0.15, 0.65))
        values["shadow_angle"] = float(rng.uniform(-np.pi, np.pi))
        values["shadow_offset"] = float(rng.normal(0, 0.2))
    if rng.random() < 0.45 * strength:
        values["noise"] = float(rng.uniform(1, 13))
        values["grey_noise"] = bool(rng.random() < 0.4)
        values["noise_start"] = (int(rng.integers(NOISE_SIDE)), int(rng.integers(NOISE_SIDE)))
    if rng.random() < 0.5 * strength:
        values["jpeg"] = int(rng.integers(25, 93))
    return Degradation(**values)  # type: ignore[arg-type]


def ease(degradation: Degradation, difficulty: float) -> Degradation:
    """A weaker degradation: difficulty 0 gives none, 1 all of it."""
    if difficulty >= 1:
        return degradation
    d = degradation
    return replace(
        d,
        resample=1 - (1 - d.resample) * difficulty,
        blur=d.blur * difficulty,
        motion=d.motion * difficulty,
        contrast=1 + (d.contrast - 1) * difficulty,
        brightness=d.brightness * difficulty,
        gamma=d.gamma**difficulty,
        shadow=d.shadow * difficulty,
        noise=d.noise * difficulty,
        jpeg=round(100 - (100 - d.jpeg) * difficulty) if d.jpeg else 0,
    )


def parted(degradation: Degradation) -> tuple[Degradation, Degradation]:
    """A degradation in two parts: light, lens and tone, then sensor and compression. Applied one after the other they
    give the whole degradation."""
    d = degradation
    later = Degradation(noise=d.noise, noise_start=d.noise_start, grey_noise=d.grey_noise, jpeg=d.jpeg)
    return replace(d, noise=0.0, jpeg=0), later


def degrade(image: NDArray[np.uint8], degradation: Degradation) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] -> the same shape: shadow, optics, tone, noise and compression, in that order."""
    d = degradation
    if d.shadow:
        image = _shadow(image, d)
    if d.resample < 1:
        height, width = image.shape[:2]
        small = (max(int(width * d.resample), 1), max(int(height * d.resample), 1))
        shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    if d.blur:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), d.blur), np.uint8)
    if d.motion:
        image = np.asarray(cv2.filter2D(image, -1, motion_kernel(d.motion, d.motion_angle)), np.uint8)
    if (d.contrast, d.brightness, d.gamma) != (1.0, 0.0, 1.0):
        ramp = np.linspace(0, 1, 256) ** d.gamma
        table = ((ramp - 0.5) * d.contrast + 0.5 + d.brightness) * 255
        image = np.asarray(cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)), np.uint8)
    if d.noise:
        image = _noisy(image, d)
    if d.jpeg:
        swapped = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)  # JPEG stores blue less exactly than red, so the order matters
        encoded = cv2.imencode(".jpg", swapped, [cv2.IMWRITE_JPEG_QUALITY, d.jpeg])[1]
        image = np.asarray(cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)
    return image


def motion_kernel(length: float, angle: float) -> NDArray[np.float32]:
    """float32 [k, k], k odd, summing to 1: a centred line of `length` pixels."""
    reach = int(np.ceil(length / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for step in np.linspace(-length / 2, length / 2, 4 * reach + 1):
        kernel[round(reach + step * np.sin(angle)), round(reach + step * np.cos(angle))] += 1
    return np.asarray(kernel / kernel.sum(), np.float32)


def _shadow(image: NDArray[np.uint8], d: Degradation) -> NDArray[np.uint8]:
    coarse = (np.arange(32, dtype=np.float32) + 0.5) / 32 - 0.5
    along = coarse[None] * np.cos(d.shadow_angle) + coarse[:, None] * np.sin(d.shadow_angle) - d.shadow_offset
    light = 255 * (1 - d.shadow * np.clip(along / 0.08 + 0.5, 0, 1))
    field = cv2.resize(light.astype(np.uint8), (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(image, cv2.cvtColor(field, cv2.COLOR_GRAY2RGB), scale=1 / 255), np.uint8)


def _noisy(image: NDArray[np.uint8], d: Degradation) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    sheet = NOISE
    top, left = (start % max(NOISE_SIDE - side, 1) for start, side in zip(d.noise_start, (height, width), strict=True))
    if height > NOISE_SIDE or width > NOISE_SIDE:
        sheet = np.tile(sheet, (-(-height // NOISE_SIDE), -(-width // NOISE_SIDE), 1))
    noise = sheet[top : top + height, left : left + width]
    if d.grey_noise:
        noise = np.repeat(noise[..., :1], 3, axis=2)
    return np.asarray(cv2.addWeighted(image, 1.0, noise, d.noise, 0, dtype=cv2.CV_8U), np.uint8)
