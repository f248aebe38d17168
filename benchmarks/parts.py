"""Measures the cost of each choice in the network's configuration: its number of weights, and its time for one
picture."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks import table
from spotter.export.folding import folded
from spotter.families.build import build_spotter
from spotter.families.catalogue import family_named
from spotter.families.config import SpotterConfig
from spotter.model.config import BACKBONE_PLANS, BackboneConfig, RecogniserConfig

_HEIGHT, _LETTER = 24.0, 13.0  # pixels of a word, and of a letter along it


@dataclass(frozen=True)
class Choice:
    """A choice, named by the settings of a recipe that select it."""

    name: str
    config: SpotterConfig


def _backbone(**fields: Any) -> SpotterConfig:
    return SpotterConfig(backbone=BackboneConfig(**fields))


def _recogniser(**fields: Any) -> SpotterConfig:
    return SpotterConfig(recogniser=RecogniserConfig(**fields))


CHOICES: tuple[Choice, ...] = (
    Choice("the defaults", SpotterConfig()),
    Choice("backbone excitation", _backbone(excitation=True)),
    *(Choice(f"backbone block {kind}", _backbone(block=kind)) for kind in ("bottleneck", "grouped", "separable")),
    Choice("backbone block inverted", _backbone(block="inverted")),
    Choice("backbone block inverted, excitation", _backbone(block="inverted", excitation=True)),
    Choice("backbone block branched", _backbone(block="branched")),
    Choice("backbone block attention", _backbone(block="attention")),
    Choice("backbone block attention, positions rotary", _backbone(block="attention", positions="rotary")),
    *(Choice(f"backbone plan {name}", SpotterConfig(backbone=plan)) for name, plan in BACKBONE_PLANS.items()),
    *(Choice(f"neck_kind {kind}", SpotterConfig(neck_kind=kind)) for kind in ("pan", "bifpn")),
    Choice("gate", SpotterConfig(gate=True)),
    *(Choice(f"context {kind}", SpotterConfig(context=kind)) for kind in ("dilated", "branches")),
    *(Choice(f"recogniser encoder {kind}", _recogniser(encoder=kind)) for kind in ("lstm", "gru")),
    *(Choice(f"recogniser decoder {kind}", _recogniser(decoder=kind)) for kind in ("both", "attention", "hybrid")),
)
"""The choices that are compared: the defaults, then configurations that each change one setting."""


@dataclass(frozen=True)
class Cost:
    """weights: the number of weights of the trained network. seconds: CPU time, the least of all turns. ratio: of the
    time to that of the defaults."""

    name: str
    weights: int
    seconds: float
    ratio: float


def measure(choices: Sequence[Choice], size: tuple[int, int], words: int, threads: int, rounds: int) -> list[Cost]:
    """Times networks with random weights in PyTorch, batch norms and branches folded: the maps of a picture of
    `size` = (width, height), multiples of 64, and of its pyramid, the detector's maps, and reading `words` words of 3
    to 12 letters at given positions.

    Seconds are CPU time, summed over all threads. In each round every choice has a turn; the least time of each is
    taken, since other programs on the machine can only add to it.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        turns = [(choice.name, *_turn(choice.config, size, words)) for choice in choices]
        seconds: list[list[float]] = [[] for _ in turns]
        for number in range(rounds + 1):
            for (_, _, turn), times in zip(turns, seconds, strict=True):
                began = time.process_time()
                turn()
                if number:
                    times.append(time.process_time() - began)
    finally:
        torch.set_num_threads(before)
    least = [min(times) for times in seconds]
    return [Cost(name, weights, took, took / least[0]) for (name, weights, _), took in zip(turns, least, strict=True)]


def _turn(config: SpotterConfig, size: tuple[int, int], words: int) -> tuple[int, Callable[[], None]]:
    torch.manual_seed(0)
    model = build_spotter(config).eval()
    weights = sum(parameter.numel() for parameter in model.parameters())
    model = folded(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randint(0, 256, (1, size[1], size[0], 3), dtype=torch.uint8)
    sizes = torch.tensor([[size[1], size[0]]], dtype=torch.int32)
    shapes = family_named(config.family).geometry.of_polygons(_places(size, words))

    @torch.inference_mode()
    def turn() -> None:
        features = model.pyramid(images, sizes)
        model.detect(features)
        model.columns(features, shapes, torch.zeros(words, dtype=torch.int64))

    return weights, turn


def _places(size: tuple[int, int], words: int) -> Tensor:
    """Polygons [N, 4, 2] of level words in a picture."""
    generator = torch.Generator().manual_seed(0)
    length = _LETTER * torch.randint(3, 13, (words,), generator=generator)
    x = torch.rand(words, generator=generator) * (size[0] - length).clamp(min=0)
    y = torch.rand(words, generator=generator) * (size[1] - _HEIGHT)
    right, bottom = x + length, y + _HEIGHT
    return torch.stack([torch.stack(corner, 1) for corner in ((x, y), (right, y), (right, bottom), (x, bottom))], 1)


def named(wanted: Sequence[str]) -> list[Choice]:
    """The defaults, and the choices whose names contain one of these words; all choices without words. Raises
    ValueError where no choice matches."""
    found = [choice for choice in CHOICES[1:] if not wanted or any(word in choice.name for word in wanted)]
    if not found:
        raise ValueError(f"no choice is named {', '.join(wanted)}")
    return [CHOICES[0], *found]


def as_table(found: Sequence[Cost]) -> str:
    """A table of the results."""
    rows = [(each.name, each.weights / 1e6, 1000 * each.seconds, each.ratio) for each in found]
    return table.render(("choice", "million weights", "ms", "ratio"), rows)
