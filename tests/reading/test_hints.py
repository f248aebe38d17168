import numpy as np

from spotter.reading.hints import NO_HINTS, Hints
from spotter.reading.prepared import Prepared, Region
from spotter.reading.session import Rows
from spotter.reading.sizing import working_size
from spotter.registry.manifest import InputSpec

SPEC = InputSpec(max_side=640, target_side=320)


def rows(*boxes: tuple[float, float, float, float]) -> Rows:
    """Words at x, y, w, h."""
    corners = [[[x, y], [x + w, y], [x + w, y + h], [x, y + h]] for x, y, w, h in boxes]
    count = len(boxes)
    numbers = np.arange(count, dtype=np.int32)[:, None]
    return Rows(np.array(corners, np.float32), np.ones(count, np.float32), numbers, np.ones((count, 1), np.float32))


def kept(hints: Hints, prepared: Prepared) -> list[int]:
    found = hints.keep(rows((0, 0, 40, 10), (50, 0, 40, 20), (0, 50, 40, 30)), prepared)
    assert len(found.scores) == len(found.polygons) == len(found.character_scores)
    return found.characters[:, 0].tolist()  # type: ignore[no-any-return]


def test_a_picture_may_be_read_larger_than_it_is() -> None:
    assert working_size(100, 50, NO_HINTS.spec(SPEC)) == (200, 100)
    assert working_size(100, 50, Hints(max_side=1000).spec(SPEC)) == (1000, 500)
    assert working_size(10, 5, Hints(max_side=1000).spec(SPEC)) == (160, 80), "16 times at most"
    assert working_size(2000, 500, Hints(max_side=1000).spec(SPEC)) == (1000, 250)


def test_words_are_left_out_by_their_centre_and_height_in_upload_pixels() -> None:
    seen = Prepared(np.zeros((96, 96, 3), np.uint8), (96, 96), (192, 192))
    assert kept(NO_HINTS, seen) == [0, 1, 2]
    assert kept(Hints(min_height=30), seen) == [1, 2]
    assert kept(Hints(ignore=(Region(100, 0, 90, 40),)), seen) == [0, 2]
    assert kept(Hints(ignore=(Region(0, 0, 90, 190), Region(0, 0, 1, 1)), min_height=1), seen) == [1]
    assert kept(Hints(min_height=1000), seen) == []


def test_places_are_those_of_the_upload_where_only_a_region_was_read() -> None:
    seen = Prepared(np.zeros((96, 96, 3), np.uint8), (96, 96), (500, 400), Region(300, 200, 96, 96))
    assert kept(Hints(ignore=(Region(350, 200, 40, 20),)), seen) == [0, 2]
