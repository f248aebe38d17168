"""Operators' bodies are written as Python that onnxscript translates; here is what such Python is written with.

A body is never run as Python. `op.Conv(x, w)` in it becomes a node, `x + y` becomes Add, and `[rows, 1]` for an
attribute is worked out at once. Constants are written as `op.Constant`: for a bare number onnxscript would add a node
that casts it. Whoever reads or runs a graph does not need onnxscript; only exporting does.
"""

import inspect
from collections.abc import Callable
from typing import Any

import onnx
import onnxscript
from onnxscript.onnx_opset import all_opsets
from onnxscript.onnx_types import TensorType as Tensor
from onnxscript.values import Opset

from spotter import OPERATORS_VERSION
from spotter.ops.interface import DOMAIN, OPSET

__all__ = ["Tensor", "body", "op", "own"]

op = all_opsets["", OPSET]
"""The standard operators."""
own = Opset(DOMAIN, OPERATORS_VERSION)
"""The custom operators, for bodies that call one another."""


def body(operator: str) -> Callable[[Callable[..., Any]], onnx.FunctionProto]:
    """Decorates a Python function and makes it an operator's body. Parameters of type Tensor are the operator's inputs,
    those of type int its attributes, the variables that it returns its outputs, and its docstring goes with it."""

    def translated(function: Callable[..., Any]) -> onnx.FunctionProto:
        proto: onnx.FunctionProto = onnxscript.script(own, default_opset=op)(function).to_function_proto()
        proto.name, proto.doc_string = operator, inspect.getdoc(function) or ""
        _clear_names(proto.node)
        return proto

    return translated


def _clear_names(nodes: Any) -> None:
    """Takes away names like n3, which are no node's own: a graph's profile counts nodes by their names."""
    for node in nodes:
        node.ClearField("name")
        for attribute in node.attribute:
            _clear_names(attribute.g.node)
