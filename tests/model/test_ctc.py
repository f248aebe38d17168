"""Texts and CTC's columns: what a path says, where texts are laid out, and how probable they are."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spotter.model.charset import Charset
from spotter.model.ctc import as_ctc_columns, greedy_path, text_log_probabilities, texts_of


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


def test_texts_are_what_paths_say_one_behind_the_other() -> None:
    path = torch.tensor([[0, 3, 0, 3, 2], [0, 0, 0, 0, 0], [1, 0, 0, 0, 4]], dtype=torch.int32)
    texts, lengths = texts_of(path, 2)
    assert texts.tolist() == [[3, 3], [0, 0], [1, 4]]
    assert lengths.tolist() == [3, 0, 2]  # of the first one only the beginning is kept


def steps_of(texts: list[list[int]], steps: int, classes: int) -> tuple[Tensor, Tensor]:
    """Texts as they are written step by step, the end again and again after them, and distributions that say so."""
    written = torch.tensor([[*text, *[0] * (steps - len(text))] for text in texts])
    generator = torch.Generator().manual_seed(1)
    logits = torch.rand(*written.shape, classes, generator=generator)
    return written, logits.scatter(2, written[..., None], 3.0).log_softmax(-1)


def test_texts_are_laid_out_where_they_were_looked_at() -> None:
    written, steps = steps_of([[5, 2, 2], [], [1, 3, 4]], 4, 6)
    places = torch.tensor([[1.2, 1.4, 1.1, 5.0], [2.0, 2.0, 2.0, 2.0], [7.0, 2.0, 3.0, 3.0]])
    found = as_ctc_columns(written, steps, places, torch.tensor([8, 8, 5]), 8)
    # The second of two equal ones goes two on; what looked too far to the right leaves room for those behind it.
    assert found.argmax(-1).tolist() == [[0, 5, 2, 0, 2, 0, 0, 0], [0] * 8, [0, 0, 1, 3, 4, 0, 0, 0]]
    torch.testing.assert_close(found[0, [1, 2, 4, 5]], steps[0])  # three characters and the end
    torch.testing.assert_close(found[1, 0], steps[1, 0])
    assert found.exp()[0, [0, 3, 6, 7]].tolist() == [[1.0, 0, 0, 0, 0, 0]] * 4  # elsewhere it is certainly blank


@settings(max_examples=60, deadline=None)
@given(data=st.data(), width=st.integers(1, 12), steps=st.integers(1, 9))
def test_any_text_that_has_room_is_read_again(data: st.DataObject, width: int, steps: int) -> None:
    text = data.draw(st.lists(st.integers(1, 3), max_size=steps))
    places = data.draw(st.lists(st.floats(0, 12), min_size=steps, max_size=steps))
    written, log_probabilities = steps_of([text], steps, 4)
    found = as_ctc_columns(written, log_probabilities, torch.tensor([places]), torch.tensor([width]), 12)
    path = greedy_path(found, torch.tensor([width])).classes[0].tolist()
    room = 0
    expected: list[int] = []
    for character in text:  # CTC's own limit: a column each, and one between equal neighbours
        room += 1 + (expected[-1:] == [character])
        if room > width:
            break
        expected.append(character)
    assert [character for character in path if character] == expected


def test_a_texts_probability_is_the_sum_over_its_paths() -> None:
    """All 3 ** 4 paths of four columns, collapsed one by one."""
    log_probabilities = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(3)).log_softmax(-1)
    texts = [[1, 2, 0], [1, 1, 0], [0, 0, 0], [2, 0, 0], [2, 1, 2]]
    sums = [0.0] * len(texts)
    for path in itertools.product(range(3), repeat=4):
        said = [character for character, _ in itertools.groupby(path) if character]
        probability = math.exp(sum(float(log_probabilities[0, t, c]) for t, c in enumerate(path)))
        sums = [total + probability * (said == [c for c in t if c]) for total, t in zip(sums, texts, strict=True)]
    found = text_log_probabilities(log_probabilities, torch.tensor([4]), torch.tensor([texts]), 4)
    assert found.exp()[0].tolist() == pytest.approx(sums, rel=1e-4)


def test_columns_beyond_the_width_do_not_count_in_a_texts_probability() -> None:
    log_probabilities = torch.randn(2, 9, 5, generator=torch.Generator().manual_seed(4)).log_softmax(-1)
    widths, texts = torch.tensor([9, 5]), torch.tensor([[[1, 2, 2, 0]], [[3, 0, 0, 0]]])
    found = text_log_probabilities(log_probabilities, widths, texts, 12)
    expected = -F.ctc_loss(
        log_probabilities.transpose(0, 1), texts[:, 0], widths, torch.tensor([3, 1]), reduction="none"
    )
    torch.testing.assert_close(found[:, 0], expected, rtol=1e-4, atol=1e-4)
