"""Exports an attention decoder step by step, each step as one operator."""

import torch
from torch import Tensor, nn

from spotter import OPERATORS_VERSION
from spotter.families.symbolic import emit
from spotter.model.attention import AttentionDecoder, View
from spotter.model.ctc import Lattice
from spotter.ops.interface import ATTENTION_STEP, DOMAIN, FORWARD_STEP

_CONSTANTS = (
    *("inputs", "recurrent", "recurrent_bias"),
    *("joining", "joining_bias", "classifying", "classifying_bias"),
)


class SymbolicAttentionDecoder(AttentionDecoder):
    """Replaces `AttentionDecoder` during export."""

    def __init__(self, decoder: AttentionDecoder) -> None:
        nn.Module.__init__(self)
        self.query = decoder.query
        gru = decoder.state

        def constant(name: str, value: Tensor) -> None:
            self.register_buffer(name, value.detach().contiguous())

        matrix = gru.get_parameter("weight_ih_l0")
        constant("inputs", decoder.embed.weight @ matrix.t() + gru.get_parameter("bias_ih_l0"))
        constant("recurrent", gru.get_parameter("weight_hh_l0").t())
        constant("recurrent_bias", gru.get_parameter("bias_hh_l0"))
        for name, layer in (("joining", decoder.join), ("classifying", decoder.classify)):
            constant(name, layer.weight.t())
            constant(f"{name}_bias", layer.bias)

    def step(
        self, step: int, given: Tensor, last: Tensor, state: Tensor, view: View
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `AttentionDecoder.step`."""
        regions, texts = last.shape
        weights = [self.get_buffer(name) for name in _CONSTANTS]
        chosen, after, log_probabilities, place = torch.onnx.ops.symbolic_multi_out(
            f"{DOMAIN}::{ATTENTION_STEP}",
            (given, last, state, *view, *weights),
            {"step": step},
            dtypes=(torch.int64, torch.float32, torch.float32, torch.float32),
            shapes=(last.shape, state.shape, (regions, texts, len(weights[-1])), last.shape),
            version=OPERATORS_VERSION,
        )
        return chosen, after, log_probabilities, place


def forward_step(column: int, score: Tensor, lattice: Lattice) -> Tensor:
    """Replaces `spotter.model.ctc.forward_step` during export."""
    return emit(FORWARD_STEP, (score, *lattice), {"column": column}, score.dtype, score.shape)
