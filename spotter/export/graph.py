"""Exports a torch model as one ONNX graph, with region sampling as a custom operator."""

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from spotter import OPERATORS_VERSION
from spotter.export.exporter import exported
from spotter.export.folding import folded
from spotter.export.packed_sequences import PackedRecogniser
from spotter.export.rewrites import halve_by_resize, measure_rectified, normalise_at_once
from spotter.families import symbolic
from spotter.model.language import LanguageModel
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.spotter import Spotter
from spotter.ops.bodies import functions
from spotter.ops.interface import DOMAIN, INPUTS, ORIENTATION, OUTPUTS


class SymbolicLanguageModel(nn.Module):
    """Replaces `LanguageModel` during export: its search is an operator, its tables are initialisers."""

    costs: Tensor
    following: Tensor
    symbols: Tensor
    weights: Tensor

    def __init__(self, language: LanguageModel) -> None:
        super().__init__()
        self.beams = language.config.beams
        self.register_buffer("costs", language.costs)
        self.register_buffer("following", language.following.to(torch.uint16))
        self.register_buffer("symbols", language.symbols)
        self.register_buffer("weights", torch.tensor([language.unit, language.config.bonus]))

    def forward(self, log_probabilities: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """As `LanguageModel.forward`."""
        regions, columns, _ = log_probabilities.shape
        classes, margins = torch.onnx.ops.symbolic_multi_out(
            f"{DOMAIN}::CtcBeamSearch",
            (log_probabilities, widths, self.costs, self.following, self.symbols, self.weights),
            {"beams": self.beams},
            dtypes=(torch.int32, torch.float32),
            shapes=((regions, columns), (regions,)),
            version=OPERATORS_VERSION,
        )
        return classes, margins


def add_bodies(proto: onnx.ModelProto) -> None:
    """Sets a model's functions to the bodies of the custom operators that it calls, and of those that these call."""
    bodies = {body.name: body for body in functions()}
    waiting = [node.op_type for node in proto.graph.node if node.domain == DOMAIN]
    called: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in called:
            called.add(name)
            waiting += [node.op_type for node in bodies[name].node if node.domain == DOMAIN]
    del proto.functions[:]
    proto.functions.extend(body for name, body in bodies.items() if name in called)
    if DOMAIN not in {entry.domain for entry in proto.opset_import}:
        proto.opset_import.append(onnx.helper.make_opsetid(DOMAIN, OPERATORS_VERSION))


def export_graph(model: Spotter, path: Path) -> None:
    """Writes the graph of a model in evaluation mode; its batch, height, width and number of words are dynamic.

    Raises ValueError where the family's sampler has no operator.
    """
    model = folded(model)
    model.head = model.head.symbolic()
    if isinstance(model.recogniser, PictureRecogniser):
        model.recogniser.sample = symbolic.sample_regions
    else:
        model.sampler = model.sampler.symbolic()
        model.recogniser = PackedRecogniser(model.recogniser)
    if isinstance(model.language, LanguageModel):
        model.language = SymbolicLanguageModel(model.language)
    images = torch.randint(0, 256, (2, 256, 320, 3), dtype=torch.uint8)
    sizes = torch.tensor([[256, 320], [200, 300]], dtype=torch.int32)
    batch = torch.export.Dim("batch", min=1, max=64)
    shapes = {
        "images": {
            0: batch,
            1: 64 * torch.export.Dim("rows", min=1, max=128),
            2: 64 * torch.export.Dim("columns", min=1, max=128),
        },
        "sizes": {0: batch},
    }
    proto = exported(
        model,
        (images, sizes),
        input_names=list(INPUTS),
        output_names=[*OUTPUTS, ORIENTATION] if model.orientation is not None else list(OUTPUTS),
        dynamic_shapes=shapes,
        optimize=True,
        external_data=False,
    )
    for node in proto.graph.node:  # their stack traces contain paths of the exporting machine
        kept = [entry for entry in node.metadata_props if not entry.key.endswith("stack_trace")]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    halve_by_resize(proto.graph)
    normalise_at_once(proto.graph)
    measure_rectified(proto.graph)
    add_bodies(proto)
    onnx.checker.check_model(proto, full_check=False)
    onnx.save(proto, str(path))
