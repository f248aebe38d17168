"""Graphs of one operator, run by its kernel or by its body, and what they must answer."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from spotter import OPERATORS_VERSION
from spotter.model.regions import PatchSize
from spotter.ops.bodies import functions
from spotter.ops.interface import COLUMNS, CONVOLUTION, DOMAIN, OPSET, STEM

Floats = NDArray[np.float32]
SIZE = PatchSize(height=4, min_width=3, max_width=20)
ATTRIBUTES = {"height": 4, "min_width": 3, "max_width": 20, "scale": 1, "stride": 4}
PLACES = {
    "RoIRotate": ("boxes", ["N", 6]),
    "BezierAlign": ("curves", ["N", 16]),
    "SampleRegions": ("grid", ["N", "h", "w", 2]),
}


def graph(operator: str, attributes: Mapping[str, int], half: bool = False, bodies: bool = True) -> onnx.ModelProto:
    """features, places and image_index in, patches out; in float16 if `half`; with the bodies or without."""
    place, shape = PLACES[operator]
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    node = helper.make_node(operator, ["features", place, "image_index"], ["out"], domain=DOMAIN, **attributes)
    proto = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info("features", kind, ["B", "C", "H", "W"]),
            helper.make_tensor_value_info(place, TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("image_index", TensorProto.INT64, ["N"]),
        ],
        [helper.make_tensor_value_info("out", kind, ["N", "C", "rows", "columns"])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, OPERATORS_VERSION)]
    return helper.make_model(proto, opset_imports=opsets, functions=functions() if bodies else [], ir_version=10)


def open_graph(
    model: onnx.ModelProto,
    library: Path | None,
    threads: int = 1,
    entries: Mapping[str, str] | None = None,
    as_written: bool = False,
) -> ort.InferenceSession:
    """With the kernels of a library, or without any. entries: of the session's configuration. as_written: without
    ONNX Runtime's optimisations; among them are sums of bytes that overflow on processors with AVX2 only."""
    options = ort.SessionOptions()
    if as_written:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    for key, value in (entries or {}).items():
        options.add_session_config_entry(key, value)
    if library is not None:
        options.register_custom_ops_library(str(library))
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(
    session: ort.InferenceSession, features: NDArray[np.generic], places: Floats, index: NDArray[np.int64]
) -> Floats:
    """In float32, whatever the graph is in."""
    names = [value.name for value in session.get_inputs()]
    (out,) = session.run(None, dict(zip(names, (features, places, index), strict=True)))
    return np.asarray(out, np.float32)


def widths_of(boxes: Floats, size: PatchSize = SIZE, scale: int = 1) -> list[int]:
    """Columns that each box fills, in float32 as the operators."""
    found = []
    for _, _, w, h, _, _ in boxes:
        with np.errstate(all="ignore"):
            wanted = np.float32(w) / np.maximum(h, np.float32(1e-3)) * np.float32(size.height)
        wanted = np.float32(0) if math.isnan(wanted) else wanted
        found.append(scale * math.ceil(min(max(wanted, np.float32(size.min_width)), np.float32(size.max_width))))
    return found


def reference_grid(boxes: Floats, size: PatchSize = SIZE, scale: int = 1, stride: int = 4) -> tuple[Floats, list[int]]:
    """The grid of RoIRotate by a loop over its bins, NaN where a region has no bin, and the regions' widths."""
    widths = widths_of(boxes, size, scale)
    rows = scale * size.height
    grid = np.full((len(boxes), rows, max(widths, default=scale * size.min_width), 2), np.nan, np.float32)
    for region, (cx, cy, w, h, theta, slant) in enumerate(boxes.astype(np.float64)):
        for row in range(rows):
            for column in range(widths[region]):
                with np.errstate(all="ignore"):
                    down = ((row + 0.5) / rows - 0.5) * h
                    along = ((column + 0.5) / widths[region] - 0.5) * w + slant * down
                    grid[region, row, column, 0] = (cx + along * np.cos(theta) - down * np.sin(theta)) / stride
                    grid[region, row, column, 1] = (cy + along * np.sin(theta) + down * np.cos(theta)) / stride
    return grid, widths


def reference(features: Floats, grid: Floats, index: NDArray[np.int64]) -> Floats:
    """SampleRegions by a loop over its bins: the four elements around a place, each by its nearness."""
    batch, channels, height, width = features.shape
    out = np.zeros((len(grid), channels, *grid.shape[1:3]), np.float32)
    for region, row, column in np.ndindex(*grid.shape[:3]):
        x, y = (float(value) - 0.5 for value in grid[region, row, column])
        if not (math.isfinite(x) and math.isfinite(y)) or not 0 <= index[region] < batch:
            continue
        for at_y in (math.floor(y), math.floor(y) + 1):
            for at_x in (math.floor(x), math.floor(x) + 1):
                if 0 <= at_x < width and 0 <= at_y < height:
                    nearness = (1 - abs(x - at_x)) * (1 - abs(y - at_y))
                    out[region, :, row, column] += np.float32(nearness) * features[index[region], :, at_y, at_x]
    return out


SEARCH_INPUTS = {
    "log_probabilities": (TensorProto.FLOAT, ["N", "W", "C"]),
    "widths": (TensorProto.INT64, ["N"]),
    "costs": (TensorProto.UINT8, ["S", "A"]),
    "following": (TensorProto.UINT16, ["S", "A"]),
    "symbols": (TensorProto.INT64, ["C"]),
    "weights": (TensorProto.FLOAT, [2]),
}


def search_graph(beams: int, bodies: bool = True, shapes: bool = True) -> onnx.ModelProto:
    """All that CtcBeamSearch reads in, classes and margins out; with or without bodies, and shapes of the inputs."""
    node = helper.make_node("CtcBeamSearch", list(SEARCH_INPUTS), ["classes", "margins"], domain=DOMAIN, beams=beams)
    proto = helper.make_graph(
        [node],
        "search",
        [
            helper.make_tensor_value_info(name, kind, shape if shapes else None)
            for name, (kind, shape) in SEARCH_INPUTS.items()
        ],
        [
            helper.make_tensor_value_info("classes", TensorProto.INT32, None),
            helper.make_tensor_value_info("margins", TensorProto.FLOAT, None),
        ],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, OPERATORS_VERSION)]
    return helper.make_model(proto, opset_imports=opsets, functions=functions() if bodies else [], ir_version=10)


CONVOLUTION_INPUTS = (
    *("x", "x_scale", "x_zero_point", "w", "w_scale", "w_zero_point"),
    *("b", "b_scale", "b_zero_point", "y_scale", "y_zero_point"),
)


def convolution_graph(
    constants: Mapping[str, NDArray[np.generic]], given: Mapping[str, int] | None = None, bodies: bool = True
) -> onnx.ModelProto:
    """x [B, H, W, C] in, y out. constants: the other inputs; given: those that are the graph's inputs instead, and of
    which type."""
    fed = {"x": TensorProto.UINT8, **(given or {})}
    node = helper.make_node(CONVOLUTION, list(CONVOLUTION_INPUTS), ["y"], domain=DOMAIN)
    proto = helper.make_graph(
        [node],
        "convolution",
        [
            helper.make_tensor_value_info(name, kind, list("bhwc") if name == "x" else None)
            for name, kind in fed.items()
        ],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, list("pqrs"))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, OPERATORS_VERSION)]
    return helper.make_model(proto, opset_imports=opsets, functions=functions() if bodies else [], ir_version=10)


BLOCK_INPUTS = (
    *("x", "mask", "factors", "w", "b", "d_scale", "d_zero_point"),
    *("up", "up_scale", "up_bias", "m_scale", "m_zero_point", "g_scale", "g_zero_point"),
    *("down", "down_scale", "down_bias"),
)


def block_graph(
    operator: str, constants: Mapping[str, NDArray[np.generic]], given: Mapping[str, int] | None = None
) -> onnx.ModelProto:
    """x [B, H, W, C], and mask [W] and factors of a block, in, y out. constants: the other inputs; given: those that
    are the graph's inputs instead, and of which type; without the body then."""
    columns = operator == COLUMNS
    shapes = {"x": list("bhwc")} | ({} if columns else {"mask": ["w"], "factors": list("fg")})
    names = ("x", "w", "b") if columns else BLOCK_INPUTS
    kinds = {**dict.fromkeys(shapes, TensorProto.FLOAT), **(given or {})}
    channels = int(constants["w"].shape[0]) if "w" in constants else 1
    node = helper.make_node(operator, list(names), ["y"], domain=DOMAIN, channels=channels)
    proto = helper.make_graph(
        [node],
        "block",
        [helper.make_tensor_value_info(name, kind, shapes.get(name)) for name, kind in kinds.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list("pq") if columns else list("pqrs"))],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in names],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, OPERATORS_VERSION)]
    return helper.make_model(proto, opset_imports=opsets, functions=functions() if not given else [], ir_version=10)


STEM_WEIGHTS = tuple(f"{part}{number}" for number in range(1, 6) for part in "wb")


def stem_graph(constants: Mapping[str, NDArray[np.generic]], given: Mapping[str, int] | None = None) -> onnx.ModelProto:
    """x [B, 4, H, W] and masks of every two and four columns in, y out. constants, given: as of `block_graph`."""
    shapes = {"x": list("bchw"), "halves": ["k"], "mask": ["l"]}
    kinds = {**dict.fromkeys(shapes, TensorProto.FLOAT), **(given or {})}
    node = helper.make_node(STEM, [*shapes, *STEM_WEIGHTS], ["y"], domain=DOMAIN)
    proto = helper.make_graph(
        [node],
        "stem",
        [helper.make_tensor_value_info(name, kind, shapes.get(name)) for name, kind in kinds.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list("pqrs"))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, OPERATORS_VERSION)]
    return helper.make_model(proto, opset_imports=opsets, functions=functions() if not given else [], ir_version=10)
