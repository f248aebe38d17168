"""Operators of a traced program that torch's exporter to ONNX does not know, replaced by ones that it knows.

The exporter replaces them by tracing the whole program once more (`ExportedProgram.run_decompositions`), which takes
half of an export's time, although a program made for inference has only a few of them. Here each is exchanged where it
stands. A program with any other one is left to the exporter.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import Node
from torch.onnx._internal.exporter import _decomp
from torch.onnx._internal.exporter._registration import ONNXRegistry

_ATEN = torch.ops.aten

_SAME_ARGUMENTS = {
    _ATEN.__and__.Tensor: _ATEN.bitwise_and.Tensor,
    _ATEN.__or__.Tensor: _ATEN.bitwise_or.Tensor,
    _ATEN.item.default: _ATEN._local_scalar_dense.default,
}
_ASSERTIONS = {_ATEN._assert_scalar.default, _ATEN._assert_tensor_metadata.default}  # the exporter leaves them out


def _passes_on(node: Node) -> None:
    node.replace_all_uses_with(node.all_input_nodes[0])
    node.graph.erase_node(node)


def _to_dtype(node: Node) -> None:
    source, dtype = node.args[:2]
    assert isinstance(source, Node)
    if source.meta["val"].dtype == dtype:
        _passes_on(node)
    else:
        node.target, node.args, node.kwargs = _ATEN._to_copy.default, (source,), {"dtype": dtype}


def _relu_in_place(node: Node) -> None:
    (source,) = node.all_input_nodes
    node.target = _ATEN.relu.default
    source.replace_all_uses_with(node, delete_user_cb=lambda user: user is not node)


def _square(node: Node) -> None:
    node.target, node.args = _ATEN.mul.Tensor, (node.args[0], node.args[0])


def _from_scalar(node: Node) -> None:
    node.target, node.args = _ATEN.sub.Tensor, (node.args[1], node.args[0])


_EXCHANGES: dict[Any, Callable[[Node], None]] = {
    _ATEN.to.dtype: _to_dtype,
    _ATEN.detach_.default: _passes_on,
    _ATEN.relu_.default: _relu_in_place,
    _ATEN.square.default: _square,
    _ATEN.rsub.Scalar: _from_scalar,
}


def _can_be_exchanged(node: Node) -> bool:
    """Whether this module knows a node's operator, and exchanging it leaves the program's results as they are."""
    if node.target is _ATEN.rsub.Scalar:
        return len(node.args) == 2 and node.all_input_nodes[0].meta["val"].is_floating_point()
    if node.target is _ATEN.relu_.default:
        # A view of what it changes would have to see the change, and a use of it from before would not.
        (source,) = node.all_input_nodes
        schema = getattr(source.target, "_schema", None)
        return schema is not None and schema.returns[0].alias_info is None and next(iter(source.users)) is node
    return node.target in _EXCHANGES or node.target in _SAME_ARGUMENTS or node.target in _ASSERTIONS


def exchange_operators(program: ExportedProgram, known: set[Any]) -> bool:
    """Exchanges the operators of a program that are not `known`, in place; False, and nothing is changed, where not all
    of them can be."""
    signature = program.graph_signature
    calls = [node for node in program.graph.nodes if node.op == "call_function" and node.target not in known]
    if signature.buffers_to_mutate or signature.user_inputs_to_mutate or not all(map(_can_be_exchanged, calls)):
        return False
    for node in calls:
        if node.target in _SAME_ARGUMENTS:
            node.target = _SAME_ARGUMENTS[node.target]
        elif node.target in _EXCHANGES:
            _EXCHANGES[node.target](node)
    program.graph.lint()
    program.graph_module.recompile()
    return True


def decomposed(exported_program: ExportedProgram, registry: ONNXRegistry) -> ExportedProgram:
    """As torch's `decompose_with_registry`: a program with only operators that the exporter's registry knows."""
    known = set(_decomp.get_onnx_implemented_overloads(registry))
    if exchange_operators(exported_program, known):
        return exported_program
    table = _decomp.create_onnx_friendly_decomposition_table(known)
    return exported_program.run_decompositions(table)  # type: ignore[no-any-return]
