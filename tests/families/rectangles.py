"""Upright rectangles: a small family for tests, which docs/families.md builds step by step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from spotter.families.interface import Misplacement, Texts, Truth
from spotter.families.patches import GridSampler
from spotter.model.anchors import STRIDE, AnchorPoints
from spotter.model.family import Extent, Geometry, Head, Regions, RegionSampler
from spotter.model.regions import PatchSize
from spotter.model.roles import Roles


@dataclass(frozen=True)
class RectangleConfig:
    """least: of a point's probability. most: words of a picture."""

    least: float = 0.3
    most: int = 12

    def __post_init__(self) -> None:
        if not 0 < self.least < 1:
            raise ValueError("least must lie between 0 and 1")


@dataclass(frozen=True)
class RectangleMaps:
    """score: logits [B, 1, H, W]. sides: logarithms of a word's width and height in the map's pixels [B, 2, H, W]."""

    score: Tensor
    sides: Tensor
    anchors: AnchorPoints


class RectangleGeometry:
    """Upright rectangles [N, 4] = (x and y of the middle, width, height), outlined by three points above and three
    below."""

    def of_polygons(self, polygons: Tensor) -> Tensor:
        low, high = polygons.amin(1), polygons.amax(1)
        return torch.cat(((low + high) / 2, high - low), 1)

    def polygons(self, shapes: Tensor) -> Tensor:
        along = torch.tensor([-0.5, 0.0, 0.5, 0.5, 0.0, -0.5], device=shapes.device)
        down = torch.tensor([-0.5, -0.5, -0.5, 0.5, 0.5, 0.5], device=shapes.device)
        return shapes[:, None, :2] + torch.stack((along, down), 1) * shapes[:, None, 2:]

    def extent(self, shapes: Tensor) -> Extent:
        return Extent(shapes[:, 2], shapes[:, 3])

    def places(self, shapes: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        x = shapes[:, :1] + u * shapes[:, 2:3]  # N x C
        y = shapes[:, 1:2] + v * shapes[:, 3:]  # N x R
        return x[:, None].expand(-1, len(v), -1), y[:, :, None].expand(-1, -1, u.shape[1])

    def part(self, shapes: Tensor, start: Tensor, end: Tensor) -> Tensor:
        x, y, width, height = shapes.unbind(1)
        return torch.stack((x + (start + end) / 2 * width, y, (end - start) * width, height), 1)

    def reversed(self, shapes: Tensor) -> Tensor:
        return shapes


GEOMETRY = RectangleGeometry()


class RectangleHead(Head):
    """One convolution."""

    summary: ClassVar[str] = "Finds words as upright rectangles and reads them."
    roles: ClassVar[Roles] = Roles(dense=("*",), exact=("out.*",), precise=("out.*",), last=("out.*",), ends=("out.*",))

    def __init__(self, inputs: int, config: RectangleConfig) -> None:
        super().__init__()
        self.config = config
        self.out = nn.Conv2d(inputs, 3, 3, padding=1)
        self.out.bias = nn.Parameter(torch.tensor([2.0, 3.7, 2.8]))

    def forward(self, features: Tensor, anchors: AnchorPoints) -> RectangleMaps:
        score, sides = self.out(features).float().split((1, 2), 1)
        return RectangleMaps(score, sides.clamp(0.0, 5.0), anchors)

    def regions(self, maps: RectangleMaps, sizes: Tensor, pictures: Tensor | None = None) -> Regions:
        anchors = maps.anchors
        real = anchors.inside & (anchors.y < sizes[:, 0, None, None]) & (anchors.x < sizes[:, 1, None, None])
        scores, index = (maps.score[:, 0].sigmoid() * real).flatten(1).topk(self.config.most, dim=1)
        image_index, rank = (scores > self.config.least).nonzero().unbind(1)
        point = index[image_index, rank]
        sides = maps.sides.flatten(2)[image_index, :, point].exp() * anchors.scale.flatten()[point][:, None]
        middle = torch.stack((anchors.x.flatten()[point], anchors.y.flatten()[point]), 1)
        return Regions(torch.cat((middle, sides), 1), scores[image_index, rank], image_index)


class RectangleSampler(GridSampler):
    """Cuts out rectangles."""

    geometry: Geometry = GEOMETRY

    def placed(self, shapes: Tensor, anchors: AnchorPoints) -> Tensor:
        at = anchors.placement(shapes[:, 3])
        if at is None:
            return shapes
        x, y, width, height = shapes.unbind(1)
        return torch.stack((at.x(x), at.y(y), width * at.scale, height * at.scale), 1)


class Rectangles:
    """The family."""

    config: type[Any] = RectangleConfig
    parts: Mapping[str, float] = {"sides": 2.0}
    geometry: Geometry = GEOMETRY

    def read_config(self, values: Mapping[str, Any]) -> RectangleConfig:
        return RectangleConfig(**values)

    def head(self, inputs: int, config: RectangleConfig, classes: int) -> Head:
        return RectangleHead(inputs, config)

    def sampler(self, size: PatchSize, config: RectangleConfig) -> RegionSampler:
        return RectangleSampler(size)

    def truth(self, polygons: Tensor, image_index: Tensor, ignore: Tensor, shape: tuple[int, int, int]) -> Truth:
        shapes = GEOMETRY.of_polygons(polygons)
        owner = torch.full(shape, -1)
        counted = torch.ones(shape, dtype=torch.bool)
        y, x = ((torch.arange(side) + 0.5) * STRIDE for side in shape[1:])
        for n, (cx, cy, w, h) in enumerate(shapes.tolist()):
            inside = ((y - cy).abs() < h / 2)[:, None] & ((x - cx).abs() < w / 2)
            if ignore[n]:
                counted[image_index[n], inside] = False
            else:
                owner[image_index[n], inside] = n
        return Truth(owner >= 0, counted | (owner >= 0), owner, shapes)

    def with_texts(self, truth: Truth, texts: Texts) -> Truth:
        return truth

    def losses(self, maps: RectangleMaps, truth: Truth, weights: Tensor) -> dict[str, Tensor]:
        image, row, column = (truth.owner >= 0).nonzero().unbind(1)
        word = truth.owner[image, row, column]
        off = F.l1_loss(maps.sides[image, :, row, column], truth.shapes[word, 2:].log(), reduction="none")
        return {"sides": (off.mean(1) * weights[word]).sum() / weights[word].sum().clamp(min=1)}

    def to_read(
        self,
        maps: RectangleMaps,
        truth: Truth,
        words: Tensor,
        image_index: Tensor,
        jitter: float,
        predicted: float,
        generator: Generator,
    ) -> Tensor:
        shapes = truth.shapes[words]
        return shapes + torch.randn(shapes.shape, generator=generator) * jitter * shapes[:, 3:]

    def misplaced(self, shapes: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
        noise = torch.from_numpy(rng.normal(0, off.ends, shapes.shape).astype(np.float32))
        return shapes + noise * shapes[:, 3:]
