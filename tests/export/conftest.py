import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fcntl import LOCK_EX, flock
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spotter.export import parity
from spotter.export.exporter import exported as exporter
from spotter.export.graph import export_graph
from spotter.export.quantise import dense_nodes, quantise
from spotter.model.charset import Charset
from spotter.model.roles import Roles
from spotter.model.spotter import Spotter
from spotter.ops.interface import CONVOLUTION
from tests.model.small import classifier, spotter_of_turned_pictures

_CASES = parity.cases
TIMEOUT = 400  # seconds; on busy cores the exporter alone may take two minutes


@dataclass(frozen=True)
class Exported:
    """A small network, in the form of the default one, and the graph that was written of it."""

    model: Spotter
    graph: Path

    def write(self, _model: Spotter, path: Path) -> None:
        """Stands in for `export_graph` where that of the same network would come out."""
        path.write_bytes(self.graph.read_bytes())

    def sure_of(self, letter: str, folder: Path) -> "Exported":
        """The same network and graph, but every word reads as one letter in both."""
        model = copy.deepcopy(self.model)
        read_as(letter, model, self.graph, folder / "model.onnx")
        with torch.no_grad():
            classifier(model).bias[Charset().encode(letter)[0]] += 1000
        return Exported(model, folder / "model.onnx")


def read_as(letter: str, model: Spotter, graph: Path, path: Path) -> None:
    """Writes the model's graph so that it reads every word as one letter."""
    proto = onnx.load(str(graph))
    bias = classifier(model).bias.detach().numpy().copy()
    (tensor,) = (each for each in proto.graph.initializer if np.array_equal(onnx.numpy_helper.to_array(each), bias))
    bias[Charset().encode(letter)[0]] += 1000
    tensor.CopyFrom(onnx.numpy_helper.from_array(bias, tensor.name))
    onnx.save(proto, str(path))


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


@pytest.fixture(scope="session", name="shared")
def make_shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder for what takes long to write: whichever of pytest-xdist's workers needs it first writes it for all."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


def written_once(path: Path, write: Callable[[Path], None]) -> Path:
    """The path, written unless it has been. Nobody may change it."""
    with path.with_suffix(".lock").open("w") as lock, quiet_exporter():
        flock(lock, LOCK_EX)
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            write(unfinished)
            unfinished.rename(path)
    return path


@pytest.fixture(scope="session")
def exported(shared: Path) -> Iterator[Exported]:
    """Nobody may change it. From here on, torch has one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = spotter_of_turned_pictures()
    yield Exported(model, written_once(shared / "exported.onnx", partial(export_graph, model)))
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def rounded_graph(exported: Exported, shared: Path) -> Path:
    """The graph of `exported` in 8 bits."""
    return written_once(
        shared / "int8.onnx", lambda path: quantise(exported.graph, path, noise(6), exported.model.roles)
    )


def noise(count: int) -> list[NDArray[np.uint8]]:
    """Pictures of 128x192 pixels."""
    rng = np.random.default_rng(4)
    return [rng.integers(0, 256, (128, 192, 3), dtype=np.uint8) for _ in range(count)]


def check_maps_stay_rounded(exact: onnx.GraphProto, rounded: onnx.GraphProto, roles: Roles, kinds: set[str]) -> None:
    """Between the dense convolutions of a graph stand nodes of these kinds, and in 8 bits all of them read 8 bits."""
    names = set(dense_nodes(exact, roles))
    made_by = {name: node for node in rounded.node for name in node.output}
    between = [node for node in rounded.node if node.name in names and node.op_type not in ("Conv", CONVOLUTION)]
    assert {node.op_type for node in between} >= kinds
    for node in between:
        read = [made_by[name].op_type for name in node.input if name in made_by]
        if node.op_type == "Pad":  # pads the 8 bits themselves
            assert node.input[2].endswith("zero_point")
        else:
            assert "DequantizeLinear" in read
    # Rectified ranges begin at nothing, so the rounding itself cuts off what is below.
    assert {node.name for node in rounded.node if node.op_type == "Relu"} & names == set()
    assert not any(node.op_type == "Resize" for node in rounded.node if node.name in names)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One file that needs `exported` comes first and the others last, so that no worker waits for it to be written."""
    asking = [item.path for item in items if "exported" in getattr(item, "fixturenames", ())]
    if asking:
        place = dict.fromkeys(asking, 2) | {asking[0]: 0}
        items.sort(key=lambda item: place.get(item.path, 1))
