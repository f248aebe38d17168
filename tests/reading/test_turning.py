"""Which way a picture is turned for another look."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from spotter.reading.prepared import Prepared
from spotter.reading.session import Rows
from spotter.reading.turning import Turns, lying

UPRIGHT, LEFT, HEAD, RIGHT = np.eye(4, dtype=np.float32)


def rows(scores: list[float], orientation: Any) -> Rows:
    count = len(scores)
    return Rows(
        polygons=np.zeros((count, 4, 2), np.float32),
        scores=np.array(scores, np.float32),
        characters=np.zeros((count, 1), np.int32),
        character_scores=np.ones((count, 1), np.float32),
        orientation=None if orientation is None else np.array(orientation, np.float32),
    )


@pytest.mark.parametrize(
    ("scores", "orientation", "turn"),
    [
        ([0.2] * 9, LEFT, 1),
        ([0.2] * 9, HEAD, 2),
        ([0.2] * 9, UPRIGHT, 0),
        ([0.2] * 9, None, 0),
        ([0.7] * 9, HEAD, 0),  # read well as it lies
        ([0.2] * 2, HEAD, 0),  # too few words to say
        ([0.5] * 9, [0.5, 0, 0.5, 0], 0),
        ([0.5] * 9, [0.3, 0, 0.7, 0], 2),
        ([0.5] * 9, [0.7, 0, 0.3, 0], 0),
        ([0.1] * 9, [0.7, 0, 0.3, 0], 2),  # nonsense is rarely upright: 0.07 against 0.3
        ([0.1] * 9, [0.9, 0.05, 0.05, 0], 0),
    ],
)
def test_how_a_picture_lies(scores: list[float], orientation: Any, turn: int) -> None:
    assert lying(rows(scores, orientation)) == turn


@dataclass(frozen=True)
class Seen:
    rows: Rows

    @property
    def prepared(self) -> Prepared:
        return cast(Prepared, None)


def test_the_look_that_reads_most_is_kept() -> None:
    first = Seen(rows([0.2] * 9, LEFT))
    turns = Turns(first)
    assert turns.next == 1
    second = Seen(rows([0.3] * 9, LEFT))  # still a quarter short
    turns.took(1, second)
    assert turns.best is second
    assert turns.next == 2
    third = Seen(rows([0.9] * 9, UPRIGHT))
    turns.took(2, third)
    assert turns.best is third
    assert turns.next is None


def test_a_picture_is_looked_at_three_times_at_most_and_never_twice_the_same_way() -> None:
    turns = Turns(Seen(rows([0.2] * 9, LEFT)))
    turns.took(1, Seen(rows([0.1] * 9, LEFT)))
    turns.took(2, Seen(rows([0.1] * 9, LEFT)))
    assert turns.next is None
    assert turns.best is turns.first
    back = Turns(Seen(rows([0.2] * 9, LEFT)))
    back.took(1, Seen(rows([0.1] * 9, RIGHT)))
    assert back.next is None
