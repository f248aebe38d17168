"""Layouts become pictures on a device: a whole batch at once, from a pool that stays in the device's memory.

Each stamp covers a rectangle of its picture. The rectangles' pixels of all stamps of the batch lie end to end in one
list, so that one gather does the work of thousands of small warps; a layer then is blended by index.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from spotter.training.synthesis.backgrounds import Backgrounds
from spotter.training.synthesis.layout import PLATE, TEXT, Ground, Layout
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.rasterise import level_homographies, stamp_bounds


@dataclass(frozen=True)
class _Stamps:
    """Stamps of one layer of a batch: inverse [N, 3, 3], bounds int64 [N, 4], start, height, width, picture int64 [N],
    colour [N, 3], alpha [N]."""

    inverse: Tensor
    bounds: Tensor
    start: Tensor
    shape: Tensor
    picture: Tensor
    colour: Tensor
    alpha: Tensor


class DeviceComposer:
    """Holds a pool and backgrounds on a torch device and composes batches of layouts there.

    Memory: the pool's pixels (about 400 MB for 30,000 words) and the backgrounds (about 1.5 MB each).
    """

    def __init__(self, pool: PatchPool, backgrounds: Backgrounds, device: torch.device | str) -> None:
        self.device = torch.device(device)
        self._pool = pool
        self._pixels = torch.from_numpy(np.array(pool.pixels)).to(self.device)
        self._pictures = [torch.from_numpy(picture).to(self.device) for picture in backgrounds.pictures]

    @torch.inference_mode()
    def compose(self, layouts: Sequence[Layout]) -> Tensor:
        """uint8 [B, H, W, 3] on the device: the layouts' pictures before degradation.

        Raises ValueError when there is no layout or they differ in size.
        """
        sizes = {layout.size for layout in layouts}
        if len(sizes) != 1:
            raise ValueError(f"a batch wants layouts of one size, not {sorted(sizes)}")
        size = sizes.pop()
        canvas = torch.stack([self._ground(layout.ground, size) for layout in layouts]).reshape(-1, 3)
        for layer in range(PLATE, TEXT + 1):
            stamps = self._layer(layouts, layer)
            if stamps is not None:
                self._blend(canvas, stamps, size)
        return canvas.round_().clamp_(0, 255).to(torch.uint8).reshape(len(layouts), size, size, 3)

    def _ground(self, ground: Ground, size: int) -> Tensor:
        """float32 [size, size, 3]."""
        if ground.picture < 0:
            shading = torch.from_numpy(ground.shading).to(self.device)[None, None]
            mode = "bilinear" if len(ground.shading) < 3 else "bicubic"
            field = F.interpolate(shading, (size, size), mode=mode, align_corners=False)[0, 0]
            return (field[..., None] + torch.tensor(ground.paper, device=self.device)).clamp(0, 255)
        picture = self._pictures[ground.picture]
        cut = picture[ground.top : ground.top + ground.side, ground.left : ground.left + ground.side]
        planes = (cut.flip(1) if ground.mirrored else cut).permute(2, 0, 1)[None].float()
        shrink = ground.side > size
        return F.interpolate(planes, (size, size), mode="bilinear", align_corners=False, antialias=shrink)[0].permute(
            1, 2, 0
        )

    def _layer(self, layouts: Sequence[Layout], layer: int) -> _Stamps | None:
        """The stamps of one layer that touch their pictures."""
        inverse, bounds, start, shape, picture, colour, alpha = [], [], [], [], [], [], []
        for number, layout in enumerate(layouts):
            limits = stamp_bounds(layout, self._pool)
            kept = (layout.layers == layer) & (limits[:, 2] > limits[:, 0]) & (limits[:, 3] > limits[:, 1])
            patches, levels = layout.patches[kept], layout.levels[kept]
            inverse.append(np.linalg.inv(level_homographies(layout, self._pool)[kept]))
            bounds.append(limits[kept])
            start.append(self._pool.offsets[patches, levels])
            shape.append(self._pool.shapes[patches, levels])
            picture.append(np.full(len(patches), number))
            colour.append(layout.colours[kept])
            alpha.append(layout.alphas[kept])
        if not sum(map(len, picture)):
            return None
        return _Stamps(
            self._moved(inverse, np.float32),
            self._moved(bounds, np.int64),
            self._moved(start, np.int64),
            self._moved(shape, np.int64),
            self._moved(picture, np.int64),
            self._moved(colour, np.float32),
            self._moved(alpha, np.float32),
        )

    def _moved(self, parts: Sequence[NDArray[np.generic]], kind: type[np.generic]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts).astype(kind)).to(self.device, non_blocking=True)

    def _blend(self, canvas: Tensor, stamps: _Stamps, size: int) -> None:
        """Blends a layer into canvas, float32 [B * size * size, 3], in place.

        Where stamps of one layer overlap their colours mix by coverage; alone each covers as `paint` does.
        """
        spans = stamps.bounds[:, 2:] - stamps.bounds[:, :2]  # (width, height)
        areas = spans[:, 0] * spans[:, 1]
        owner = torch.repeat_interleave(areas)
        within = torch.arange(len(owner), device=self.device) - (areas.cumsum(0) - areas)[owner]
        across = spans[owner, 0]
        x = stamps.bounds[owner, 0] + within % across
        y = stamps.bounds[owner, 1] + torch.div(within, across, rounding_mode="floor")
        cover = self._cover(stamps, owner, x, y) * stamps.alpha[owner]
        place = (stamps.picture[owner] * size + y) * size + x
        touched = cover > 1e-3
        place, cover, owner = place[touched], cover[touched], owner[touched]
        mixed = torch.zeros(len(canvas), 4, device=self.device)
        mixed.index_add_(0, place, torch.cat([cover[:, None] * stamps.colour[owner], cover[:, None]], 1))
        total = mixed[:, 3:]
        canvas.mul_(1 - total.clamp(max=1)).add_(mixed[:, :3] / total.clamp(min=1))

    def _cover(self, stamps: _Stamps, owner: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """float32 [M], 0..1: the patch under each pixel, bilinear, nothing beyond its border."""
        inverse = stamps.inverse[owner]
        px, py = x.float() + 0.5, y.float() + 0.5
        depth = inverse[:, 2, 0] * px + inverse[:, 2, 1] * py + inverse[:, 2, 2]
        u = (inverse[:, 0, 0] * px + inverse[:, 0, 1] * py + inverse[:, 0, 2]) / depth - 0.5
        v = (inverse[:, 1, 0] * px + inverse[:, 1, 1] * py + inverse[:, 1, 2]) / depth - 0.5
        height, width = stamps.shape[owner].unbind(1)
        start = stamps.start[owner]
        left, top = u.floor(), v.floor()
        right_share, bottom_share = u - left, v - top
        column, row = left.long(), top.long()

        def pixel(down: int, along: int) -> Tensor:
            r, c = row + down, column + along
            inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
            return self._pixels[torch.where(inside, start + r * width + c, 0)] * inside

        upper = pixel(0, 0) * (1 - right_share) + pixel(0, 1) * right_share
        lower = pixel(1, 0) * (1 - right_share) + pixel(1, 1) * right_share
        return (upper * (1 - bottom_share) + lower * bottom_share) / 255


def compose_batch(
    layouts: Sequence[Layout], pool: PatchPool, backgrounds: Backgrounds, device: torch.device | str
) -> Tensor:
    """uint8 [B, H, W, 3] on `device`: pictures before degradation. Uploads everything; for more than one batch keep
    a DeviceComposer."""
    return DeviceComposer(pool, backgrounds, device).compose(layouts)
