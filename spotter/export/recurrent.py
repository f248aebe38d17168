"""The recurrent encoder as ONNX's own LSTM, since tracing would spell its steps out as a loop."""

import torch
from torch import Tensor, nn

from spotter.model.encoders import RecurrentLayer

_GATES = (0, 3, 1, 2)  # ONNX's input, output, forget and cell gates, in PyTorch's input, forget, cell, output


def _gates(weights: Tensor) -> Tensor:
    """Gates of PyTorch [4 h, ...] in ONNX's order."""
    parts = weights.detach().chunk(4)
    return torch.cat([parts[gate] for gate in _GATES])


def _both(forwards: nn.LSTM, backwards: nn.LSTM, name: str) -> Tensor:
    """A parameter of either direction, [2, 4 h, ...]."""
    return torch.stack([_gates(getattr(layer, name)) for layer in (forwards, backwards)])


class SymbolicRecurrentLayer(nn.Module):
    """Stands in for `RecurrentLayer` while the graph is written: the operator knows each patch's own width."""

    weights: Tensor
    recurrences: Tensor
    biases: Tensor

    def __init__(self, layer: RecurrentLayer) -> None:
        super().__init__()
        pair = layer.forwards, layer.backwards
        self.hidden = layer.forwards.hidden_size
        self.register_buffer("weights", _both(*pair, "weight_ih_l0"))
        self.register_buffer("recurrences", _both(*pair, "weight_hh_l0"))
        self.register_buffer("biases", torch.cat((_both(*pair, "bias_ih_l0"), _both(*pair, "bias_hh_l0")), 1))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """As `RecurrentLayer.forward`."""
        regions, columns, _ = x.shape
        widths = mask.sum((1, 2)).to(torch.int32)
        read: Tensor = torch.onnx.ops.symbolic(
            "LSTM",
            (x.transpose(0, 1), self.weights, self.recurrences, self.biases, widths),
            {"hidden_size": self.hidden, "direction": "bidirectional"},
            dtype=x.dtype,
            shape=(columns, 2, regions, self.hidden),
        )
        return read.permute(2, 0, 1, 3).reshape(regions, columns, 2 * self.hidden)


def symbolic_encoder(layers: nn.ModuleList) -> nn.ModuleList:
    """The encoder's layers, the recurrent ones as operators."""
    return nn.ModuleList(
        SymbolicRecurrentLayer(layer) if isinstance(layer, RecurrentLayer) else layer for layer in layers
    )
