import threading

import numpy as np
import pytest

from spotter.service.session import Rows, side_by_side


def rows(number: int) -> Rows:
    empty = np.zeros((1, 4), np.float32)
    return Rows(np.zeros((1, 4, 2), np.float32), np.array([number], np.float32), empty.astype(np.int32), empty)


@pytest.mark.parametrize(("count", "threads"), [(1, 1), (5, 1), (5, 2), (3, 8), (40, 4)])
def test_every_picture_gets_its_own_rows(count: int, threads: int) -> None:
    found = side_by_side(rows, count, threads)
    assert [int(each.scores[0]) for each in found] == list(range(count))


def test_as_many_are_read_at_once_as_there_are_threads() -> None:
    together = threading.Barrier(3)

    def work(number: int) -> Rows:
        together.wait(10)  # breaks unless three come
        return rows(number)

    assert len(side_by_side(work, 6, 3)) == 6


@pytest.mark.parametrize("threads", [1, 3])
def test_a_failure_is_raised_when_all_have_ended(threads: int) -> None:
    running = 0

    def work(number: int) -> Rows:
        nonlocal running
        running += 1
        try:
            if number == 1:
                raise ValueError("spoilt")
            return rows(number)
        finally:
            running -= 1

    with pytest.raises(ValueError, match="spoilt"):
        side_by_side(work, 9, threads)
    assert running == 0
