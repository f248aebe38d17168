"""Exports the recurrent encoders as ONNX's LSTM and GRU, since tracing would unroll their steps."""

from typing import Any

import torch
from torch import Tensor, nn

from spotter.model.encoders import RecurrentLayer

# The gates in ONNX's order, by their indices in PyTorch's: input, output, forget and cell; update, reset and hidden.
_GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}


def _gates(weights: Tensor, kind: str) -> Tensor:
    """PyTorch's gates [G h, ...] in ONNX's order."""
    parts = weights.detach().chunk(len(_GATES[kind]))
    return torch.cat([parts[gate] for gate in _GATES[kind]])


class SymbolicRecurrentLayer(nn.Module):
    """Replaces `RecurrentLayer` during export: the operator gets each patch's own width."""

    weights: Tensor
    recurrences: Tensor
    biases: Tensor

    def __init__(self, layer: RecurrentLayer) -> None:
        super().__init__()
        self.kind = "GRU" if isinstance(layer.forwards, nn.GRU) else "LSTM"
        self.hidden = layer.forwards.hidden_size

        def both(name: str) -> Tensor:  # directions, [2, G h, ...]
            return torch.stack([_gates(getattr(side, name), self.kind) for side in (layer.forwards, layer.backwards)])

        self.register_buffer("weights", both("weight_ih_l0"))
        self.register_buffer("recurrences", both("weight_hh_l0"))
        self.register_buffer("biases", torch.cat((both("bias_ih_l0"), both("bias_hh_l0")), 1))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """As `RecurrentLayer.forward`."""
        regions, columns, _ = x.shape
        widths = mask.sum((1, 2)).to(torch.int32)
        attributes: dict[str, Any] = {"hidden_size": self.hidden, "direction": "bidirectional"}
        if self.kind == "GRU":  # PyTorch applies the reset gate after the linear layer of the hidden state
            attributes["linear_before_reset"] = 1
        read: Tensor = torch.onnx.ops.symbolic(
            self.kind,
            (x.transpose(0, 1), self.weights, self.recurrences, self.biases, widths),
            attributes,
            dtype=x.dtype,
            shape=(columns, 2, regions, self.hidden),
        )
        return read.permute(2, 0, 1, 3).reshape(regions, columns, 2 * self.hidden)
