import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fcntl import LOCK_EX, flock
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from spotter.export import parity
from spotter.export.graph import export_graph
from spotter.export.graph import exported as exporter
from spotter.model.charset import Charset
from spotter.model.spotter import Spotter
from tests.model.small import talkative_spotter

_CASES = parity.cases
TIMEOUT = 400  # seconds; on busy cores the exporter alone may take two minutes


@dataclass(frozen=True)
class Exported:
    """A small network and the graph that was written of it."""

    model: Spotter
    graph: Path

    def write(self, _model: Spotter, path: Path) -> None:
        """Stands in for `export_graph` where that of the same network would come out."""
        path.write_bytes(self.graph.read_bytes())

    def sure_of(self, letter: str, folder: Path) -> "Exported":
        """The same network and graph, but every word reads as one letter in both."""
        index = Charset().encode(letter)[0]
        model = copy.deepcopy(self.model)
        proto = onnx.load(str(self.graph))
        (tensor,) = (t for t in proto.graph.initializer if t.name == "recogniser.classify.bias")
        bias = onnx.numpy_helper.to_array(tensor).copy()
        bias[index] += 1000
        tensor.CopyFrom(onnx.numpy_helper.from_array(bias.astype(np.float32), tensor.name))
        with torch.no_grad():
            model.map_recogniser.classify.bias[index] += 1000
        onnx.save(proto, str(folder / "model.onnx"))
        return Exported(model, folder / "model.onnx")


@cache
def noisy_cases(stride: int) -> list[parity.Case]:
    """The cases of the parity check, filled with noise.

    Random weights find words everywhere, and on even background equal scores make it chance which anchor points are
    best.
    """
    rng = np.random.default_rng(0)
    noisy = []
    for case in _CASES(stride):
        images = np.zeros_like(case.images)
        for image, (height, width) in zip(images, case.sizes, strict=True):
            image[:height, :width] = rng.integers(0, 256, (height, width, 3))
        noisy.append(replace(case, images=images))
    return noisy


def one_case(stride: int) -> list[parity.Case]:
    """The first of them, where what is tested comes after the parity check."""
    return noisy_cases(stride)[:1]


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Without the trace of torch's exporter, every line of which pytest would format."""
    logging.disable(logging.DEBUG)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def write_part(part: nn.Module, example: tuple[Tensor, ...], path: Path, shapes: dict[str, Any]) -> None:
    """Writes a part of a network as a graph; shapes: the dynamic ones of each input, by its name and in order."""
    with quiet_exporter():
        onnx.save(exporter(part, example, input_names=list(shapes), dynamic_shapes=shapes), str(path))


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Exported]:
    """Exported once, since that takes long, by whichever of pytest-xdist's workers needs it first; nobody may change
    it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = talkative_spotter()
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent  # of all workers
    graph = folder / "exported.onnx"
    with (folder / "exported.lock").open("w") as lock, quiet_exporter():
        flock(lock, LOCK_EX)
        if not graph.exists():
            export_graph(model, folder / "unfinished.onnx")
            (folder / "unfinished.onnx").rename(graph)
    yield Exported(model, graph)
    torch.set_num_threads(threads)
