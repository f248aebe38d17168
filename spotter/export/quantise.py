"""Static quantisation to int8 of the graph's convolutions and matrices (Jacob et al. 2018, arXiv:1712.05877), which
take most of its time."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import CalibraterBase
from PIL import Image, ImageOps

from spotter.export.blocks import fuse_blocks
from spotter.export.convolutions import name_convolutions
from spotter.export.graph import add_bodies
from spotter.export.half import halve_precision
from spotter.export.parity import LEAST_AGREEMENT, ParityError, count_alike
from spotter.export.rewrites import double_in_integers, pad_in_integers, read_floats
from spotter.export.stems import fuse_stems
from spotter.model.roles import Roles, matches
from spotter.ops.interface import DOMAIN, OUTPUTS, SAMPLING
from spotter.registry.manifest import InputSpec

_FOLLOWING = ("Relu", "Resize", "Pad", "MaxPool", "Transpose", "Reshape", "Gather")
_JOINING = ("Add", "Concat")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_AVERAGING = 0.05
# 7 bits: on processors with AVX2 only, ONNX Runtime sums two byte products in 16 bits, which could overflow.
_MATRIX = {"quant_type": QuantType.QInt8, "axis": 1, "symmetric": True, "reduce_range": True}

Picture = NDArray[np.uint8]


def calibration_pictures(folders: Sequence[Path], count: int, spec: InputSpec) -> list[Picture]:
    """`count` pictures uint8 [H, W, 3], equally many from each folder, at the working size, cropped to multiples of the
    stride.

    Raises ValueError when a folder holds no picture.
    """
    pictures = []
    for number, folder in enumerate(folders):
        files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES)
        if not files:
            raise ValueError(f"{folder} holds no pictures to calibrate with")
        share = count // len(folders) + (number < count % len(folders))
        for file in files[:: max(1, len(files) // max(share, 1))][:share]:
            with Image.open(file) as opened:
                picture = ImageOps.exif_transpose(opened).convert("RGB")
            scale = spec.target_side / max(picture.size)
            width, height = (max(int(side * scale) // spec.stride, 1) * spec.stride for side in picture.size)
            pictures.append(np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), np.uint8))
    return pictures


def feeds(picture: Picture) -> dict[str, NDArray[np.generic]]:
    """The graph's inputs for one picture that needs no padding."""
    return {"images": picture[None], "sizes": np.array([picture.shape[:2]], np.int32)}


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    def __init__(self, pictures: Sequence[Picture]) -> None:
        self._left: Iterator[Picture] = iter(pictures)

    def get_next(self) -> dict[str, NDArray[np.generic]] | None:
        picture = next(self._left, None)
        return None if picture is None else feeds(picture)


@contextlib.contextmanager
def _only_ranges_of(graph: onnx.GraphProto, names: set[str]) -> Iterator[None]:
    """A context in which ONNX Runtime's calibration measures the ranges of the inputs and outputs of the nodes with
    these names alone. Otherwise it measures those of all nodes with such operators: several times as many, which takes
    most of the time."""
    chosen = [node for node in graph.node if node.name in names]
    wanted = {tensor for node in chosen for tensor in (*node.input, *node.output)}
    usual = CalibraterBase.select_tensors_to_calibrate

    def select(calibrater: Any, model: onnx.ModelProto) -> tuple[set[str], dict[str, onnx.ValueInfoProto]]:
        tensors, infos = usual(calibrater, model)
        return tensors & wanted, infos

    CalibraterBase.select_tensors_to_calibrate = select
    try:
        yield
    finally:
        CalibraterBase.select_tensors_to_calibrate = usual


def dense_convolutions(graph: onnx.GraphProto, roles: Roles, bits: int = 8) -> list[str]:
    """The convolutions that are converted to `bits` bits, 8 or 16, chosen by their weights' names."""
    kept = roles.exact if bits == 8 else roles.precise
    return [
        node.name
        for node in graph.node
        if node.op_type == "Conv" and matches(node.input[1], roles.dense) and not matches(node.input[1], kept)
    ]


def dense_nodes(graph: onnx.GraphProto, roles: Roles, bits: int = 8) -> list[str]:
    """The names of the dense convolutions and of all nodes between them, in order.

    Converting a map to float between two convolutions would cost more time than 8 bits save, and before a ReLU in float
    half of the 8-bit range would be used for negative values, which the ReLU removes.
    """
    weights = {tensor.name for tensor in graph.initializer}
    convolutions = set(dense_convolutions(graph, roles, bits))
    names: list[str] = []
    maps: set[str] = set()
    for node in graph.node:
        data = [name for name in node.input if name and name not in weights]
        if node.op_type in _FOLLOWING:
            chosen = data[0] in maps
        elif node.op_type in _JOINING:
            chosen = bool(data) and maps.issuperset(data)
        elif node.op_type == "Mul":  # by the column mask of patches, which is exact in 8 bits
            chosen = not maps.isdisjoint(data)
        else:
            chosen = node.name in convolutions
        if chosen:
            names.append(node.name)
        if chosen or (
            node.domain == DOMAIN and node.op_type in SAMPLING
        ):  # patches: samples are quantised for the recogniser's convolutions
            maps.update(node.output)
    return names


def dense_products(graph: onnx.GraphProto, roles: Roles) -> dict[str, str]:
    """The products with constant matrices that are quantised to 8 bits, without the last one, which gives the
    characters: the names of nodes and of their matrices."""
    if not roles.matrices:
        return {}
    matrices = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 2}
    found = [node for node in graph.node if node.op_type == "MatMul" and node.input[1] in matrices]
    return {node.name: node.input[1] for node in found[:-1]}


def quantise(graph: Path, quantised: Path, pictures: Sequence[Picture], roles: Roles) -> None:
    """Writes `graph` with the dense convolutions, the nodes between them, and the Transformer's matrices in int8:
    weights per channel, activations by their range averaged over the pictures. roles: of the network's weights.
    Raises ValueError when the graph has no such convolution."""
    model = onnx.load(str(graph))
    if not dense_convolutions(model.graph, roles):
        raise ValueError(f"{graph} has no convolution to quantise")
    nodes = dense_nodes(model.graph, roles)
    products = dense_products(model.graph, roles)
    names = {*nodes, *products}
    with (
        np.errstate(invalid="ignore"),  # masked scores of -inf are calibrated like all values, but not quantised
        _only_ranges_of(model.graph, names),
    ):
        quantize_static(
            graph,
            quantised,
            _Reader(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=[*nodes, *products],
            op_types_to_quantize=["Conv", "MatMul", "Mul", *_FOLLOWING, *_JOINING],
            calibrate_method=CalibrationMethod.MinMax,
            # Extreme values of single pictures would waste the range; averaging over the pictures does not lower F.
            extra_options={
                "CalibMovingAverage": True,
                "CalibMovingAverageConstant": _AVERAGING,
                "OpTypesToExcludeOutputQuantization": ["MatMul"],
                "TensorQuantOverrides": {matrix: [_MATRIX] for matrix in products.values()},
            },
        )
    model = onnx.load(str(quantised))
    read_floats(model.graph, names)
    double_in_integers(model.graph)
    pad_in_integers(model.graph)
    if name_convolutions(model.graph) + fuse_blocks(model.graph) + fuse_stems(model.graph):
        add_bodies(model)
    onnx.checker.check_model(model, full_check=False)
    onnx.save(model, str(quantised))


def halve(graph: Path, halved: Path, roles: Roles) -> None:
    """Writes `graph` with the dense convolutions and the nodes between them in half precision."""
    model = onnx.load(str(graph))
    halve_precision(model.graph, dense_nodes(model.graph, roles, 16))
    onnx.checker.check_model(model, full_check=False)
    onnx.save(model, str(halved))


def _compared(graph: Path, other: Path, pictures: Sequence[Picture], threshold: float) -> tuple[int, int]:
    sessions = [ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in (graph, other)]
    alike = total = 0
    for picture in pictures:
        mine, others = (session.run(list(OUTPUTS), feeds(picture)) for session in sessions)
        counts = count_alike(mine, others, threshold)
        alike, total = alike + counts[0], total + counts[1]
    return alike, total


def agreement(graph: Path, other: Path, pictures: Sequence[Picture], threshold: float) -> float:
    """2 x the number of words that both graphs read with the same text and position, divided by the total number of
    words of both."""
    alike, total = _compared(graph, other, pictures, threshold)
    return alike / total if total else 1.0


def check_agreement(graph: Path, other: Path, pictures: Sequence[Picture], threshold: float) -> float:
    """`agreement` of a graph in fp32 and a quantised one. Raises ParityError when it is too low to be caused by
    rounding, or when there is no word to compare."""
    alike, total = _compared(graph, other, pictures, threshold)
    if not total:
        raise ParityError("neither in fp32 nor rounded does the graph read a word of these pictures: take others")
    if alike / total < LEAST_AGREEMENT:
        raise ParityError(
            f"rounded and in fp32 it read only {alike / total:.0%} of the words alike: other calibration pictures?"
        )
    return alike / total
