import math
from dataclasses import replace

import torch
from torch import nn

from spotter.families.build import build_spotter
from spotter.model.attention import AttentionDecoder
from spotter.model.recogniser import Recogniser
from tests.model.small import small_config


def decoder(seed: int = 0) -> AttentionDecoder:
    torch.manual_seed(seed)
    return AttentionDecoder(8, 5).eval()


@torch.no_grad()
def test_a_character_knows_those_before_it_and_no_later_one() -> None:
    attention, encoded, widths = decoder(), torch.randn(1, 6, 8), torch.tensor([6])
    before = attention(encoded, widths, torch.tensor([[1, 2, 3]]))
    after = attention(encoded, widths, torch.tensor([[1, 4, 3]]))
    assert before.shape == (1, 4, 5)
    torch.testing.assert_close(before[:, :2], after[:, :2])
    assert not torch.allclose(before[:, 2], after[:, 2])


@torch.no_grad()
def test_columns_beyond_the_width_are_not_looked_at() -> None:
    attention, encoded = decoder(), torch.randn(2, 6, 8)
    targets = torch.tensor([[1, 2], [3, 0]])
    first = attention(encoded, torch.tensor([4, 6]), targets)
    other = encoded.clone()
    other[0, 4:] += 100
    torch.testing.assert_close(attention(other, torch.tensor([4, 6]), targets), first)
    assert not torch.allclose(attention(other, torch.tensor([6, 6]), targets)[0], first[0])


@torch.no_grad()
def test_what_is_seen_is_the_mean_weighed_by_likeness() -> None:
    """Two columns, a state of (s, 0), a query that is the state: weights are the softmax of s x / sqrt 2."""
    attention = AttentionDecoder(2, 3).eval()
    for value in attention.parameters():
        value.zero_()
    # The update gate lets the candidate through, which is tanh of its bias, whatever came before.
    attention.state.get_parameter("bias_ih_l0").copy_(torch.tensor([0.0, 0, -50, -50, math.atanh(0.6), 0]))
    attention.query.weight.copy_(torch.eye(2))
    attention.join.weight.copy_(torch.tensor([[0.0, 0, 1, 0], [0.0, 0, 0, 1]]))
    attention.classify.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [0, 0]]))
    columns = torch.tensor([[[1.0, 2.0], [-1.0, 3.0], [7.0, 7.0]]])
    logits = attention(columns, torch.tensor([2]), torch.zeros(1, 0, dtype=torch.int64))
    share = 1 / (1 + math.exp(-2 * 0.6 / math.sqrt(2)))  # of the first column
    seen = [share - (1 - share), 2 * share + 3 * (1 - share)]
    torch.testing.assert_close(logits[0, 0], torch.tensor([math.tanh(seen[0]), math.tanh(seen[1]), 0.0]))


def test_a_network_with_it_reads_as_one_without() -> None:
    config = small_config()
    torch.manual_seed(0)
    both = build_spotter(replace(config, recogniser=replace(config.map_recogniser, decoder="both"))).eval()
    plain = build_spotter(config).eval()
    assert plain.recogniser.attention is None
    assert isinstance(both.recogniser.attention, nn.Module)
    left, unknown = plain.load_state_dict(both.state_dict(), strict=False)
    assert left == []
    assert {name.split(".")[1] for name in unknown} == {"attention"}
    fine, coarse, widths = torch.randn(2, 4, 16, 16), torch.randn(2, 8, 8, 8), torch.tensor([8, 5])
    assert isinstance(both.recogniser, Recogniser)
    assert torch.equal(both.recogniser(fine, coarse, widths), plain.recogniser(fine, coarse, widths))
