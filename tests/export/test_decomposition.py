"""Operators that torch's exporter does not know are exchanged where they stand, or all is left to the exporter."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.onnx._internal.exporter import _decomp, _registration

from spotter.export.decomposition import decomposed, exchange_operators

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # within the exporter


class Network(nn.Module):
    def __init__(self, compute: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.compute = compute

    def forward(self, x: Tensor) -> Any:
        return self.compute(x)


@pytest.fixture(scope="module")
def known() -> set[Any]:
    return set(_decomp.get_onnx_implemented_overloads(_registration.ONNXRegistry.from_torchlib()))


X = torch.tensor([[-2.0, 0.5], [3.0, -1.0]])


def traced(compute: Callable[[Tensor], Any]) -> torch.export.ExportedProgram:
    return torch.export.export(Network(compute).eval(), (X,))


def operators(program: torch.export.ExportedProgram) -> set[Any]:
    return {node.target for node in program.graph.nodes if node.op == "call_function"}


def both(x: Tensor) -> tuple[Tensor, Tensor]:
    return (x > 0) & (x < 1), (x > 0) | (x < -1)


def rectified_in_place(x: Tensor) -> Tensor:
    y = x * 3
    y.relu_()
    return y + 1


def whole_numbers(x: Tensor) -> Tensor:
    return (x > 0).to(torch.int64) + x.to(torch.float32).to(torch.int64)


@pytest.mark.parametrize(
    ("compute", "wanted"),
    [
        (both, (X.new_tensor([[0, 1], [0, 0]]).bool(), X.new_tensor([[1, 1], [1, 0]]).bool())),
        (rectified_in_place, X.new_tensor([[1.0, 2.5], [10.0, 1.0]])),
        (whole_numbers, torch.tensor([[-2, 1], [4, -1]])),
        (lambda x: x.square(), X.new_tensor([[4.0, 0.25], [9.0, 1.0]])),
        (lambda x: 1 - x, X.new_tensor([[3.0, 0.5], [-2.0, 2.0]])),
        (lambda x: x + torch.tensor([1.0, 2.0]), X.new_tensor([[-1.0, 2.5], [4.0, 1.0]])),
    ],
)
def test_results_stay(compute: Callable[[Tensor], Any], wanted: Any, known: set[Any]) -> None:
    program = traced(compute)
    assert operators(program) - known, "nothing to exchange"
    assert exchange_operators(program, known)
    assert not operators(program) - known - {torch.ops.aten._assert_tensor_metadata.default}
    torch.testing.assert_close(program.module()(X), wanted)


def seen_before(x: Tensor) -> Tensor:
    y = x * 3
    before = y + 1
    y.relu_()
    return before + y


def seen_through_a_view(x: Tensor) -> Tensor:
    y = x * 3
    y[0].relu_()
    return y


def normalised(x: Tensor) -> Tensor:
    return nn.functional.batch_norm(x, torch.zeros(2), torch.ones(2)).square()


@pytest.mark.parametrize("compute", [seen_before, seen_through_a_view, normalised, lambda x: 2 - x.to(torch.int64)])
def test_the_others_are_left_to_the_exporter(compute: Callable[[Tensor], Any], known: set[Any]) -> None:
    program = traced(compute)
    before = str(program.graph)
    assert not exchange_operators(program, known)
    assert str(program.graph) == before
    after = decomposed(program, _registration.ONNXRegistry.from_torchlib())
    assert not operators(after) - known - {torch.ops.aten._assert_tensor_metadata.default}
    torch.testing.assert_close(after.module()(X), compute(X))
