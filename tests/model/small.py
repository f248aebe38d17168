"""The smallest whole spotter, quick to run and to export; and maps that say what a test wants them to say."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from spotter.families.build import build_spotter
from spotter.families.config import SpotterConfig
from spotter.families.fots.config import DetectionConfig
from spotter.families.fots.head import DetectionHead
from spotter.families.fots.maps import DetectionMaps
from spotter.model.anchors import plain_anchors
from spotter.model.charset import PRINTABLE_ASCII
from spotter.model.config import BackboneConfig, PictureRecogniserConfig, RecogniserConfig, ScoreConfig
from spotter.model.language import LanguageTables
from spotter.model.orientation import Orientation
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.ppocr import PLANS, PPOCRConfig, PPOCRRecogniser, StageConfig
from spotter.model.recogniser import Recogniser
from spotter.model.spotter import Spotter

STRIDE = 32  # of `small_config`'s last stage

SMALL_RECOGNISER = RecogniserConfig(min_width=4, max_width=24, channels=(8, 8), width=16, heads=2, layers=1)
SEQUENCE_PLAN = PPOCRConfig(
    4, True, (StageConfig(8, (True, False), 8), StageConfig(8, (True,), 8), StageConfig(8, (False,))), 16, 1
)
"""PP-OCRv6 small's layers, with few channels."""
BLOCKS_PLAN = PPOCRConfig(
    4, True, (StageConfig(16, (True, False), 32), StageConfig(32, (True,), 32), StageConfig(32, (False,))), 16, 1
)
"""The same with as many channels as the kernels of its blocks want."""
CONVOLUTIONAL_PLAN = PPOCRConfig(
    4, False, (StageConfig(8, (True,), 8), StageConfig(8, (False,), 8), StageConfig(8, (True,))), 8, 0
)
"""PP-OCRv6 tiny's layers, with few channels."""


def small_config(candidates: int = 64) -> SpotterConfig:
    """Four stages of four channels, sixteen recogniser features."""
    return SpotterConfig(
        backbone=BackboneConfig(stem=4, channels=(4, 4, 8, 8), blocks=(1, 1, 1, 1)),
        neck=8,
        detection=DetectionConfig(channels=16, candidates=candidates),
        recogniser=SMALL_RECOGNISER,
    )


def write_even_language(path: Path) -> Path:
    """A language model to which every character is as likely as another."""
    symbols = "".join(sorted(set(PRINTABLE_ASCII.lower())))
    shape = (1, len(symbols) + 1)
    LanguageTables(np.full(shape, 85, np.uint8), np.zeros(shape, np.uint16), symbols).save(path)
    return path


def word_patches(
    widths: list[int], fine: int, coarse: int, columns: int | None = None, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Random patches of so many features as the sampler gives them, zero beyond each width, and the widths: [N, fine,
    16, 2 columns] and [N, coarse, 8, columns], as many as the widest word has unless given."""
    generator = torch.Generator().manual_seed(seed)
    columns = columns or max(widths)
    made_fine = torch.randn(len(widths), fine, 16, 2 * columns, generator=generator)
    made_coarse = torch.randn(len(widths), coarse, 8, columns, generator=generator)
    for n, width in enumerate(widths):
        made_fine[n, :, :, 2 * width :] = 0
        made_coarse[n, :, :, width:] = 0
    return made_fine, made_coarse, torch.tensor(widths)


def small_spotter(seed: int = 0) -> Spotter:
    """A small spotter in evaluation mode, the same for the same seed."""
    torch.manual_seed(seed)
    return build_spotter(small_config()).eval()


def talkative_spotter(seed: int = 0) -> Spotter:
    """A small spotter with random weights that finds words in noise, of different scores, and reads them as differently
    as their pixels are: its normalisations have seen noise, and its last layers are loud."""
    return _talkative(small_spotter(seed))


def attending_spotter(decoder: str, seed: int = 0) -> Spotter:
    """As `talkative_spotter`, but an attention decoder of six characters reads, too."""
    torch.manual_seed(seed)
    recogniser = replace(SMALL_RECOGNISER, decoder=decoder, longest=6)
    model = _talkative(build_spotter(replace(small_config(), recogniser=recogniser)))
    attention = model.map_recogniser.attention
    assert attention is not None
    with torch.no_grad():
        attention.classify.weight *= 9
        attention.embed.weight *= 3
        attention.classify.bias[0] += 3  # most texts end
    return model


def picture_spotter(seed: int = 0, plan: PPOCRConfig = SEQUENCE_PLAN) -> Spotter:
    """As `talkative_spotter`, but its recogniser reads the picture's own pixels, with few channels."""
    torch.manual_seed(seed)
    with few_channels(plan):
        return _talkative(build_spotter(picture_config()))


def picture_config() -> SpotterConfig:
    # The score of an early model makes a thousandth of a character's probability a hundredth of its own.
    score = ScoreConfig(character=0.1, text=0.001)
    return replace(small_config(), recogniser=PictureRecogniserConfig("small", longest=24), score=score)


def spotter_of_turned_pictures() -> Spotter:
    """A `picture_spotter` in the form of the default network: it also says which way up a picture lies."""
    model = picture_spotter(plan=BLOCKS_PLAN)
    torch.manual_seed(5)
    model.orientation = Orientation(8)  # channels of the shared map
    return model


@contextmanager
def few_channels(sequence: PPOCRConfig = SEQUENCE_PLAN) -> Iterator[None]:
    """PP-OCRv6's two plans with few channels."""
    with patch.dict(PLANS, small=sequence, tiny=CONVOLUTIONAL_PLAN):
        yield


def loud(network: PPOCRRecogniser) -> PPOCRRecogniser:
    """Random weights so large that every layer has a say."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim > 1:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            elif name.endswith("bias"):
                parameter.normal_(0, 0.1)
        network.head.weight *= 2
    return network.eval()


def _talkative(model: Spotter) -> Spotter:
    model.train()
    images = torch.randint(0, 256, (2, 128, 192, 3), dtype=torch.uint8)
    spread = torch.tensor([180.0, 120.0, 60.0, 50.0, 6.2, 1.0])
    boxes = torch.rand(40, 6) * spread + torch.tensor([0.0, 0, 20, 8, -3.1, -0.5])
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0  # the statistics of the last pictures are the ones to keep
        features = model.features(images)
        model.detect(features)
        model.columns(features, boxes, torch.arange(40) % 2)
        out = detector_out(model)
        assert out.bias is not None
        out.bias[0] = 0.0
        out.weight[0] *= 3
        reader = model.recogniser
        if isinstance(reader, PictureRecogniser):
            loud(reader.network)
        else:
            classifier(model).weight *= 6
    return model.eval()


def detector_out(model: Spotter) -> nn.Conv2d:
    """The last layer of a FOTS spotter's detector."""
    assert isinstance(model.head, DetectionHead)
    return model.head.out


def classifier(model: Spotter) -> nn.Linear:
    """The last layer of a spotter's recogniser."""
    reader = model.recogniser
    if isinstance(reader, PictureRecogniser):
        return reader.network.head
    assert isinstance(reader, Recogniser)
    return reader.classify


def empty_maps(batch: int, rows: int, columns: int) -> DetectionMaps:
    """Maps that say: no text anywhere."""
    direction = torch.zeros(batch, 3, rows, columns)
    direction[:, 0] = 1
    score, distances = torch.full((batch, 1, rows, columns), -9.0), torch.ones(batch, 4, rows, columns)
    return DetectionMaps(score, distances, direction, plain_anchors(rows, columns, torch.device("cpu")))


def say(
    maps: DetectionMaps,
    point: tuple[int, int, int],
    score: float,
    distances: tuple[float, float, float, float],
    theta: float,
    length: float = 1.0,
    slant: float = 0.0,
) -> None:
    """Writes one word into the point (picture, row, column): score as a probability, sides (top, right, bottom,
    left)."""
    image, row, column = point
    maps.score[image, 0, row, column] = torch.logit(torch.tensor(score))
    maps.distances[image, :, row, column] = torch.tensor(distances)
    maps.direction[image, :2, row, column] = length * direction_of(theta)
    maps.direction[image, 2, row, column] = slant


def direction_of(theta: float) -> Tensor:
    angle = torch.tensor(theta)
    return torch.stack((angle.cos(), angle.sin()))
