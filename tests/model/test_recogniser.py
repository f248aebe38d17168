import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from spotter.model.charset import Charset
from spotter.model.config import RecogniserConfig
from spotter.model.recogniser import Recogniser, greedy_path
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


def logits_of(path: list[tuple[int, float]], classes: int) -> Tensor:
    """Logits [1, T, classes] whose softmax gives each (class, probability), the rest shared evenly."""
    rows = []
    for index, probability in path:
        row = torch.full((classes,), math.log((1 - probability) / (classes - 1)))
        row[index] = math.log(probability)
        rows.append(row)
    return torch.stack(rows)[None]


def test_repeats_collapse_unless_a_blank_parts_them() -> None:
    path = [(34, 0.9), (34, 0.6), (0, 0.8), (34, 0.7), (35, 0.5), (35, 0.9), (0, 0.9)]
    own = greedy_path(logits_of(path, 96), torch.tensor([7]))
    characters, sureness = own
    confidence, text = own.of_columns(torch.tensor([0]), torch.ones(1, 7, dtype=torch.bool))
    assert characters.tolist() == [[34, 0, 0, 34, 35, 0, 0]]
    assert characters.dtype == torch.int32
    assert Charset().decode(characters[0].tolist()) == "AAB"
    assert sureness[0].tolist() == pytest.approx([p for _, p in path], abs=1e-5)
    assert float(confidence[0]) == pytest.approx(0.5, abs=1e-5)  # the least of 0.9, 0.7 and 0.5
    assert float(text[0]) == pytest.approx(sum(math.log(p) for _, p in path), abs=1e-4)  # blanks and repeats count


def test_columns_beyond_the_width_say_nothing() -> None:
    logits = logits_of([(34, 0.9), (0, 0.9), (35, 0.8), (36, 0.9)], 96).repeat(2, 1, 1)
    own = greedy_path(logits, torch.tensor([4, 2]))
    characters, sureness = own
    confidence, text = own.of_columns(torch.tensor([0, 1]), torch.ones(2, 4, dtype=torch.bool))
    assert characters.tolist() == [[34, 0, 35, 36], [34, 0, 0, 0]]
    assert sureness[1, 2:].tolist() == [0, 0]
    assert confidence.tolist() == pytest.approx([0.8, 0.9], abs=1e-5)
    assert text.exp().tolist() == pytest.approx([0.9 * 0.9 * 0.8 * 0.9, 0.9 * 0.9], abs=1e-5)


def test_a_word_of_blanks_has_no_confidence() -> None:
    path = greedy_path(logits_of([(0, 0.9)] * 3, 5), torch.tensor([3]))
    assert not path.classes.any()
    least, _ = path.of_columns(torch.tensor([0]), torch.ones(1, 3, dtype=torch.bool))
    assert least.tolist() == [0]


def test_some_columns_of_a_path_are_judged_by_themselves() -> None:
    path = greedy_path(logits_of([(34, 0.9), (0, 0.8), (35, 0.6), (36, 0.7)], 96), torch.tensor([4]))
    columns = torch.tensor([[True, True, False, False], [False, False, True, True]])
    least, text = path.of_columns(torch.tensor([0, 0]), columns)
    assert least.tolist() == pytest.approx([0.9, 0.6], abs=1e-5)
    assert text.exp().tolist() == pytest.approx([0.9 * 0.8, 0.6 * 0.7], abs=1e-5)


def test_any_path_collapses_as_ctc_says() -> None:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(50, 12, 4, generator=generator)
    found = greedy_path(logits, torch.full((50,), 12))
    for row, path in zip(found.classes.tolist(), logits.argmax(-1).tolist(), strict=True):
        assert [c for c in row if c] == [c for c, _ in itertools.groupby(path) if c]


def test_no_words_have_no_path() -> None:
    path = greedy_path(torch.zeros(0, 6, 96), torch.zeros(0, dtype=torch.int64))
    assert [tuple(part.shape) for part in path] == [(0, 6), (0, 6)]
