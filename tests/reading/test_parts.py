"""Pages of more words than one run of the graph finds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotter.reading.parts import Part, Partition, joined, partition
from spotter.reading.prepared import Prepared
from spotter.reading.session import Rows
from spotter.registry.manifest import InputSpec

SPEC = InputSpec(max_side=640, target_side=640)


def rows_of(tops: list[float], height: float = 8.0, columns: int = 1, texts: int = 1) -> Rows:
    """Words of 40 pixels at these rows, in so many columns; their characters are numbered."""
    boxes = [
        [(50 * column, top), (50 * column + 40, top), (50 * column + 40, top + height), (50 * column, top + height)]
        for top in tops
        for column in range(columns)
    ]
    count = len(boxes)
    characters = np.repeat(np.arange(1, count + 1, dtype=np.int32)[:, None], texts, 1)
    scores = np.linspace(0.5, 0.9, count, dtype=np.float32)
    return Rows(np.array(boxes, np.float32).reshape(-1, 4, 2), scores, characters, np.ones((count, texts), np.float32))


def seen(width: int = 480, height: int = 640, upload: tuple[int, int] = (2400, 3200)) -> Prepared:
    rng = np.random.default_rng(0)
    padded = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Prepared(padded, (width, height), upload)


FULL = rows_of([12.0 * line for line in range(50)], columns=32)  # 1,600 words in 50 lines


def test_a_full_page_is_read_in_parts_that_end_between_lines() -> None:
    """Three parts of at most 600 words. Lines are 12 pixels apart, the first one's middle is at 4: the widest gaps are
    all alike, so a border lies in the first one that is near."""
    plan = partition(FULL, seen(), SPEC, 2272)
    assert plan is not None
    borders = [share * 640 for share in plan.borders]
    assert [(border - 4) % 12 for border in borders] == pytest.approx([6, 6], abs=1e-3)
    assert all(abs(border - ideal) <= 0.2 * 640 / 3 for border, ideal in zip(borders, (640 / 3, 1280 / 3), strict=True))
    assert plan.overlap == pytest.approx(8 / 640)  # no word crosses a border: one height
    # 533 words a part may be 19.4 pixels high: sqrt(200,000 / 533), and they are 8.
    assert plan.spec.max_side == round(640 * math.sqrt(200_000 / 533) / 8)


def test_words_that_cross_a_border_are_whole_in_one_part() -> None:
    tall = FULL._replace(polygons=FULL.polygons.copy())
    tall.polygons[0] = [(0, 120), (20, 120), (20, 260), (0, 260)]
    plan = partition(tall, seen(), SPEC, 2272)
    assert plan is not None
    border = plan.borders[0] * 640
    assert plan.overlap * 640 == pytest.approx(max(border - 120, 260 - border) + 8, abs=1e-3)


@pytest.mark.parametrize(
    ("rows", "limit"),
    [(rows_of([12.0 * line for line in range(50)], columns=28), 2272), (FULL, 0)],
    ids=["1,400 words", "no other look allowed"],
)
def test_elsewhere_one_look_is_enough(rows: Rows, limit: int) -> None:
    assert partition(rows, seen(), SPEC, limit) is None


@pytest.mark.parametrize(
    ("limit", "upload", "side"), [(1000, (2400, 3200), 1000), (2272, (600, 800), 800), (640, (480, 640), 640)]
)
def test_parts_are_no_larger_than_allowed_nor_than_the_upload(limit: int, upload: tuple[int, int], side: int) -> None:
    plan = partition(FULL, seen(upload=upload), SPEC, limit)
    assert plan is not None
    assert plan.spec.max_side == side


def test_parts_show_the_pictures_rows_with_overlap() -> None:
    whole = seen()
    first, second = Partition(SPEC, (0.25,), 0.05).parts(whole)
    assert (first.top, first.prepared.working) == (0, (480, 192))  # to 160 + 32
    assert (second.top, second.prepared.working) == (128, (480, 512))
    for part in (first, second):
        width, height = part.prepared.working
        shown = part.prepared.padded[:height, :width]
        np.testing.assert_array_equal(shown, whole.padded[part.top : part.top + height])
    assert (first.first, first.last, second.first, second.last) == (-math.inf, 160, 160, math.inf)


@given(
    borders=st.lists(st.floats(0.05, 0.95), min_size=1, max_size=5, unique=True).map(sorted),
    centres=st.lists(st.floats(0, 639), min_size=1, max_size=20),
)
def test_every_word_comes_from_one_part(borders: list[float], centres: list[float]) -> None:
    """Each part sees all words whose centres it shows; afterwards each is there once, where it was."""
    parts = Partition(SPEC, tuple(borders), 0.02).parts(seen())
    looks = []
    for part in parts:
        low, high = part.top, part.top + part.prepared.working[1]
        looks.append(rows_of([centre - 4 - part.top for centre in centres if low <= centre <= high]))
    found = joined(parts, looks)
    middles = found.polygons[..., 1].mean(1)
    np.testing.assert_allclose(np.sort(middles), sorted(np.float32(centre) for centre in centres), atol=1e-3)


def test_texts_of_all_parts_have_one_width() -> None:
    """The first part keeps its first word, the second its second."""
    empty = np.zeros((64, 64, 3), np.uint8)
    parts = [
        Part(Prepared(empty, (64, 64), (64, 128)), top, first, last)
        for top, first, last in ((0, -math.inf, 60.0), (56, 60.0, math.inf))
    ]
    short, long = rows_of([10, 57]), rows_of([-2, 20], texts=3)
    found = joined(parts, [short, long])
    assert found.characters.tolist() == [[1, 0, 0], [2, 2, 2]]
    assert found.character_scores.tolist() == [[1, 0, 0], [1, 1, 1]]
    assert found.scores.tolist() == [short.scores[0], long.scores[1]]
    assert found.polygons[:, 0, 1].tolist() == [10, 76]
