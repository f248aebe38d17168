"""A tiny real model with the graph's exact inputs and outputs, whose answer depends on the pixels alone.

Of each picture's top-left pixel, a red value above 0 is read as a word of three digits across the upper half,
and a green value likewise across the lower half. A picture of one colour survives scaling, so its answer is
known, and an answer that reached the wrong client is seen. Made with `orientation`, it says of a picture whose blue
is above 127 there that it is turned by 180 degrees.
"""

import io
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from spotter.registry.bundle import write_bundle
from spotter.registry.manifest import InputSpec, Manifest

CHARSET = "".join(chr(code) for code in range(0x20, 0x7F))
SPEC = InputSpec(max_side=640, target_side=128)
GOLDEN = (73, 210, 0)


def words_of(colour: tuple[int, int, int]) -> list[str]:
    """What the tiny model reads in a picture of one colour."""
    return [f"{value:03d}" for value in colour[:2] if value > 0]


def picture(
    colour: tuple[int, int, int], size: tuple[int, int] = (96, 64), form: str = "PNG", **options: object
) -> bytes:
    """An encoded picture of one colour; size is (width, height)."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, form, **options)
    return buffer.getvalue()


def write_tiny_bundle(
    folder: Path,
    *,
    version: str = "1",
    work: int = 0,
    golden: tuple[str, ...] | None = None,
    orientation: bool = False,
) -> Manifest:
    """A bundle around the tiny model; `work` is how many 1024 x 1024 matrix products a batch costs."""
    source = folder.parent / f".source-{folder.name}"
    source.mkdir(parents=True)
    onnx.save(tiny_model(work, orientation), source / "model.onnx")
    (source / "golden.png").write_bytes(picture(GOLDEN))
    return write_bundle(
        folder,
        model=source / "model.onnx",
        golden_picture=source / "golden.png",
        golden_words=words_of(GOLDEN) if golden is None else golden,
        name="spotter",
        version=version,
        charset=CHARSET,
        input=SPEC,
        opset=18,
        provenance={"data": "none"},
        metrics={},
        score_threshold=0.5,
        card="# Tiny\n",
    )


def tiny_model(work: int = 0, orientation: bool = False) -> onnx.ModelProto:
    """images uint8 [B, H, W, 3], sizes int32 [B, 2] -> rows, as the service expects them."""
    constants = {
        "zero2": [0, 0], "one2": [1, 1], "axes12": [1, 2], "zero1": [0], "two1": [2], "axis3": [3], "axis1": [1],
        "hundred": [100], "ten": [10], "digit0": [17],
    }  # fmt: skip
    initializers = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()]
    initializers += [
        numpy_helper.from_array(np.array([[[0, 0], [1, 0], [1, 0.5], [0, 0.5]]], np.float32), "box"),
        numpy_helper.from_array(np.array([[0, 0.5]], np.float32), "down"),
        numpy_helper.from_array(np.array(0.9, np.float32), "score"),
        numpy_helper.from_array(np.array([1, 0], np.int64), "swap"),
        numpy_helper.from_array(np.array([3], np.int64), "three"),
    ]

    def node(op: str, inputs: str, outputs: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(op, inputs.split(), outputs.split(), **attributes)

    nodes = [
        node("Slice", "images zero2 one2 axes12", "corner"),  # [B, 1, 1, 3]
        node("Squeeze", "corner axes12", "pixel"),  # [B, 3]
        node("Slice", "pixel zero1 two1 axis1", "marks_u8"),  # [B, 2]
        node("Cast", "marks_u8", "marks", to=TensorProto.INT64),
        node("NonZero", "marks", "found"),  # [2, N]
        node("Transpose", "found", "where", perm=[1, 0]),  # [N, 2]
        node("GatherND", "marks where", "values"),  # [N]
        node("Split", "where", "image64 channel64", axis=1, num_outputs=2),  # [N, 1]
        node("Squeeze", "image64 axis1", "image1"),
        node("Cast", "image1", "image_index", to=TensorProto.INT32),
        node("Unsqueeze", "values axis1", "column"),  # [N, 1]
        node("Div", "column hundred", "hundreds"),
        node("Mod", "column hundred", "below_hundred"),
        node("Div", "below_hundred ten", "tens"),
        node("Mod", "below_hundred ten", "ones"),
        node("Concat", "hundreds tens ones", "digits", axis=1),  # [N, 3]
        node("Add", "digits digit0", "classes"),
        node("Cast", "classes", "characters", to=TensorProto.INT32),
        node("Cast", "channel64", "channel", to=TensorProto.FLOAT),
        node("Mul", "channel down", "shift"),  # [N, 2]
        node("Unsqueeze", "shift axis1", "shift1"),  # [N, 1, 2]
        node("Add", "box shift1", "unit"),  # [N, 4, 2] of the real part
        node("Gather", "sizes swap", "wh32", axis=1),
        node("Cast", "wh32", "wh", to=TensorProto.FLOAT),
        node("Gather", "wh image1", "scale", axis=0),  # [N, 2]
        node("Unsqueeze", "scale axis1", "scale1"),
        node("Mul", "unit scale1", "polygons"),
        node("Shape", "characters", "row_shape"),
        node("Expand", "score row_shape", "fixed_scores"),
    ]
    scores = "fixed_scores"
    if work:
        initializers += [
            numpy_helper.from_array(np.full((1024, 1024), 1e-3, np.float32), "matrix"),
            numpy_helper.from_array(np.array(0, np.float32), "nothing"),
        ]
        nodes += [node("ReduceSum", "wh", "sum0", keepdims=0), node("Mul", "sum0 nothing", "sum")]
        nodes.append(node("Add", "matrix sum", "product0"))
        nodes += [node("MatMul", f"product{step} matrix", f"product{step + 1}") for step in range(work)]
        nodes += [
            node("ReduceMean", f"product{work}", "mean", keepdims=0),
            node("Mul", "mean nothing", "no_change"),
            node("Add", "fixed_scores no_change", "worked_scores"),
        ]
        scores = "worked_scores"
    nodes += [
        node("Identity", scores, "character_scores"),
        node("ReduceMean", f"{scores} axis1", "scores", keepdims=0),
    ]
    more = []
    if orientation:
        initializers += [numpy_helper.from_array(np.array([3], np.int64), "end3")]
        initializers += [numpy_helper.from_array(np.array(127, np.float32), "half")]
        initializers += [numpy_helper.from_array(np.array([[-1, 0, 1, 0]], np.float32), "by_blue")]
        initializers += [numpy_helper.from_array(np.array([[1, 0, 0, 0]], np.float32), "upright")]
        nodes += [
            node("Slice", "pixel two1 end3 axis1", "blue_u8"),  # [B, 1]
            node("Cast", "blue_u8", "blue", to=TensorProto.FLOAT),
            node("Greater", "blue half", "is_blue"),
            node("Cast", "is_blue", "turned", to=TensorProto.FLOAT),
            node("MatMul", "turned by_blue", "change"),  # [B, 4]
            node("Add", "change upright", "orientation"),
        ]
        more = [helper.make_tensor_value_info("orientation", TensorProto.FLOAT, ["B", 4])]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("images", TensorProto.UINT8, ["B", "H", "W", 3]),
            helper.make_tensor_value_info("sizes", TensorProto.INT32, ["B", 2]),
        ],
        [
            helper.make_tensor_value_info("image_index", TensorProto.INT32, ["N"]),
            helper.make_tensor_value_info("polygons", TensorProto.FLOAT, ["N", 4, 2]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N"]),
            helper.make_tensor_value_info("characters", TensorProto.INT32, ["N", 3]),
            helper.make_tensor_value_info("character_scores", TensorProto.FLOAT, ["N", 3]),
            *more,
        ],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return model
