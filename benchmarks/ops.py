"""Times the sampling operators: by their kernels, by their bodies, and by a naive body."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, parser

from benchmarks import table
from spotter import OPERATORS_VERSION
from spotter.ops.bodies import functions
from spotter.ops.interface import DOMAIN, OPSET

Arrays = dict[str, NDArray[np.generic]]
WARM_UP = 1
STRIDE = 4

# The naive body gathers a map for every region: as many copies of feature maps as there are words.
_GATHER = f"""
<opset_import: ["" : {OPSET}], domain: "{DOMAIN}">
SampleRegions (features, grid, image_index) => (samples)
{{
    shape = Shape (features)
    three = Constant <value_ints = [3]> ()
    four = Constant <value_ints = [4]> ()
    two = Constant <value_ints = [2]> ()
    width = Slice (shape, three, four)
    height = Slice (shape, two, three)
    side = Concat <axis = 0> (width, height)
    side_f = Cast <to = 1> (side)
    two_f = Constant <value_float = 2.0> ()
    one_f = Constant <value_float = 1.0> ()
    doubled = Mul (grid, two_f)
    share = Div (doubled, side_f)
    normal = Sub (share, one_f)
    maps = Gather <axis = 0> (features, image_index)
    samples = GridSample <mode = "linear", padding_mode = "zeros", align_corners = 0> (maps, normal)
}}
"""


@dataclass(frozen=True)
class Setting:
    """`regions` patches of rows x columns bins, one element apart, from maps [pictures, channels, side, side]."""

    regions: int = 64
    rows: int = 8
    columns: int = 64
    channels: int = 64
    side: int = 160
    pictures: int = 4
    threads: int = 2

    def line(self) -> str:
        """The setting as text."""
        return (
            f"{self.regions} regions of {self.rows} x {self.columns} from {self.channels} channels, "
            f"{self.side} x {self.side}, {self.pictures} pictures"
        )


@dataclass(frozen=True)
class Timed:
    """Median times in milliseconds. native: of the kernel, None without kernels. function: of the operator's body in
    the graph. gather: of the naive body. difference: the largest difference between the results of kernel and body."""

    operator: str
    native_ms: float | None
    function_ms: float
    gather_ms: float
    difference: float | None

    def row(self) -> tuple[object, ...]:
        """For the table."""
        native = self.native_ms
        faster = [None if native is None else other / native for other in (self.function_ms, self.gather_ms)]
        return (self.operator, native, self.function_ms, self.gather_ms, *faster)


@dataclass(frozen=True)
class Measured:
    """copy_ms: the time of a copy on one thread that reads and writes as many bytes as the operator must, each element
    once."""

    setting: Setting
    copy_ms: float
    copied_bytes: int
    operators: tuple[Timed, ...]

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values; the figures of RoIRotate, which the graph calls, are also given separately."""
        first = asdict(self.operators[0])
        return {
            **asdict(self.setting),
            **{key: first[key] for key in ("function_ms", "native_ms", "gather_ms")},
            "copy_ms": self.copy_ms,
            "copied_bytes": self.copied_bytes,
            "operators": [asdict(each) for each in self.operators],
        }

    def as_table(self) -> str:
        """A table of the results."""
        header = ("operator", "native ms", "function ms", "gather ms", "function / native", "gather / native")
        found = table.render(header, [each.row() for each in self.operators])
        copied = f"A plain copy that reads and writes as many bytes ({self.copied_bytes / 1e6:.1f} MB each): "
        return f"{found}\n{copied}{self.copy_ms:.2f} ms on one thread."


def measure(setting: Setting, library: Path | None, rounds: int) -> Measured:
    """Times all operators in turns, `rounds` times; in each turn an operator runs twice, and the second run counts.
    Outputs are allocated beforehand. library: of the kernels; None for bodies only."""
    feeds = {"RoIRotate": _feeds(setting)}
    grid = _grid(setting, feeds["RoIRotate"]["boxes"].astype(np.float32))
    feeds["SampleRegions"] = {name: value for name, value in feeds["RoIRotate"].items() if name != "boxes"}
    feeds["SampleRegions"] = {**feeds["SampleRegions"], "grid": grid}
    runs: dict[tuple[str, str], Callable[[], NDArray[np.float32]]] = {}
    for operator, inputs in feeds.items():
        bodies = functions()
        gathering = [parser.parse_function(_GATHER), *(each for each in bodies if each.name != "SampleRegions")]
        if library is not None:
            runs[operator, "native"] = _bound(_graph(operator, setting, bodies), library, setting, inputs)
        runs[operator, "function"] = _bound(_graph(operator, setting, bodies), None, setting, inputs)
        runs[operator, "gather"] = _bound(_graph(operator, setting, gathering), None, setting, inputs)
    copied = _touched_bytes(setting, grid) // 2
    source, target = np.ones(copied, np.uint8), np.zeros(copied, np.uint8)
    answers = {name: run().copy() for name, run in runs.items()}
    seconds: dict[tuple[str, str], list[float]] = {name: [] for name in (*runs, ("", "copy"))}
    for number in range(WARM_UP + rounds):
        for name, run in [*runs.items(), (("", "copy"), lambda: np.copyto(target, source))]:
            run()  # not timed: it fills the caches, which the turn before used otherwise
            began = time.perf_counter()
            run()
            if number >= WARM_UP:
                seconds[name].append(time.perf_counter() - began)
    medians = {name: 1000 * table.spread(values).median for name, values in seconds.items()}
    return Measured(
        setting,
        medians["", "copy"],
        copied,
        tuple(
            Timed(
                operator,
                medians.get((operator, "native")),
                medians[operator, "function"],
                medians[operator, "gather"],
                None
                if library is None
                else float(np.abs(answers[operator, "native"] - answers[operator, "function"]).max(initial=0)),
            )
            for operator in feeds
        ),
    )


def _feeds(setting: Setting) -> Arrays:
    """Noise as features, and boxes within the pictures, one stride for each bin, turned and slanted by up to 0.4."""
    rng = np.random.default_rng(0)
    count, pixels = setting.regions, setting.side * STRIDE
    boxes = np.stack(
        [
            *rng.uniform(0, pixels, (2, count)),
            np.full(count, setting.columns * STRIDE),
            np.full(count, setting.rows * STRIDE),
            *rng.uniform(-0.4, 0.4, (2, count)),
        ],
        1,
    )
    shape = (setting.pictures, setting.channels, setting.side, setting.side)
    return {
        "features": rng.standard_normal(shape, np.float32),
        "boxes": boxes.astype(np.float32),
        "image_index": np.arange(count) % setting.pictures,
    }


def _grid(setting: Setting, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The positions, in elements of the map, that RoIRotate's body computes from boxes: float32
    [N, rows, columns, 2]."""
    cx, cy, w, h, theta, slant = (value[:, None, None] for value in boxes.T)
    down = ((np.arange(setting.rows) + 0.5)[:, None] / setting.rows - 0.5) * h
    along = ((np.arange(setting.columns) + 0.5) / setting.columns - 0.5) * w + slant * down
    x = cx + along * np.cos(theta) - down * np.sin(theta)
    y = cy + along * np.sin(theta) + down * np.cos(theta)
    return (np.stack((x, y), -1) / STRIDE).astype(np.float32)


def _touched_bytes(setting: Setting, grid: NDArray[np.float32]) -> int:
    """The bytes of all elements that some bin reads, and of all bins, in all channels."""
    picture = np.arange(setting.regions) % setting.pictures
    touched = np.zeros((setting.pictures, setting.side, setting.side), np.bool_)
    corner = np.floor(grid - 0.5).astype(np.int64)
    for down in (0, 1):
        for along in (0, 1):
            x, y = corner[..., 0] + along, corner[..., 1] + down
            inside = (x >= 0) & (x < setting.side) & (y >= 0) & (y < setting.side)
            touched[np.broadcast_to(picture[:, None, None], x.shape)[inside], y[inside], x[inside]] = True
    bins = setting.regions * setting.rows * setting.columns
    return 4 * setting.channels * (int(touched.sum()) + bins)


def _graph(operator: str, setting: Setting, bodies: Sequence[onnx.FunctionProto]) -> bytes:
    place, shape = ("boxes", ["N", 6]) if operator == "RoIRotate" else ("grid", ["N", "h", "w", 2])
    limits = {
        "height": setting.rows,
        "min_width": setting.columns,
        "max_width": setting.columns,
        "scale": 1,
        "stride": STRIDE,
    }
    attributes = limits if operator == "RoIRotate" else {}
    node = helper.make_node(operator, ["features", place, "image_index"], ["patches"], domain=DOMAIN, **attributes)
    graph = helper.make_graph(
        [node],
        operator,
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["B", "C", "H", "W"]),
            helper.make_tensor_value_info(place, TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("image_index", TensorProto.INT64, ["N"]),
        ],
        [helper.make_tensor_value_info("patches", TensorProto.FLOAT, ["N", "C", "rows", "columns"])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, OPERATORS_VERSION)]
    model = helper.make_model(graph, opset_imports=opsets, functions=bodies, ir_version=10)
    return bytes(model.SerializeToString())


def _bound(model: bytes, library: Path | None, setting: Setting, feeds: Arrays) -> Callable[[], NDArray[np.float32]]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = setting.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.force_spinning_stop", "1")  # or it would spin in others' turns
    if library is not None:
        options.register_custom_ops_library(str(library.resolve()))
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    patches = np.zeros((setting.regions, setting.channels, setting.rows, setting.columns), np.float32)
    binding = session.io_binding()
    for name, value in feeds.items():
        binding.bind_cpu_input(name, value)
    place = patches.ctypes.data
    binding.bind_output("patches", "cpu", 0, np.float32, patches.shape, place)

    def run() -> NDArray[np.float32]:
        session.run_with_iobinding(binding)
        return patches

    return run
