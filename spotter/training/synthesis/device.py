"""Composes a batch of layouts into pictures on a device that holds the pool and the backgrounds.

Kernels are not launched for each word: the pixels of all stamps that may be painted at the same time are listed end to
end, each pixel is mapped back into its patch, and all are blended in one scatter. The CPU only prepares a few numbers
for each stamp.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from spotter.training.synthesis.backgrounds import Backgrounds
from spotter.training.synthesis.degrade import Degradation
from spotter.training.synthesis.device_degrade import degrade_batch
from spotter.training.synthesis.device_glare import enlarged, light_batch, mirror
from spotter.training.synthesis.layout import Background, Glare, Layout
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.rasterise import level_homographies, stamp_bounds


@dataclass(frozen=True, eq=False)
class Stamps:
    """The stamps of a batch as numbers, sorted by painting pass, in the form that worker processes send to the device.

    passes: the number of stamps in each pass; stamps of one pass never share a pixel. numbers: float32 [N, 13], the
    homography from the picture, counted from the stamp's corner, to its patch level (9), colour (3) and alpha (1).
    places: int64 [N, 8]: picture in the batch, left, top, width, height there, then offset in the pool's pixels and
    height and width of the patch level.
    """

    passes: tuple[int, ...]
    numbers: NDArray[np.float32]
    places: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BatchPlan:
    """A batch of pictures of size x size pixels as numbers. It is small, and with the pool it is all that the device
    needs."""

    size: int
    backgrounds: tuple[Background, ...]
    stamps: Stamps
    glares: tuple[Glare, ...]
    degradations: tuple[Degradation, ...]


def painting_passes(bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """(left, top, right, bottom) [N, 4] in painting order -> int64 [N], the first pass in which each can be painted:
    after all earlier ones that it overlaps."""
    low, high = bounds[:, :2], bounds[:, 2:]
    overlap = np.all((low[:, None] < high[None]) & (low[None] < high[:, None]), axis=2)
    passes = np.zeros(len(bounds), np.int64)
    for n in range(1, len(bounds)):
        passes[n] = np.max(passes[:n] + 1, where=overlap[n, :n], initial=0)
    return passes


def prepare(layouts: Sequence[Layout], pool: PatchPool) -> Stamps:
    """The stamps of `layouts`."""
    passes, numbers, places = [np.zeros(0, np.int64)], [np.zeros((0, 13))], [np.zeros((0, 8), np.int64)]
    for image, layout in enumerate(layouts):
        bounds = stamp_bounds(layout, pool)
        shown = (bounds[:, 2:] > bounds[:, :2]).all(1)
        bounds = bounds[shown]
        corner = np.tile(np.eye(3), (len(bounds), 1, 1))
        corner[:, :2, 2] = bounds[:, :2]
        inverse = np.linalg.inv(level_homographies(layout, pool)[shown]) @ corner
        patches, levels = layout.patches[shown], layout.levels[shown]
        passes.append(painting_passes(bounds))
        numbers.append(
            np.concatenate(
                [inverse.reshape(-1, 9), layout.colours[shown], layout.alphas[shown, None].astype(np.float64)], 1
            )
        )
        places.append(
            np.concatenate(
                [
                    np.full((len(bounds), 1), image),
                    bounds[:, :2],
                    bounds[:, 2:] - bounds[:, :2],
                    pool.offsets[patches, levels][:, None],
                    pool.shapes[patches, levels],
                ],
                1,
            )
        )
    number = np.concatenate(passes)
    order = np.argsort(number, kind="stable")
    counts = tuple(np.bincount(number).tolist())
    return Stamps(counts, np.concatenate(numbers)[order].astype(np.float32), np.concatenate(places)[order])


def plan(layouts: Sequence[Layout], pool: PatchPool) -> BatchPlan:
    """The plan of layouts, which a worker process sends to the device. Raises ValueError where there is no layout or
    their sizes differ."""
    sizes = {layout.size for layout in layouts}
    if len(sizes) != 1:
        raise ValueError(f"a batch wants layouts of one size, not of {sorted(sizes)}")
    return BatchPlan(
        sizes.pop(),
        tuple(layout.background for layout in layouts),
        prepare(layouts, pool),
        tuple(layout.glare for layout in layouts),
        tuple(layout.degradation for layout in layouts),
    )


class DeviceComposer:
    """Keeps a pool and backgrounds on `device` and composes batches of layouts there.

    The pool's pixels and all background pictures are copied: about 400 MB for 30,000 words, 1.5 MB a picture.
    """

    def __init__(self, pool: PatchPool, backgrounds: Backgrounds, device: torch.device | str) -> None:
        self.device = torch.device(device)
        self._pool = pool
        self._pixels = torch.tensor(pool.pixels, device=self.device)
        self._pictures = [torch.tensor(picture, device=self.device) for picture in backgrounds.pictures]

    def compose(self, layouts: Sequence[Layout], degraded: bool = True) -> Tensor:
        """The pictures, uint8 [B, S, S, 3] RGB, on the device; `labels` gives the words. All layouts must be of one
        size.

        degraded: whether glare and degradation are applied.
        Raises ValueError where there is no layout or their sizes differ.
        """
        return self.compose_plan(plan(layouts, self._pool), degraded)

    @torch.inference_mode()
    def compose_plan(self, plan: BatchPlan, degraded: bool = True) -> Tensor:
        """As `compose`, for a plan that was made with the same pool."""
        canvas = torch.stack([self._background(background, plan.size) for background in plan.backgrounds])
        self.paint(canvas, plan.stamps)
        if degraded:
            self.apply_glare(canvas, plan.glares)
            canvas = degrade_batch(canvas, plan.degradations)
        return canvas.round().clamp(0, 255).to(torch.uint8)

    def paint(self, canvas: Tensor, stamps: Stamps) -> None:
        """Paints stamps onto float32 [B, S, S, 3], 0..255, in place."""
        pixels, size = canvas.view(-1, 3), canvas.shape[1]
        numbers = torch.from_numpy(stamps.numbers).to(self.device)
        places = torch.from_numpy(stamps.places).to(self.device)
        start = 0
        for count in stamps.passes:
            members = slice(start, start + count)
            areas = stamps.places[members, 3] * stamps.places[members, 4]
            self._paint_pass(pixels, size, numbers[members], places[members], int(areas.sum()))
            start += count

    def apply_glare(self, canvas: Tensor, glares: Sequence[Glare]) -> None:
        """Adds reflections and then highlights to float32 [B, S, S, 3], 0..255, in place."""
        size = canvas.shape[1]
        for image, glare in zip(canvas, glares, strict=True):
            if glare.reflection:
                seen = self._background(glare.reflection.scene, glare.reflection.side)
                mirror(image, enlarged(seen, size), glare.reflection)
        light_batch(canvas, [glare.highlights for glare in glares])

    def _paint_pass(self, pixels: Tensor, size: int, numbers: Tensor, places: Tensor, total: int) -> None:
        areas = places[:, 3] * places[:, 4]
        stamp = torch.repeat_interleave(torch.arange(len(areas), device=self.device), areas, output_size=total)
        offset = torch.arange(total, device=self.device) - (areas.cumsum(0) - areas)[stamp]
        image, left, top, width, _, start, patch_height, patch_width = places[stamp].unbind(1)
        row = torch.div(offset, width, rounding_mode="floor")
        column = offset - row * width
        x, y = column + 0.5, row + 0.5
        of_stamp = numbers[stamp]
        h = of_stamp.unbind(1)
        depth = h[6] * x + h[7] * y + h[8]
        u = (h[0] * x + h[1] * y + h[2]) / depth - 0.5
        v = (h[3] * x + h[4] * y + h[5]) / depth - 0.5
        cover = self._sample(u, v, start, patch_height, patch_width)
        weight = (cover * h[12] / 256)[:, None]  # as in the CPU's fixed-point arithmetic
        target = (image * size + top + row) * size + left + column
        pixels[target] = torch.lerp(pixels[target], of_stamp[:, 9:12], weight)

    def _sample(self, u: Tensor, v: Tensor, start: Tensor, height: Tensor, width: Tensor) -> Tensor:
        """Bilinear samples of patches, zero outside; float32 [P], 0..255."""
        u0, v0 = u.floor(), v.floor()
        du, dv = u - u0, v - v0
        # Patches end in empty pixels, so a position clamped to just beyond the border reads only zeros.
        column = u0.clamp(-1e6, 1e6).long()
        row = v0.clamp(-1e6, 1e6).long()
        total = torch.zeros_like(u)
        for down, across, share in (
            (0, 0, (1 - du) * (1 - dv)),
            (0, 1, du * (1 - dv)),
            (1, 0, (1 - du) * dv),
            (1, 1, du * dv),
        ):
            r, c = row + down, column + across
            inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
            index = torch.where(inside, start + r * width + c, 0)
            total += torch.where(inside, self._pixels[index].float() * share, 0.0)
        return total

    def _background(self, background: Background, size: int) -> Tensor:
        """float32 [size, size, 3], 0..255."""
        if background.picture < 0:
            # A copy, since torch refuses the negative strides that `ascontiguousarray` keeps in a turned 1x1.
            shading = torch.from_numpy(background.shading.copy()).to(self.device)[None, None]
            mode = "bilinear" if len(background.shading) < 3 else "bicubic"
            smooth = F.interpolate(shading, (size, size), mode=mode, align_corners=False)[0, 0]
            return (smooth[..., None] + torch.tensor(background.paper, device=self.device)).clamp(0, 255).floor()
        cut = self._pictures[background.picture][
            background.top : background.top + background.side, background.left : background.left + background.side
        ]
        if background.mirrored:
            cut = cut.flip(1)
        cut = torch.rot90(cut, -background.quarters, (0, 1))
        planes = cut.permute(2, 0, 1)[None].float()
        if background.side > size:
            share = _area_shares(background.side, size, self.device)
            resized = (share @ planes @ share.T)[0]
        else:
            resized = F.interpolate(planes, (size, size), mode="bilinear", align_corners=False)[0]
        return resized.permute(1, 2, 0).round()


@lru_cache(maxsize=64)
def _area_shares(source: int, target: int, device: torch.device) -> Tensor:
    """float32 [target, source]: the share that each pixel of a row has in each pixel of the shrunk row, as in OpenCV's
    INTER_AREA."""
    pixel = torch.arange(source, device=device)[None]
    start = torch.arange(target, device=device, dtype=torch.float64)[:, None] * (source / target)
    overlap = torch.minimum(start + source / target, pixel + 1) - torch.maximum(start, pixel)
    return (overlap.clamp(min=0) * (target / source)).float()


def compose_batch(
    layouts: Sequence[Layout], pool: PatchPool, backgrounds: Backgrounds, device: torch.device | str
) -> Tensor:
    """The pictures, uint8 [B, S, S, 3], on `device`. Uploads the pool each time; for several batches use a
    DeviceComposer."""
    return DeviceComposer(pool, backgrounds, device).compose(layouts)
