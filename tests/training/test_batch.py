from dataclasses import replace

import numpy as np
import pytest
import torch

from spotter.families.fots.family import FOTS
from spotter.families.interface import Texts, Truth
from spotter.model.charset import Charset
from spotter.training.batch import Batch, collate
from spotter.training.sample import Sample


def quad(x: float, y: float, w: float, h: float) -> list[list[float]]:
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def sample(words: list[tuple[list[list[float]], str, bool]], side: int = 64, colour: int = 0) -> Sample:
    return Sample(
        np.full((side, side, 3), colour, np.uint8),
        np.array([q for q, _, _ in words], np.float32).reshape(-1, 4, 2),
        [text for _, text, _ in words],
        np.array([ignored for _, _, ignored in words], bool),
    )


@pytest.mark.parametrize(
    ("height", "found", "ignored"),
    [
        (20, True, False),
        (55, True, False),
        (57, False, True),
        (71, False, True),
        (73, False, False),
        (200, False, False),
    ],
)
def test_words_too_high_for_a_level_are_ignored_then_background(height: float, found: bool, ignored: bool) -> None:
    tall = Sample(
        np.zeros((320, 320, 3), np.uint8),
        np.array([quad(20, 20, 1.2 * height, height), quad(20, 260, 60, 20)], np.float32),
        ["Ab", "next"],
        np.zeros(2, bool),
    )
    batch = collate([tall], Charset(), FOTS())
    middle = (0, round((20 + height / 2) / 4), round((20 + 0.6 * height) / 4))
    assert bool(batch.truth.text[middle]) == found
    assert bool(batch.truth.counted[middle]) == (not ignored)
    assert len(batch.truth.shapes) == (2 if found or ignored else 1)
    assert batch.readable.tolist() == ([found, True] if found or ignored else [True])
    assert batch.targets[-1] == Charset().encode("next")
    assert int(batch.truth.owner[0, 270 // 4, 50 // 4]) == len(batch.truth.shapes) - 1


def make_batch() -> Batch:
    return collate(
        [
            sample([(quad(4, 4, 40, 16), "Ab", False), (quad(4, 40, 40, 16), "", True)], colour=5),
            sample([]),
            sample([(quad(10, 8, 40, 16), "né", False), (quad(10, 40, 40, 16), "c ~", False)], colour=9),
        ],
        Charset(),
        FOTS(),
    )


def test_words_of_all_pictures_are_numbered_through() -> None:
    batch = make_batch()
    assert batch.images.shape == (3, 64, 64, 3)
    assert batch.images[:, 0, 0, 0].tolist() == [5, 0, 9]
    assert batch.image_index.tolist() == [0, 0, 2, 2]
    expected = torch.tensor([[x, y, 40, 16, 0, 0] for x, y in ((24.0, 12), (24, 48), (30, 16), (30, 48))])
    torch.testing.assert_close(batch.truth.shapes, expected)
    assert batch.truth.owner.shape == batch.truth.text.shape == batch.truth.counted.shape == (3, 16, 16)
    assert sorted(set(batch.truth.owner[0].flatten().tolist())) == [-1, 0]
    assert set(batch.truth.owner[1].flatten().tolist()) == {-1}
    assert sorted(set(batch.truth.owner[2].flatten().tolist())) == [-1, 2, 3]


def test_words_outside_the_charset_are_found_but_not_read() -> None:
    batch = make_batch()
    assert batch.readable.tolist() == [True, False, False, True]
    assert batch.targets == [[34, 67], [68, 1, 95]]
    assert bool((batch.truth.owner == 2).any())


class Hearing(FOTS):
    """A family that keeps what words say."""

    heard: Texts

    def with_texts(self, truth: Truth, texts: Texts) -> Truth:
        self.heard = texts
        return truth


def test_a_family_hears_what_the_words_say_and_where_drawn_ones_have_their_characters() -> None:
    """The third word is too high for the level and left out; the last one is not to be read."""
    words = [(quad(4, 4, 40, 16), "Ab", False), (quad(4, 40, 40, 16), "c", False)]
    high = (quad(0, 0, 60, 200), "x", False)
    places = [np.array([quad(4, 4, 20, 16), quad(24, 4, 20, 16)], np.float32), np.array([quad(0, 0, 1, 1)], np.float32)]
    drawn = replace(sample([words[0], high]), characters=places)
    family = Hearing()
    collate([drawn, sample([words[1], (quad(10, 8, 40, 16), "", True)])], Charset(), family)
    assert family.heard.classes.tolist() == [[34, 67], [68, 0], [0, 0]]
    assert family.heard.located.tolist() == [True, False, False]
    assert family.heard.characters[0].tolist() == places[0].tolist()
    assert not family.heard.characters[1:].any()


def test_a_word_without_extent_is_ignored() -> None:
    batch = collate(
        [sample([(quad(20, 20, 30, 0.5), "flat", False), (quad(0, 0, 1, 30), "thin", False)])], Charset(), FOTS()
    )
    assert not batch.truth.text.any()
    assert batch.readable.tolist() == [False, False]
    assert batch.targets == []


def test_only_pictures_without_words_make_a_batch_too() -> None:
    batch = collate([sample([]), sample([])], Charset(), FOTS())
    assert batch.truth.shapes.shape == (0, 6)
    assert batch.image_index.shape == batch.readable.shape == (0,)
    assert batch.truth.counted.sum() == 2 * 16 * 16
