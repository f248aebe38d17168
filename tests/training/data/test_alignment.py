"""Lines and their transcripts: the best path by hand and by trying all, and what becomes of it."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.training.data.alignment import LineAligner, align
from tests.training.data.lines import CHARSET, Saying, blank_line, recogniser


def log(table: list[list[float]]) -> NDArray[np.float32]:
    return np.log(np.array(table, np.float32))


def test_the_best_path_by_hand() -> None:
    # Blank, a, b. Of the ways to write "ab" in four columns, a a _ b is the most probable: 0.5 x 0.6 x 0.7 x 0.8.
    scores = log([[0.4, 0.5, 0.1], [0.3, 0.6, 0.1], [0.7, 0.1, 0.2], [0.1, 0.1, 0.8]])
    assert align(scores, [[1], [2]]) == [(0, 1), (3, 3)]
    # Where the third column rather says b, it is b's: a a b b.
    scores[2] = np.log(np.array([0.2, 0.1, 0.7]))
    assert align(scores, [[1], [2]]) == [(0, 1), (2, 3)]


def test_a_letter_that_is_repeated_needs_a_blank_between() -> None:
    scores = log([[0.1, 0.8, 0.1], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]])
    assert align(scores, [[1], [1]]) == [(0, 0), (2, 2)]
    assert align(scores, [[1], [2]]) in ([(0, 0), (1, 2)], [(0, 1), (2, 2)])


@pytest.mark.parametrize(("columns", "choices", "fits"), [(1, [1, 2], False), (2, [1, 2], True), (2, [1, 1], False)])
def test_too_few_columns_have_no_path(columns: int, choices: list[int], fits: bool) -> None:
    found = align(np.full((columns, 3), math.log(1 / 3), np.float32), [[choice] for choice in choices])
    assert (found == [(0, 0), (1, 1)]) if fits else (found is None)


def test_forms_of_one_letter_are_a_repeated_letter() -> None:
    """`a` and `A` may both stand for either: then a blank must part them, or one letter would be two."""
    scores = log([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.1, 0.1, 0.8]])
    assert align(scores, [[1, 2], [1, 2]]) == [(0, 0), (2, 2)]


@pytest.mark.parametrize("text", [[1], [1, 2], [1, 1], [2, 1, 2], [1, 1, 2]])
@pytest.mark.parametrize("seed", range(4))
def test_no_path_is_better(text: list[int], seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(6, 3)).astype(np.float32)
    paths = itertools.product(range(3), repeat=6)
    spelling = [path for path in paths if [place for place, _ in itertools.groupby(path) if place] == text]
    best = max(spelling, key=lambda path: sum(scores[column, place] for column, place in enumerate(path)))
    runs, column = [], 0
    for place, group in itertools.groupby(best):
        length = len(list(group))
        if place:
            runs.append((column, column + length - 1))
        column += length
    assert align(scores, [[place] for place in text]) == runs


def test_words_are_cut_in_the_middle_of_the_spaces() -> None:
    aligner = LineAligner(recogniser("_ab__  _A_c_"), CHARSET)
    words = aligner.words(blank_line(12), "ab Ac")
    assert [word.text for word in words] == ["ab", "Ac"]
    assert [(word.start, word.end) for word in words] == [(0, 6 / 12), (6 / 12, 1)]
    assert [word.sureness for word in words] == pytest.approx([math.log(0.9)] * 2, abs=1e-4)


def test_spaces_beyond_one_do_not_count() -> None:
    aligner = LineAligner(recogniser("_ab__  _A_c_"), CHARSET)
    assert aligner.words(blank_line(12), " ab   Ac ") == aligner.words(blank_line(12), "ab Ac")


def test_the_line_is_seen_at_the_recognisers_height_and_marked_as_a_region() -> None:
    saying = Saying("ab_")
    LineAligner(saying, CHARSET).words(blank_line(5, height=24), "ab")  # type: ignore[arg-type]
    (patches,) = saying.seen
    assert patches.shape == (1, 4, 48, 8 * (5 + 1))
    assert (patches[:, 3, :, :40] == 1).all()
    assert not patches[..., 40:].any()
    assert patches[0, 0, 20, 20] == (255 - 128) / 64


def test_a_word_that_does_not_read_as_its_transcript_is_left_out() -> None:
    aligner = LineAligner(recogniser("_ab_ _cc_ ba_"), CHARSET)
    words = aligner.words(blank_line(13), "ab ca ba")
    assert [word.text for word in words] == ["ab", "ba"]
    assert words[0].end < words[1].start  # its place stays empty


@pytest.mark.parametrize("text", ["", "  ", "ax", "abababababab"])
def test_a_transcript_that_cannot_be_there_gives_no_words(text: str) -> None:
    assert LineAligner(recogniser("_a_b_"), CHARSET).words(blank_line(5), text) == []


def test_the_picture_may_decide_the_case() -> None:
    aligner = LineAligner(recogniser("_A_b_ _a_"), CHARSET)
    words = aligner.words(blank_line(9), "AB A", any_case=True)
    assert [word.text for word in words] == ["Ab", "a"]
    # Without, the letters that the picture shows otherwise make their words unsure.
    assert aligner.words(blank_line(9), "AB A") == []
