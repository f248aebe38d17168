"""A real model that reads the same page in every picture, so that what the playground shows is known to the letter."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from spotter.registry.bundle import write_bundle
from spotter.registry.manifest import InputSpec
from tests.reading.tiny import CHARSET, picture

THRESHOLD = 0.5


class Printed(NamedTuple):
    """A word: where it stands, in shares of the picture's width and height, and its score."""

    text: str
    left: float
    top: float
    right: float
    score: float


HEIGHT = 0.05
PAGE = (
    Printed("Harbour", 0.10, 0.10, 0.30, 0.95),
    Printed("Cafe", 0.32, 0.10, 0.44, 0.93),
    Printed("Espresso", 0.10, 0.40, 0.32, 0.90),
    Printed("2.60", 0.80, 0.40, 0.90, 0.85),
    Printed("Juice", 0.10, 0.48, 0.24, 0.70),
    Printed("3.90", 0.80, 0.48, 0.90, 0.40),
    Printed("smudge", 0.10, 0.80, 0.28, 0.20),
    Printed("noise", 0.50, 0.90, 0.60, 0.05),
)
"""Five words are above the model's threshold, one more above 0.3, one more above 0.1."""
SHOWN = [word.text for word in PAGE if word.score >= THRESHOLD]


def write_page_bundle(folder: Path) -> None:
    """A bundle around the model."""
    source = folder.parent / "page-source"
    source.mkdir()
    onnx.save(_model(), source / "model.onnx")
    (source / "golden.png").write_bytes(picture((200, 200, 200), (128, 96)))
    write_bundle(
        folder,
        model=source / "model.onnx",
        golden_picture=source / "golden.png",
        golden_words=SHOWN,
        name="spotter",
        version="1",
        charset=CHARSET,
        input=InputSpec(max_side=640, target_side=128),
        opset=18,
        provenance={"data": "none"},
        metrics={},
        score_threshold=THRESHOLD,
        card="# A page\n",
    )


def _model() -> onnx.ModelProto:
    """images uint8 [B, H, W, 3], sizes int32 [B, 2] -> the page's rows for each picture, as the service expects."""
    count, longest = len(PAGE), max(len(word.text) for word in PAGE)
    boxes = [[(w.left, w.top), (w.right, w.top), (w.right, w.top + HEIGHT), (w.left, w.top + HEIGHT)] for w in PAGE]
    characters = np.zeros((1, count, longest), np.int32)
    for row, word in enumerate(PAGE):
        characters[0, row, : len(word.text)] = [CHARSET.index(letter) + 1 for letter in word.text]
    scores = np.array([[word.score for word in PAGE]], np.float32)
    constants = {
        "unit": np.array(boxes, np.float32)[None],  # [1, K, 4, 2]
        "page_characters": characters,
        "page_scores": scores,
        "page_character_scores": np.repeat(scores[..., None], longest, 2),
        "swap": np.array([1, 0], np.int64),
        "middle": np.array([1, 2], np.int64),
        "one": np.array(1, np.int64),
        "nothing": np.array(0, np.int64),
        "first": np.array([0], np.int64),
        "count": np.array([count], np.int64),
        "flat": np.array([-1], np.int64),
        "flat_boxes": np.array([-1, 4, 2], np.int64),
        "flat_rows": np.array([-1, longest], np.int64),
        "longest": np.array([longest], np.int64),
        "last": np.array([1], np.int64),
    }

    def node(op: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(op, inputs.split(), [output], **attributes)

    nodes = [
        node("Shape", "sizes", "sizes_shape"),
        node("Gather", "sizes_shape nothing", "batch"),  # a scalar
        node("Gather", "sizes_shape first", "batch1"),  # [1]
        node("Gather", "sizes swap", "wh32", axis=1),
        node("Cast", "wh32", "wh", to=TensorProto.FLOAT),
        node("Unsqueeze", "wh middle", "scale"),  # [B, 1, 1, 2]
        node("Mul", "unit scale", "placed"),
        node("Reshape", "placed flat_boxes", "polygons"),
        node("Concat", "batch1 count", "per_word", axis=0),
        node("Concat", "batch1 count longest", "per_letter", axis=0),
        node("Range", "nothing batch one", "numbers"),
        node("Unsqueeze", "numbers last", "column"),  # [B, 1]
        node("Expand", "column per_word", "indices"),
        node("Reshape", "indices flat", "index64"),
        node("Cast", "index64", "image_index", to=TensorProto.INT32),
        node("Expand", "page_scores per_word", "all_scores"),
        node("Reshape", "all_scores flat", "scores"),
        node("Expand", "page_characters per_letter", "all_characters"),
        node("Reshape", "all_characters flat_rows", "characters"),
        node("Expand", "page_character_scores per_letter", "all_character_scores"),
        node("Reshape", "all_character_scores flat_rows", "character_scores"),
    ]
    graph = helper.make_graph(
        nodes,
        "page",
        [
            helper.make_tensor_value_info("images", TensorProto.UINT8, ["B", "H", "W", 3]),
            helper.make_tensor_value_info("sizes", TensorProto.INT32, ["B", 2]),
        ],
        [
            helper.make_tensor_value_info("image_index", TensorProto.INT32, ["N"]),
            helper.make_tensor_value_info("polygons", TensorProto.FLOAT, ["N", 4, 2]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N"]),
            helper.make_tensor_value_info("characters", TensorProto.INT32, ["N", longest]),
            helper.make_tensor_value_info("character_scores", TensorProto.FLOAT, ["N", longest]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return model
