import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from spotter.model.config import RecogniserConfig
from spotter.model.encoders import RecurrentLayer, TransformerLayer, encoder_layer


def mask_of(widths: list[int]) -> Tensor:
    return (torch.arange(max(widths)) < torch.tensor(widths)[:, None]).float()[..., None]


def layers() -> list[nn.Module]:
    torch.manual_seed(0)
    return [TransformerLayer(12, 3).eval(), RecurrentLayer(12).eval(), RecurrentLayer(12, nn.GRU).eval()]


@torch.no_grad()
@pytest.mark.parametrize("layer", layers(), ids=["transformer", "lstm", "gru"])
def test_a_patch_is_encoded_alike_whatever_lies_beyond_its_width(layer: nn.Module) -> None:
    widths = [3, 9, 1]
    x = torch.randn(3, 9, 12)
    together = layer(x, mask_of(widths))
    other = torch.where(mask_of(widths) > 0, x, x + 50)
    torch.testing.assert_close(layer(other, mask_of(widths)) * mask_of(widths), together * mask_of(widths))
    for n, width in enumerate(widths):
        alone = layer(x[n : n + 1, :width], mask_of([width]))
        torch.testing.assert_close(together[n, :width], alone[0], atol=1e-5, rtol=1e-5)


def test_an_lstm_in_each_direction_by_hand() -> None:
    """One hidden number each way: open gates, a cell that takes tanh(x) and keeps what it had."""
    layer = RecurrentLayer(2)
    with torch.no_grad():
        for direction, feature in ((layer.forwards, 0), (layer.backwards, 1)):
            for value in direction.parameters():
                value.zero_()
            # Gates of input, forgetting and output are 1.
            direction.get_parameter("bias_ih_l0").copy_(torch.tensor([50.0, 50.0, 0.0, 50.0]))
            direction.get_parameter("weight_ih_l0")[2, feature] = 1
        x = torch.tensor([[[0.5, 3.0], [1.0, 2.0], [9.0, 9.0]]])
        found = layer(x, mask_of([2, 3])[:1])
    ahead, back = math.tanh(0.5), math.tanh(2)
    expected = [
        [math.tanh(ahead), math.tanh(back + math.tanh(3))],
        [math.tanh(ahead + math.tanh(1)), math.tanh(back)],  # backwards, the last column in use comes first
        [0.0, 0.0],
    ]
    torch.testing.assert_close(found[0], torch.tensor(expected))


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_packed_sequences_say_the_same(cell: type[nn.LSTM] | type[nn.GRU]) -> None:
    torch.manual_seed(1)
    widths = [4, 7, 2]
    layer, packed = RecurrentLayer(6, cell), cell(6, 3, batch_first=True, bidirectional=True)
    for name, value in layer.forwards.named_parameters():
        packed.get_parameter(name).data.copy_(value)
    for name, value in layer.backwards.named_parameters():
        packed.get_parameter(f"{name}_reverse").data.copy_(value)
    x = torch.randn(3, 7, 6)
    sequence = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(widths), batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(packed(sequence)[0], batch_first=True)
    torch.testing.assert_close(layer(x, mask_of(widths)), expected)


def test_the_configuration_names_the_encoder() -> None:
    config = RecogniserConfig(width=12, heads=3)
    assert isinstance(encoder_layer(config), TransformerLayer)
    for name, cell in (("lstm", nn.LSTM), ("gru", nn.GRU)):
        layer = encoder_layer(replace(config, encoder=name))
        assert isinstance(layer, RecurrentLayer)
        assert isinstance(layer.forwards, cell)
