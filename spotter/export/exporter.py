"""torch's exporter to ONNX, without what takes most of its time and changes nothing."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any

import onnx
import torch
from onnxscript.rewriter.rules.common import slice_split_rule
from torch import Tensor, nn
from torch.fx import Interpreter, Node
from torch.onnx._internal.exporter import _fx_passes
from torch.onnx._internal.fx.passes import type_promotion

from spotter.export.decomposition import decomposed
from spotter.ops.interface import OPSET


def _promoted(interpreter: Any, node: Node) -> Any:
    """A node's value for the pass that makes changes of type explicit: the one that is known from tracing, where the
    pass would compute it again."""
    with interpreter._set_current_node(node):
        rule = type_promotion.get_type_promotion_rule(node, interpreter.type_promotion_table)
        if rule is not None:
            interpreter._maybe_promote_node(node, rule)
    if node.op == "call_function" and "val" in node.meta:
        return node.meta["val"]
    return Interpreter.run_node(interpreter, node)


def _no_rewriting(*_: Any, **__: Any) -> None:
    return None


@contextlib.contextmanager
def _quick_exporter() -> Iterator[None]:
    """A context in which torch's exporter takes a third of its time. The graph is the same, except for numbers within
    names and for squares, which are products.

    Operators that it does not know are exchanged without tracing everything again (`spotter.export.decomposition`), and
    the pass that promotes types does not compute all shapes again. The stack trace of every node is not recorded. The
    cache of operators' output shapes is off, since symbolic shapes hardly ever hit it. And onnxscript's rule for two
    slices that are halves of one tensor, which lists the whole graph for each slice, is not tried.
    """
    traces = "do_not_emit_stack_traces"  # earlier versions have no such choice
    instead = [
        (_fx_passes, "decompose_with_registry", decomposed),
        (type_promotion._TypePromotionInterpreter, "run_node", _promoted),
        (slice_split_rule, "try_rewrite", _no_rewriting),
        (torch.fx.config, traces, True),
    ]
    before = [(owner, name, getattr(owner, name, False)) for owner, name, _ in instead]
    try:
        for owner, name, value in instead:
            setattr(owner, name, value)
        with torch._dynamo.config.patch(fake_tensor_cache_enabled=False):
            yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def exported(network: nn.Module, example: tuple[Tensor, ...], **options: Any) -> onnx.ModelProto:
    """The graph that torch's exporter makes of a network and an example of its inputs, without the exporter's output
    and warnings; options: of `torch.onnx.export`."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _quick_exporter():
        warnings.simplefilter("ignore")  # deprecation warnings within the exporter
        program = torch.onnx.export(network, example, dynamo=True, opset_version=OPSET, verbose=False, **options)
    assert program is not None
    return program.model_proto
