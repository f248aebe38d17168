"""Another family brings a head and a sampler, and the rest of the spotter serves it as it is."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spotter.model.anchors import AnchorPoints
from spotter.model.backbone import Backbone
from spotter.model.family import Extent, Geometry, Head, Maps, Patches, Regions, RegionSampler
from spotter.model.neck import FeaturePyramid
from spotter.model.recogniser import Recogniser
from spotter.model.regions import sample_regions
from spotter.model.spotter import Spotter
from tests.model.small import small_config

COLUMNS = 12


@dataclass(frozen=True)
class Heights:
    """Score and nothing else."""

    score: Tensor
    anchors: AnchorPoints


class TopPoints(Head):
    """A band across the picture for the best point of each picture: (y at the left, y at the right, half its
    height)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.out = nn.Conv2d(inputs, 1, 1)

    def forward(self, features: Tensor, anchors: AnchorPoints) -> Maps:
        return Heights(self.out(features), anchors)

    def regions(self, maps: Any, sizes: Tensor, pictures: Tensor | None = None) -> Regions:
        scores, best = maps.score.flatten(1).max(1)
        y = maps.anchors.y.flatten()[best]
        shapes = torch.stack((y, y + 4, torch.full_like(y, 6.0)), 1)
        return Regions(shapes, scores.sigmoid(), torch.arange(len(y)))


class BandGeometry:
    """Parallelograms over 96 pixels, outlined by three points above and three below."""

    def line(self, shapes: Tensor, points: int, offset: float) -> Tensor:
        along = (torch.arange(points) + 0.5) / points
        y = shapes[:, :1] + (shapes[:, 1:2] - shapes[:, :1]) * along + offset * shapes[:, 2:3]
        return torch.stack((96 * along.expand_as(y), y), -1)

    def of_polygons(self, polygons: Tensor) -> Tensor:
        y = (polygons + polygons.flip(1))[..., 1] / 2
        return torch.stack((y[:, 0], y[:, polygons.shape[1] // 2 - 1], self.extent(polygons[:, :3, 1]).heights), 1)

    def extent(self, shapes: Tensor) -> Extent:
        return Extent(torch.full_like(shapes[:, 0], 96.0), 2 * shapes[:, 2])

    def places(self, shapes: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        y = shapes[:, :1] + (shapes[:, 1:2] - shapes[:, :1]) * (u + 0.5)
        x = (96 * (u + 0.5))[:, None].expand(-1, len(v), -1)
        return x, y[:, None] + 2 * v[:, None] * shapes[:, 2, None, None]

    def part(self, shapes: Tensor, start: Tensor, end: Tensor) -> Tensor:
        # These reach across the picture whatever they say.
        left, right, height = shapes.unbind(1)
        return torch.stack((left + (right - left) * (start + 0.5), left + (right - left) * (end + 0.5), height), 1)

    def reversed(self, shapes: Tensor) -> Tensor:
        return shapes

    def polygons(self, shapes: Tensor) -> Tensor:
        return torch.cat((self.line(shapes, 3, -1), self.line(shapes, 3, 1).flip(1)), 1)


BANDS = BandGeometry()


class Bands(RegionSampler):
    """Cuts such parallelograms."""

    geometry: Geometry = BANDS

    def forward(
        self, fine: Tensor, shared: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor
    ) -> Patches:
        def cut(features: Tensor, rows: int, columns: int, stride: int) -> Tensor:
            lines = [BANDS.line(shapes, columns, 2 * (row + 0.5) / rows - 1) for row in range(rows)]
            return sample_regions(features, torch.stack(lines, 1) / stride, image_index)

        widths = torch.full((len(shapes),), COLUMNS)
        return Patches(cut(fine, 16, 2 * COLUMNS, 2), cut(shared, 8, COLUMNS, 4), widths)


@torch.no_grad()
def test_a_head_and_a_sampler_make_a_spotter() -> None:
    torch.manual_seed(0)
    config = small_config()
    model = Spotter(
        Backbone(config.backbone),
        FeaturePyramid(config.backbone.channels, config.neck),
        TopPoints(config.neck),
        Bands(),
        Recogniser(config.backbone.stem, config.neck, 96, config.map_recogniser),
        config.score,
    ).eval()
    images = torch.randint(0, 256, (2, 64, 96, 3), dtype=torch.uint8)
    index, polygons, scores, characters, sureness = model(images, torch.tensor([[64, 96]] * 2, dtype=torch.int32))
    assert index.tolist() == [0, 1]
    assert polygons.shape == (2, 6, 2)
    assert polygons[0, :, 0].tolist() == [16, 48, 80, 80, 48, 16]  # clockwise from the top-left
    assert (polygons[0, 5, 1] - polygons[0, 0, 1]).item() == 12
    assert scores.shape == (2,)
    assert characters.shape == sureness.shape == (2, COLUMNS)
