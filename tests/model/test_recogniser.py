from dataclasses import replace

import pytest
import torch
from torch import Tensor

from spotter.model.config import RecogniserConfig
from spotter.model.recogniser import Recogniser
from tests.model.small import word_patches

CONFIG = RecogniserConfig(min_width=4, max_width=24, channels=(6, 8), width=12, heads=3, layers=2)


@pytest.fixture(name="recogniser", params=["transformer", "lstm"])
def make_recogniser(request: pytest.FixtureRequest) -> Recogniser:
    torch.manual_seed(0)
    return Recogniser(fine=3, coarse=5, classes=96, config=replace(CONFIG, encoder=request.param)).eval()


def patches(widths: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    return word_patches(widths, fine=3, coarse=5)


def test_every_column_gets_the_logits_of_every_class(recogniser: Recogniser) -> None:
    logits = recogniser(*patches([4, 20, 9]))
    assert logits.shape == (3, 20, 96)
    assert logits.dtype == torch.float32


@torch.no_grad()
def test_a_word_reads_the_same_alone_and_beside_wider_ones(recogniser: Recogniser) -> None:
    fine, coarse, widths = patches([5, 24, 11])
    together = recogniser(fine, coarse, widths)
    for n, width in enumerate(widths.tolist()):
        alone = recogniser(fine[n : n + 1, :, :, : 2 * width], coarse[n : n + 1, :, :, :width], widths[n : n + 1])
        torch.testing.assert_close(together[n, :width], alone[0], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_reading_looks_at_both_strides_and_all_of_the_word(recogniser: Recogniser) -> None:
    fine, coarse, widths = patches([12])
    before = recogniser(fine, coarse, widths)
    for changed in (fine, coarse):
        old = changed[0, 0, 3, 0].clone()
        changed[0, 0, 3, 0] += 3
        moved = (recogniser(fine, coarse, widths) - before).abs().amax((0, 2))
        changed[0, 0, 3, 0] = old
        assert (moved > 0).all()  # the encoder carries the first column's change to the last


@torch.no_grad()
def test_without_detail_the_map_of_stride_four_is_read_alone() -> None:
    torch.manual_seed(0)
    plain = Recogniser(fine=3, coarse=5, classes=96, config=replace(CONFIG, detail=False)).eval()
    fine, coarse, widths = patches([12, 7])
    before = plain(fine, coarse, widths)
    assert torch.equal(plain(fine + 1, coarse, widths), before)
    assert not torch.allclose(plain(fine, coarse * 2, widths), before)
    assert not any(name.startswith("detail") for name in plain.state_dict())
