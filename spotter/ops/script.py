"""The tools for operators' bodies, which are written in Python and translated by onnxscript.

A body is never run as Python. `op.Conv(x, w)` in it becomes a node, `x + y` becomes Add, and `[rows, 1]` for an
attribute is evaluated during translation. Constants are written as `op.Constant`: for a bare number onnxscript would
add a node that casts it. onnxscript is needed only for exporting, not for reading or running a graph.
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
    """A decorator that translates a Python function to an operator's body. Parameters of type Tensor are the operator's
    inputs, those of type int its attributes, and the variables that it returns its outputs. The docstring is stored in
    the body."""

    def translated(function: Callable[..., Any]) -> onnx.FunctionProto:
        proto: onnx.FunctionProto = onnxscript.script(own, default_opset=op)(function).to_function_proto()
        proto.name, proto.doc_string = operator, inspect.getdoc(function) or ""
        _clear_names(proto.node)
        return proto

    return translated


def _clear_names(nodes: Any) -> None:
    """Removes generated names like n3, which several nodes share: a graph's profile identifies nodes by their names."""
    for node in nodes:
        node.ClearField("name")
        for attribute in node.attribute:
            _clear_names(attribute.g.node)
