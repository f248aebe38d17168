import numpy as np
import pytest

from spotter.reading.imaging import Prepared
from spotter.reading.second_look import closer
from spotter.reading.session import Rows
from spotter.reading.sizing import working_size
from spotter.registry.manifest import InputSpec

SPEC = InputSpec()


def first_look(height: float, words: int = 20) -> tuple[Rows, Prepared]:
    """Words of a height in pixels, in a picture of 4000 x 3000 that was read at a quarter of its size."""
    box = np.array([[0, 0], [50, 0], [50, height], [0, height]], np.float32)
    nothing = np.zeros((words, 1), np.int32), np.zeros((words, 1), np.float32)
    seen = Prepared(np.zeros((768, 1024, 3), np.uint8), (1000, 750), (4000, 3000))
    return Rows(np.repeat(box[None], words, 0), np.ones(words, np.float32), *nothing), seen


@pytest.mark.parametrize(("limit", "side"), [(2000, 2000), (8000, 2500)])
def test_small_words_are_looked_at_as_closely_as_they_need_and_may_be(limit: int, side: int) -> None:
    spec = closer(*first_look(height=8), SPEC, limit)
    assert spec is not None
    assert (spec.max_side, spec.target_side) == (side, side)
    assert max(working_size(4000, 3000, spec)) == side


def test_a_small_picture_of_small_words_is_enlarged() -> None:
    rows, seen = first_look(height=8)
    spec = closer(rows, Prepared(seen.padded, seen.working, (1000, 750)), SPEC, 8000)
    assert spec is not None
    assert working_size(1000, 750, spec) == (1500, 1125)


def test_one_look_is_enough_for_words_that_are_read_well_and_where_no_other_is_allowed() -> None:
    assert closer(*first_look(height=20), SPEC, 8000) is None
    assert closer(*first_look(height=8), SPEC, 0) is None
