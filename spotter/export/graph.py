"""Exports a torch model as one ONNX graph, with region sampling as a custom operator."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxscript.rewriter.rules.common import slice_split_rule
from torch import Tensor, nn
from torch.onnx._internal.exporter import _fx_passes

from spotter import OPERATORS_VERSION
from spotter.export.decomposition import decomposed
from spotter.export.folding import folded
from spotter.export.packed_sequences import PackedRecogniser
from spotter.export.rewrites import halve_by_resize, measure_rectified, normalise_at_once
from spotter.families import symbolic
from spotter.model.language import LanguageModel
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.spotter import Spotter
from spotter.ops.bodies import functions
from spotter.ops.interface import DOMAIN, INPUTS, OPSET, ORIENTATION, OUTPUTS


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


@contextlib.contextmanager
def _quick_exporter() -> Iterator[None]:
    """A context in which torch's exporter skips four things that take most of its time. Without them the graph is the
    same, except for numbers within names and for squares, which are products.

    Operators that it does not know are exchanged without tracing everything again (`spotter.export.decomposition`). The
    stack trace of every node is not recorded. The cache of operators' output shapes is off, since symbolic shapes
    hardly ever hit it. And onnxscript's rule for two slices that are halves of one tensor, which lists the whole graph
    each time, is tried at slices only instead of at every node.
    """
    rewrite = slice_split_rule.try_rewrite

    def rewrite_slices(model: Any, graph: Any, node: Any, **options: Any) -> Any:
        return rewrite(model, graph, node, **options) if node.op_type == "Slice" else None

    traces = "do_not_emit_stack_traces"
    before = getattr(torch.fx.config, traces, False)  # earlier versions have no such choice
    decompose = _fx_passes.decompose_with_registry
    slice_split_rule.try_rewrite = rewrite_slices
    _fx_passes.decompose_with_registry = decomposed
    setattr(torch.fx.config, traces, True)
    try:
        with torch._dynamo.config.patch(fake_tensor_cache_enabled=False):
            yield
    finally:
        _fx_passes.decompose_with_registry = decompose
        slice_split_rule.try_rewrite = rewrite
        setattr(torch.fx.config, traces, before)


def exported(network: nn.Module, example: tuple[Tensor, ...], **options: Any) -> onnx.ModelProto:
    """The graph that torch's exporter makes of a network and an example of its inputs, without the exporter's output
    and warnings; options: of `torch.onnx.export`."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _quick_exporter():
        warnings.simplefilter("ignore")  # deprecation warnings within the exporter
        program = torch.onnx.export(network, example, dynamo=True, opset_version=OPSET, verbose=False, **options)
    assert program is not None
    return program.model_proto


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
