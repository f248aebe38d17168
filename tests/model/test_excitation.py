import math

import torch

from spotter.model.excitation import LevelGate, SqueezeExcitation, masked_mean


def test_means_are_of_the_picture_alone() -> None:
    x = torch.tensor([[[[1.0, 2, 9], [3, 4, 9]]]])
    inside = torch.tensor([[[[1.0, 1, 0], [1, 1, 0]]]])
    assert masked_mean(x, inside).flatten().tolist() == [2.5]
    torch.testing.assert_close(masked_mean(x, None).flatten(), torch.tensor([28 / 6]))
    half = torch.tensor([[[[1.0, 0.5, 0], [0, 0, 0]]]])  # a position half of which is padding counts half
    torch.testing.assert_close(masked_mean(x, half).flatten(), torch.tensor([(1 + 1) / 1.5]))


@torch.no_grad()
def test_channels_are_weighed_by_what_their_means_say() -> None:
    layer = SqueezeExcitation(2).eval()
    for parameter in layer.parameters():
        parameter.zero_()
    layer.squeeze.weight[0, :, 0, 0] = torch.tensor([1.0, 1.0])  # the sum of both means
    layer.excite.weight[:, 0, 0, 0] = torch.tensor([0.5, -0.5])
    hidden = 4 / (1 + math.exp(-4))  # SiLU of 4
    x = torch.stack((torch.full((2, 2), 3.0), torch.full((2, 2), 1.0)))[None]
    expected = torch.tensor([3.0, 1.0]) * torch.tensor([hidden / 2, -hidden / 2]).sigmoid()
    torch.testing.assert_close(layer(x)[0, :, 0, 0], expected)


@torch.no_grad()
def test_a_new_gate_leaves_the_maps_as_they_are_and_another_weighs_levels_by_picture() -> None:
    gate = LevelGate((1, 1))
    maps = [torch.ones(2, 1, 4, 4), torch.stack((torch.ones(1, 2, 2), 5 * torch.ones(1, 2, 2)))]
    for before, after in zip(maps, gate(maps, (None, None)), strict=True):
        torch.testing.assert_close(after, before)
    gate.choose.weight[1, 1] = 1.0  # the coarse level's own mean speaks for it
    fine, coarse = gate(maps, (None, None))
    shares = torch.tensor([[0.0, 1.0], [0.0, 5.0]]).softmax(1)
    torch.testing.assert_close(fine[:, 0, 0, 0], 2 * shares[:, 0])
    torch.testing.assert_close(coarse[:, 0, 0, 0], 2 * shares[:, 1] * torch.tensor([1.0, 5.0]))
    torch.testing.assert_close(fine[:, 0, 0, 0] + coarse[:, 0, 0, 0] / torch.tensor([1.0, 5.0]), torch.full((2,), 2.0))
