"""The cost of a detector of given widths."""

from dataclasses import replace
from functools import cached_property, lru_cache

import torch
from torch import Tensor, nn

from spotter.families.build import build_spotter
from spotter.families.config import SpotterConfig
from spotter.model.config import RecogniserConfig

_SIDE = 256  # side in pixels of the picture for which operations are counted; a multiple of every backbone's stride
_DETECTOR = ("backbone.", "neck.", "head.")


class Costs:
    """The multiply-adds of backbone, neck and detection head for a picture of 256 x 256 pixels, for configurations that
    differ in their widths alone. They grow with the picture's area, so their shares hold for every size."""

    def __init__(self, config: SpotterConfig) -> None:
        self._config = config

    @cached_property
    def _positions(self) -> dict[str, int]:
        """The number of positions at which each convolution is computed, by its weight's name."""
        found: dict[str, int] = {}
        with torch.device("meta"):
            model = build_spotter(_without_reader(self._config)).eval()

        def noted(name: str) -> None:
            def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
                found[name] = output.shape[2] * output.shape[3]

            model.get_submodule(name.removesuffix(".weight")).register_forward_hook(note)

        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d):
                noted(f"{name}.weight")
        with torch.no_grad():
            model.detect(model.features(torch.zeros(1, _SIDE, _SIDE, 3, dtype=torch.uint8, device="meta")))
        return found

    def operations(self, config: SpotterConfig) -> int:
        """The multiply-adds of the convolutions; everything else is negligible."""
        shapes = detector_shapes(config)
        return sum(shapes[name].numel() * positions for name, positions in self._positions.items())


def parameters(config: SpotterConfig) -> int:
    """The number of parameters of backbone, neck and detection head."""
    return sum(shape.numel() for shape in detector_shapes(config).values())


@lru_cache(maxsize=4096)
def detector_shapes(config: SpotterConfig) -> dict[str, torch.Size]:
    """The shapes of the parameters of backbone, neck and detection head, by name."""
    with torch.device("meta"):
        model = build_spotter(_without_reader(config))
    return {name: value.shape for name, value in model.named_parameters() if name.startswith(_DETECTOR)}


def _without_reader(config: SpotterConfig) -> SpotterConfig:
    """The same detector with a recogniser that is quick to build."""
    return replace(config, recogniser=RecogniserConfig(layers=0), characters="a", orientation=False)
