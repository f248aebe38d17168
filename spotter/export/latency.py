"""Measures the time of the detector in ONNX Runtime, as it is served."""

import time
from dataclasses import fields
from typing import Any

import onnxruntime as ort
import torch
from torch import Tensor, nn

from spotter.export.exporter import exported
from spotter.export.folding import folded
from spotter.families.build import build_spotter
from spotter.families.config import SpotterConfig
from spotter.model.spotter import Spotter

_WARM = 2  # warm-up runs that are not counted


class _DensePart(nn.Module):
    """From pictures uint8 [B, H, W, 3] to the detector's maps of their pyramids."""

    def __init__(self, spotter: Spotter) -> None:
        super().__init__()
        self.spotter = spotter

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The head's maps; its other fields, such as anchor points and branches for single regions, are left out."""
        maps: Any = self.spotter.detect(self.spotter.pyramid(images))
        values = (getattr(maps, field.name) for field in fields(maps))
        return tuple(value for value in values if isinstance(value, Tensor))


def detector_milliseconds(config: SpotterConfig, side: int, turns: int = 7) -> float:
    """Milliseconds of one core for the detector of such a network, with random weights in float32, and one picture of
    side x side pixels, a multiple of 64; reading words is not in it.

    The least CPU time of all runs is returned, instead of the elapsed time: other programs on the machine can only add
    to it.
    """
    torch.manual_seed(0)
    images = torch.randint(0, 256, (1, side, side, 3), dtype=torch.uint8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    graph = dense_graph(build_spotter(config).eval(), images)
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    feeds = {"images": images.numpy()}
    seconds = []
    for _ in range(_WARM + turns):
        began = time.process_time()
        session.run(None, feeds)
        seconds.append(time.process_time() - began)
    return 1000 * min(seconds[_WARM:])


def dense_graph(model: Spotter, images: Tensor) -> bytes:
    """The graph `images` -> the detector's maps of a model in evaluation mode, for pictures of one size, uint8 [B, H,
    W, 3]; ONNX Runtime optimises it when it is loaded."""
    graph = exported(_DensePart(folded(model)), (images,), input_names=["images"], optimize=False)
    serialised: bytes = graph.SerializeToString()
    return serialised
