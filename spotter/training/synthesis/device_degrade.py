"""The degradations of `degrade`, for a batch on a device."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.training.synthesis.degrade import NOISE, NOISE_SIDE, Degradation, motion_kernel

# Annex K of the JPEG standard (ITU-T T.81), tables K.1 and K.2.
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def degrade_batch(images: Tensor, degradations: Sequence[Degradation]) -> Tensor:
    """float32 [B, S, S, 3], 0..255 -> the same: shadow, optics, tone, noise and compression, as in `degrade`."""
    planes = images.permute(0, 3, 1, 2)
    steps: tuple[tuple[Callable[[Degradation], bool], Callable[[Tensor, list[Degradation]], Tensor]], ...] = (
        (lambda d: d.shadow > 0, _shadow),
        (lambda d: d.resample < 1, _resample),
        (lambda d: d.blur > 0, _blur),
        (lambda d: d.motion > 0, _motion),
        (lambda d: (d.contrast, d.brightness, d.gamma) != (1.0, 0.0, 1.0), _tone),
        (lambda d: d.noise > 0, _noise),
        (lambda d: d.jpeg > 0, _jpeg),
    )
    for wanted, step in steps:
        index = [n for n, degradation in enumerate(degradations) if wanted(degradation)]
        if index:
            chosen = torch.tensor(index, device=planes.device)
            done = step(planes[chosen], [degradations[n] for n in index])
            planes = planes.index_copy(0, chosen, done.clamp(0, 255).round())
    return planes.permute(0, 2, 3, 1)


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=like.device)[:, None, None, None]


def _shadow(planes: Tensor, several: list[Degradation]) -> Tensor:
    height, width = planes.shape[2:]
    x = ((torch.arange(width, device=planes.device) + 0.5) / width - 0.5)[None, None, None]
    y = ((torch.arange(height, device=planes.device) + 0.5) / height - 0.5)[None, None, :, None]
    across = _column([float(np.cos(d.shadow_angle)) for d in several], planes)
    down = _column([float(np.sin(d.shadow_angle)) for d in several], planes)
    along = x * across + y * down - _column([d.shadow_offset for d in several], planes)
    return planes * (1 - _column([d.shadow for d in several], planes) * (along / 0.08 + 0.5).clamp(0, 1))


def _resample(planes: Tensor, several: list[Degradation]) -> Tensor:
    height, width = planes.shape[2:]
    done = []
    for plane, d in zip(planes, several, strict=True):
        small = (max(int(height * d.resample), 1), max(int(width * d.resample), 1))
        shrunk = F.interpolate(plane[None], small, mode="bilinear", align_corners=False, antialias=True)
        done.append(F.interpolate(shrunk, (height, width), mode="bilinear", align_corners=False))
    return torch.cat(done)


def _each_with_its_own(planes: Tensor, kernels: Tensor) -> Tensor:
    """planes [N, 3, H, W], kernels [N, h, w] with h and w odd -> [N, 3, H, W], borders reflected."""
    count, channels, height, width = planes.shape
    tall, wide = kernels.shape[1:]
    padded = F.pad(planes, (wide // 2, wide // 2, tall // 2, tall // 2), mode="reflect")
    weights = kernels.repeat_interleave(channels, 0)[:, None]
    flat = padded.reshape(1, count * channels, *padded.shape[2:])
    return F.conv2d(flat, weights, groups=count * channels).reshape(count, channels, height, width)


def _blur(planes: Tensor, several: list[Degradation]) -> Tensor:
    deviations = _column([d.blur for d in several], planes)[:, 0, 0]
    reach = int(np.ceil(3.5 * max(d.blur for d in several)))
    steps = torch.arange(-reach, reach + 1, device=planes.device, dtype=torch.float32)[None]
    kernels = torch.exp(-0.5 * (steps / deviations) ** 2)
    kernels = kernels / kernels.sum(1, keepdim=True)
    return _each_with_its_own(_each_with_its_own(planes, kernels[:, None]), kernels[:, :, None])


def _motion(planes: Tensor, several: list[Degradation]) -> Tensor:
    kernels = [motion_kernel(d.motion, d.motion_angle) for d in several]
    side = max(len(kernel) for kernel in kernels)
    padded = np.stack([np.pad(kernel, (side - len(kernel)) // 2) for kernel in kernels])
    return _each_with_its_own(planes, torch.from_numpy(padded).to(planes.device))


def _tone(planes: Tensor, several: list[Degradation]) -> Tensor:
    ramp = (planes / 255) ** _column([d.gamma for d in several], planes)
    contrast, brightness = (
        _column(v, planes) for v in zip(*((d.contrast, d.brightness) for d in several), strict=True)
    )
    return (((ramp - 0.5) * contrast + 0.5 + brightness) * 255).floor()


def _noise(planes: Tensor, several: list[Degradation]) -> Tensor:
    height, width = planes.shape[2:]
    sheet = _sheet(planes.device).repeat(1, -(-height // NOISE_SIDE), -(-width // NOISE_SIDE))
    windows = []
    for d in several:
        top, left = d.noise_start[0] % max(NOISE_SIDE - height, 1), d.noise_start[1] % max(NOISE_SIDE - width, 1)
        window = sheet[:, top : top + height, left : left + width]
        windows.append(window[:1].expand(3, -1, -1) if d.grey_noise else window)
    return planes + torch.stack(windows) * _column([d.noise for d in several], planes)


@cache
def _sheet(device: torch.device) -> Tensor:
    return torch.from_numpy(NOISE).to(device).permute(2, 0, 1)


def _jpeg(planes: Tensor, several: list[Degradation]) -> Tensor:
    """Simulates JPEG: quantises the 8x8 cosine transform, with colour at half size; the entropy coding is lossless and
    left out."""
    height, width = planes.shape[2:]
    colours = torch.tensor(_TO_YCC, device=planes.device)
    padded = F.pad(planes, (0, -width % 16, 0, -height % 16), mode="replicate")
    ycc = (
        torch.einsum("ij,njhw->nihw", colours, padded)
        - torch.tensor([128.0, 0, 0], device=planes.device)[:, None, None]
    )
    # libjpeg's scaling of the tables by quality.
    scale = _column([5000 / d.jpeg if d.jpeg < 50 else 200 - 2 * d.jpeg for d in several], planes)
    luma = _quantised(ycc[:, :1], _LUMA, scale)
    chroma = F.interpolate(_quantised(F.avg_pool2d(ycc[:, 1:], 2), _CHROMA, scale), scale_factor=2.0, mode="bilinear")
    back = torch.einsum("ij,njhw->nihw", torch.linalg.inv(colours), torch.cat([luma + 128, chroma], 1))
    return back[:, :, :height, :width]


def _quantised(planes: Tensor, table: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    """planes [N, C, H, W], H and W multiples of 8; scale [N, 1, 1, 1], percent of the table."""
    count, channels, height, width = planes.shape
    steps = ((torch.tensor(table, device=planes.device) * scale + 50) / 100).floor().clamp(1, 255)
    steps = steps[:, :, None, :, None]  # [N, 1, 1, 8, 1, 8]
    frequency = torch.arange(8, device=planes.device, dtype=torch.float32)
    basis = torch.cos((2 * frequency[None] + 1) * frequency[:, None] * (torch.pi / 16)) / 2  # [frequency, place]
    basis[0] /= 2**0.5
    blocks = planes.reshape(count, channels, height // 8, 8, width // 8, 8)
    spectrum = torch.einsum("fy,ncaybx,gx->ncafbg", basis, blocks, basis)
    kept = (spectrum / steps).round() * steps
    return torch.einsum("fy,ncafbg,gx->ncaybx", basis, kept, basis).reshape(planes.shape)
