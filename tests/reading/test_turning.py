from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.reading.prepared import Prepared, turned
from spotter.reading.session import Rows
from spotter.reading.turning import Turns, lying
from spotter.registry.manifest import InputSpec

SPEC = InputSpec(max_side=256, target_side=256)


def rows(orientation: tuple[float, ...] | None, *scores: float) -> Rows:
    """Words of those scores, in a picture of which the graph says how it lies."""
    count = len(scores)
    box = np.zeros((count, 4, 2), np.float32)
    characters = np.zeros((count, 1), np.int32)
    says = None if orientation is None else np.array(orientation, np.float32)
    return Rows(box, np.array(scores, np.float32), characters, characters.astype(np.float32), says)


class Look(NamedTuple):
    prepared: Prepared
    rows: Rows


def seen(image: NDArray[np.uint8]) -> Prepared:
    height, width = image.shape[:2]
    padded = np.zeros((64, 64, 3), np.uint8)
    padded[:height, :width] = image
    return Prepared(padded, (width, height), (2 * width, 2 * height))


def look(orientation: tuple[float, ...] | None, *scores: float) -> Look:
    return Look(seen(np.zeros((10, 20, 3), np.uint8)), rows(orientation, *scores))


@pytest.mark.parametrize(
    ("says", "turn"),
    [
        (None, 0),
        ((0.9, 0.1, 0, 0), 0),
        ((0.1, 0.7, 0.1, 0.1), 1),
        ((0, 0, 0, 1), 3),
        ((0.2, 0.2, 0.5, 0.1), 0),
        ((0, 0.51, 0, 0.49), 1),
    ],
)
def test_how_a_picture_lies(says: tuple[float, ...] | None, turn: int) -> None:
    assert lying(rows(says, *[0.4] * 8)) == turn


@pytest.mark.parametrize(
    ("says", "turn"),
    [((0.7, 0, 0.3, 0), 2), ((0.9, 0.05, 0.05, 0), 0), ((0.5, 0.25, 0.25, 0), 0), ((0.2, 0.2, 0.5, 0.1), 2)],
)
def test_nonsense_is_rarely_upright(says: tuple[float, ...], turn: int) -> None:
    """A tenth of the probability of an upright picture counts: 0.07 against 0.3, 0.09 against two of 0.05."""
    assert lying(rows(says, *[0.1] * 8)) == turn


def test_a_picture_that_is_read_well_or_has_few_words_needs_no_other_look() -> None:
    turned_over = (0, 0, 1, 0)
    assert lying(rows(turned_over, *[0.61] * 8)) == 0
    assert lying(rows(turned_over, *[0.3] * 2)) == 0
    assert lying(rows(turned_over, *[0.9] * 3, *[0.3] * 5)) == 2


def test_a_picture_that_surely_lies_on_its_side_is_turned_though_many_of_its_words_are_read_as_it_lies() -> None:
    assert lying(rows((0.02, 0.9, 0, 0.08), *[0.75] * 8)) == 1
    assert lying(rows((0.02, 0.9, 0, 0.08), *[0.95] * 8)) == 0
    assert lying(rows((0.2, 0.75, 0, 0.05), *[0.75] * 8)) == 0


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_turned_picture_shows_its_pixels_where_its_polygons_say(turn: int) -> None:
    image = np.zeros((10, 20, 3), np.uint8)
    image[2:4, 5:9] = 255
    picture = turned(seen(image), turn, SPEC)
    width, height = picture.working
    assert (width, height) == ((20, 10) if turn % 2 == 0 else (10, 20))
    assert picture.padded.shape[0] % SPEC.stride == 0
    y, x = np.nonzero(picture.padded[:height, :width, 0])
    box = np.array([[x.min(), y.min()], [x.max() + 1, y.max() + 1]], np.float32)
    # The mark of 4 x 2 pixels from (5, 2) on, in an upload that is twice as large.
    corners = np.sort(picture.to_upload(box[None])[0], axis=0)
    np.testing.assert_allclose(corners, [[10, 4], [18, 8]])
    assert turned(picture, 4 - turn, SPEC).turn == 0


def test_an_upright_picture_has_one_look() -> None:
    turns = Turns(first := look((1, 0, 0, 0), 0.9))
    assert turns.next is None
    assert turns.best is first


def test_the_look_that_reads_most_is_kept() -> None:
    turns = Turns(first := look((0, 0, 1, 0), *[0.3] * 8))
    assert turns.next == 2
    turns.took(2, better := look((1, 0, 0, 0), *[0.9] * 8))
    assert turns.next is None
    assert turns.best is better
    turns = Turns(first)
    turns.took(2, look((1, 0, 0, 0), 0.5))
    assert turns.best is first


def test_a_look_may_say_better_how_the_picture_lies_but_none_is_taken_twice() -> None:
    bad = [0.2] * 8
    turns = Turns(look((0, 1, 0, 0), *bad))
    assert turns.next == 1
    turns.took(1, look((0, 0, 1, 0), *bad))  # once more by 180 degrees: by 270 from how it lies
    assert turns.next == 3
    turns.took(3, look((0, 1, 0, 0), *bad))
    assert turns.next is None
    turns = Turns(look((0, 1, 0, 0), *bad))
    turns.took(1, look((0, 0, 0, 1), *bad))  # back to how it lies
    assert turns.next is None


def test_many_words_that_are_nonsense_whichever_way_are_looked_at_in_all_four() -> None:
    bad = [0.2] * 20
    turns = Turns(first := look((0.1, 0.03, 0.85, 0.02), *bad))
    for turn in (2, 1, 3):  # as the first look says, and then by its odds
        assert turns.next == turn
        turns.took(turn, look((0.1, 0, 0.9, 0), *bad))
    assert turns.next is None
    turns = Turns(first)
    turns.took(2, look((1, 0, 0, 0), *bad))
    turns.took(1, better := look((0.3, 0, 0.7, 0), *[0.9] * 20))
    assert turns.next is None
    assert turns.best is better
    few = Turns(look((0.1, 0.03, 0.85, 0.02), *bad[1:]))
    few.took(2, look((1, 0, 0, 0), *bad[1:]))
    assert few.next is None
    certain = Turns(look((1, 0, 0, 0), *bad))
    assert certain.next is None, "it is upright by its own account"
