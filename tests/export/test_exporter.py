import numpy as np
import onnxruntime as ort
import pytest
import torch
from onnxscript.rewriter.rules.common import slice_split_rule
from torch import Tensor, nn
from torch.onnx._internal.exporter import _fx_passes
from torch.onnx._internal.fx.passes.type_promotion import _TypePromotionInterpreter

from spotter.export.exporter import exported
from tests.export.conftest import quiet_exporter


class _Network(nn.Module):
    """Halves of a tensor, an operator that the exporter does not know, and changes of type that it makes explicit."""

    def forward(self, x: Tensor) -> Tensor:
        positive = (x > 0).to(torch.int64)
        return (x[:, :4] * x[:, 4:]).square() + 0.5 * positive[:, :4] + positive.sum() / 3


def test_the_graph_computes_what_the_network_does_and_the_exporter_is_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(slice_split_rule, "try_rewrite", lambda *given, **_: asked.append(given))

    def state() -> list[object]:
        patched = _fx_passes.decompose_with_registry, _TypePromotionInterpreter.run_node, slice_split_rule.try_rewrite
        return [*patched, vars(torch.fx.config).copy()]

    before, x = state(), torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    with quiet_exporter():
        proto = exported(_Network(), (x,))
    assert state() == before
    assert not asked
    assert not any(entry.value for node in proto.graph.node for entry in node.metadata_props if "stack" in entry.key)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(answer, _Network()(x).numpy(), rtol=1e-6)
