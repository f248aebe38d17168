"""The search beside an exhaustive one, and numbers worked by hand."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from spotter.model.charset import Charset
from spotter.model.config import SearchConfig
from spotter.model.language import LARGEST_MARGIN, MODULUS, MULTIPLIER, SHIFT, STEP, LanguageModel, LanguageTables

CHARSET = Charset("abA")


def tables(states: int = 5, seed: int = 0) -> LanguageTables:
    """Random costs of "a", "b" and the end after `states` contexts."""
    rng = np.random.default_rng(seed)
    costs = rng.integers(0, 60, (states, 3)).astype(np.uint8)
    following = rng.integers(0, states, (states, 3)).astype(np.uint16)
    return LanguageTables(costs, following, "ab")


def log_softmax(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor([rows], dtype=torch.float32).log_softmax(-1)


def exhaustive(log_probabilities: torch.Tensor, known: LanguageTables, config: SearchConfig) -> tuple[str, float]:
    """The best text of all and its margin over the next one, whatever the case, by every path there is."""
    best: dict[str, tuple[float, str]] = {}
    columns, classes = log_probabilities.shape
    for path in itertools.product(range(classes), repeat=columns):
        spelt = [kind for kind, _ in itertools.groupby(path) if kind]
        text = CHARSET.decode(spelt)
        state, cost = 0, 0.0
        for character in text.lower():
            symbol = "ab".index(character)
            cost += float(known.costs[state, symbol])
            state = int(known.following[state, symbol])
        cost += float(known.costs[state, 2]) if text else 0.0
        score = sum(float(log_probabilities[column, kind]) for column, kind in enumerate(path))
        score += config.bonus * len(text) - config.weight * STEP * cost
        if text.lower() not in best or score > best[text.lower()][0]:
            best[text.lower()] = score, text
    ordered = sorted(best.values(), reverse=True)
    return ordered[0][1], min(ordered[0][0] - ordered[1][0], LARGEST_MARGIN)


@pytest.mark.parametrize("seed", range(12))
def test_with_beams_to_spare_it_finds_what_an_exhaustive_search_finds(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    log_probabilities = (2.0 * torch.randn(1, 4, 4, generator=generator)).log_softmax(-1)
    known, config = tables(seed=seed), SearchConfig(weight=0.8, bonus=0.7, beams=64)
    classes, margins = LanguageModel(known, CHARSET, config)(log_probabilities, torch.tensor([4]))
    text, margin = exhaustive(log_probabilities[0], known, config)
    assert CHARSET.decode(classes[0].tolist()) == text
    assert margins[0].item() == pytest.approx(margin, abs=1e-4)


def test_a_text_s_score_worked_by_hand() -> None:
    """One column: blank 0.5, "a" 0.3, "b" 0.2. "b" costs 10 and "a" 30 units at the beginning, the end 4 after both.

    weight 1, bonus 1: a = ln 0.3 + 1 - 0.05 (30 + 4) = -1.904, b = ln 0.2 + 1 - 0.05 (10 + 4) = -1.309,
    nothing = ln 0.5 = -0.693. With a bonus of 2: b = -0.309, ahead of nothing by 0.384 and of a by more.
    """
    known = LanguageTables(
        np.array([[30, 10, 9], [0, 0, 4]], np.uint8), np.array([[1, 1, 0], [1, 1, 0]], np.uint16), "ab"
    )
    log_probabilities = torch.tensor([[[0.5, 0.3, 0.2, 1e-9]]]).log()
    classes, margins = LanguageModel(known, CHARSET, SearchConfig(1.0, 1.0))(log_probabilities, torch.tensor([1]))
    assert classes.tolist() == [[0]]
    assert margins[0].item() == pytest.approx(math.log(0.5 / 0.2) - 1 + 0.7, abs=1e-5)
    classes, margins = LanguageModel(known, CHARSET, SearchConfig(1.0, 2.0))(log_probabilities, torch.tensor([1]))
    assert classes.tolist() == [[2]]
    assert margins[0].item() == pytest.approx(0.384, abs=1e-3)


def test_repeats_and_blanks_as_ctc_has_them() -> None:
    """a a - a b reads "aab", each letter at the place where its run begins."""
    sure: list[list[float]] = [[0, 9, 0, 0], [0, 9, 0, 0], [9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 9, 0]]
    classes, _ = LanguageModel(tables(), CHARSET, SearchConfig(0.0, 0.0))(log_softmax(sure), torch.tensor([5]))
    assert classes.dtype == torch.int32
    assert CHARSET.decode(classes[0].tolist()) == "aab"
    assert classes[0].tolist()[2] == 0


def test_case_costs_nothing_and_is_kept() -> None:
    classes, margins = LanguageModel(tables(), CHARSET, SearchConfig(1.0, 1.0))(
        log_softmax([[-9.0, 2, -9, 3]]), torch.tensor([1])
    )
    assert CHARSET.decode(classes[0].tolist()) == "A"
    assert margins[0].item() > 5, "the other case is no other text"


def test_columns_beyond_a_word_s_width_say_nothing() -> None:
    model = LanguageModel(tables(), CHARSET, SearchConfig())
    log_probabilities = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(4)).log_softmax(-1)
    together, margins = model(log_probabilities, torch.tensor([2, 6, 0]))
    for row, width in enumerate((2, 6)):
        alone, margin = model(log_probabilities[row : row + 1, :width], torch.tensor([width]))
        assert together[row, :width].tolist() == alone[0].tolist()
        assert together[row, width:].tolist() == [0] * (6 - width)
        assert margins[row] == margin[0]
    assert together[2].tolist() == [0] * 6
    assert margins[2] == LARGEST_MARGIN


def test_numbers_of_texts_do_not_overflow() -> None:
    assert MODULUS * MULTIPLIER + 256 < 2**63
    assert MODULUS * SHIFT + SHIFT < 2**63


def test_a_charset_that_the_language_does_not_know() -> None:
    with pytest.raises(ValueError, match="does not know 'c'"):
        LanguageModel(tables(), Charset("abc"), SearchConfig())


def test_tables_are_kept_in_a_file(tmp_path: Path) -> None:
    known = tables()
    known.save(tmp_path / "language.npz")
    again = LanguageTables.load(tmp_path / "language.npz")
    np.testing.assert_array_equal(again.costs, known.costs)
    np.testing.assert_array_equal(again.following, known.following)
    assert again.symbols == "ab"


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 half a zip"])
def test_a_file_that_holds_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "language.npz").write_bytes(content)
    with pytest.raises(ValueError, match="no language model"):
        LanguageTables.load(tmp_path / "language.npz")


@pytest.mark.parametrize(
    ("costs", "following", "symbols", "reason"),
    [
        ((2, 3), (2, 2), "ab", r"must be \[S, A\]"),
        ((2, 3), (2, 3), "abc", "name every column"),
        ((2, 3), (2, 3), "aa", "name every column"),
    ],
)
def test_tables_that_do_not_fit(costs: tuple[int, int], following: tuple[int, int], symbols: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        LanguageTables(np.zeros(costs, np.uint8), np.zeros(following, np.uint16), symbols)


def test_a_state_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="not there"):
        LanguageTables(np.zeros((2, 3), np.uint8), np.full((2, 3), 2, np.uint16), "ab")
