"""The recogniser of lines, with few channels: every word of a packed row reads as it does alone."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from spotter.model.packing import UNIT, Packing, pack
from spotter.model.ppocr import INPUTS, PLANS, ROWS, PPOCRConfig, PPOCRRecogniser, StageConfig
from tests.model.small import CONVOLUTIONAL_PLAN, SEQUENCE_PLAN, loud

LENGTHS = [3, 1, 7, 2]
CLASSES = 11
_LARGE = {"small": 18710, "tiny": 6906}
"""Classes of the published recognisers."""


def random_network(config: PPOCRConfig) -> PPOCRRecogniser:
    torch.manual_seed(0)
    return loud(PPOCRRecogniser(config, CLASSES))


@pytest.fixture(name="network", params=["sequence", "convolutional"])
def make_network(request: pytest.FixtureRequest) -> PPOCRRecogniser:
    return random_network({"sequence": SEQUENCE_PLAN, "convolutional": CONVOLUTIONAL_PLAN}[request.param])


def words(seed: int = 0) -> list[Tensor]:
    """Patches [4, 48, 8 x length]."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(INPUTS, ROWS, UNIT * length, generator=generator) for length in LENGTHS]


def packed(patches: list[Tensor], multiple: int = 1) -> tuple[Tensor, Packing]:
    packing = pack(torch.tensor([patch.shape[2] // UNIT for patch in patches]), multiple)
    row = torch.zeros(1, INPUTS, ROWS, UNIT * len(packing.word))
    for patch, start in zip(patches, packing.starts.tolist(), strict=True):
        row[0, :, :, UNIT * start : UNIT * start + patch.shape[2]] = patch
    return row, packing


def without_gap(patch: Tensor) -> tuple[Tensor, Packing]:
    """A row that ends where the word does."""
    length = torch.tensor(patch.shape[2] // UNIT)
    places = torch.arange(int(length))
    word, inside = torch.zeros_like(places), torch.ones(int(length))
    masks = {columns: torch.ones(int(length) * columns) for columns in (2, 4)}
    return patch[None], Packing(length[None], torch.tensor([0]), word, inside, places, masks)


@pytest.mark.parametrize("multiple", [1, 32])
@torch.no_grad()
def test_each_word_of_a_row_reads_as_it_does_alone(network: PPOCRRecogniser, multiple: int) -> None:
    patches = words()
    together = network(*packed(patches, multiple), max(LENGTHS))
    assert together.shape == (len(LENGTHS), max(LENGTHS), CLASSES)
    assert together.dtype == torch.float32
    assert float(together.std()) > 0.1  # not a constant
    for n, (patch, length) in enumerate(zip(patches, LENGTHS, strict=True)):
        alone = network(*without_gap(patch), length)
        torch.testing.assert_close(together[n, :length], alone[0], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_word_reads_by_its_own_pixels_and_no_others(network: PPOCRRecogniser) -> None:
    patches = words()
    before = network(*packed(patches), 7)
    patches[2] = patches[2].clone()
    patches[2][:, 20:30, 10:30] += 2
    moved = (network(*packed(patches), 7) - before).abs().amax((1, 2))
    assert (moved[[0, 1, 3]] < 1e-5).all()
    assert moved[2] > 0.01


@torch.no_grad()
def test_the_mark_of_the_region_is_seen(network: PPOCRRecogniser) -> None:
    row, packing = packed(words())
    marked = row.clone()
    marked[:, 3] = 1 - marked[:, 3]
    assert not torch.allclose(network(row, packing, 7), network(marked, packing, 7), atol=1e-3)


@torch.no_grad()
def test_attention_carries_a_change_to_the_words_other_end() -> None:
    network = random_network(SEQUENCE_PLAN)
    patch = torch.randn(INPUTS, ROWS, 60 * UNIT, generator=torch.Generator().manual_seed(0))
    before = network(*packed([patch]), 60)
    patch[:, :, :4] += 3
    moved = (network(*packed([patch]), 60) - before).abs().amax((0, 2))
    assert moved[0] > 1e-3
    assert (moved > 0).all()


def test_every_parameter_learns(network: PPOCRRecogniser) -> None:
    torch.autograd.backward(network(*packed(words()), 7).square().sum())
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    ("name", "published"),
    # The sums of all weights and biases of the published ONNX files, batch norms folded into their convolutions.
    [("small", 5_266_550), ("tiny", 1_103_318)],
)
def test_parameters_are_those_of_the_published_networks_and_a_fourth_input(name: str, published: int) -> None:
    network = PPOCRRecogniser(PLANS[name], _LARGE[name])
    kernel = 3 * 3 * PLANS[name].stem  # what the mark of the region adds to the first convolution
    assert sum(p.numel() for p in network.parameters()) == published + kernel


def test_stages_may_be_of_any_width_and_depth() -> None:
    wider = replace(CONVOLUTIONAL_PLAN, stages=(*CONVOLUTIONAL_PLAN.stages[:2], StageConfig(12, (False, True, True))))
    wider = replace(wider, stages=(wider.stages[0], replace(wider.stages[1], widen=12), wider.stages[2]))
    assert len(random_network(wider).blocks) == len(random_network(CONVOLUTIONAL_PLAN).blocks) + 2
