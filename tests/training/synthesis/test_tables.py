from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.training.synthesis import PatchPool
from spotter.training.synthesis.arrange import Styles
from spotter.training.synthesis.layout import corners, transform
from spotter.training.synthesis.tables import Content, form, label, table

SIZE = 400
DRAWINGS = [table, form, label]
Drawing = Callable[[np.random.Generator, PatchPool, Styles, int, float], Content]


def _drawn(drawing: Drawing, pool: PatchPool, count: int = 25) -> list[Content]:
    styles, rng = Styles(pool), np.random.default_rng(0)
    return [drawing(rng, pool, styles, SIZE, 1.0) for _ in range(count)]


def _boxes(content: Content, pool: PatchPool) -> NDArray[np.float64]:
    """(left, top, right, bottom) of each word in the page's plane."""
    quads = transform(content.block.frames, corners(pool.quads[content.block.patches]))
    return np.concatenate([quads.min(1), quads.max(1)], 1).astype(np.float64)


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_words_neither_touch_nor_cross_upright_lines(drawing: Drawing, pool: PatchPool) -> None:
    for content in _drawn(drawing, pool):
        boxes = _boxes(content, pool)
        low, high = boxes[:, None, :2], boxes[:, None, 2:]
        overlap = np.minimum(high, boxes[None, :, 2:]) - np.maximum(low, boxes[None, :, :2])
        touching = (overlap > [0.1 * content.capital, 0.45 * content.capital]).all(-1)
        assert touching.sum() == len(boxes), "a word touches itself alone"
        for left, top, right, bottom in content.lines:
            if bottom - top > right - left:
                inside = (boxes[:, 0] + 1 < left) & (boxes[:, 2] - 1 > right)
                level = (boxes[:, 3] > top + 1) & (boxes[:, 1] < bottom - 1)
                assert not (inside & level).any()


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_the_seed_decides(drawing: Drawing, pool: PatchPool) -> None:
    first, again = _drawn(drawing, pool, 3), _drawn(drawing, pool, 3)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.block.patches, other.block.patches)
        assert one.lines == other.lines


def test_tables_have_columns_rules_and_short_words_alone(pool: PatchPool) -> None:
    contents = _drawn(table, pool, 40)
    ruled = np.mean([len(content.lines) > 2 for content in contents])
    assert 0.5 < ruled < 0.98
    assert any(content.fields for content in contents)
    words = [pool.texts[patch] for content in contents for patch in content.block.patches.tolist()]
    assert sum(len(word) <= 2 for word in words) > 0.1 * len(words)


def test_forms_have_boxes_or_lines(pool: PatchPool) -> None:
    assert all(len(content.lines) >= 3 for content in _drawn(form, pool))


def test_labels_are_small_and_have_sizes_by_turns(pool: PatchPool) -> None:
    for content in _drawn(label, pool):
        left, _, right, _ = content.block.bounds
        assert right - left <= 0.9 * SIZE
    heights = [_boxes(content, pool) for content in _drawn(label, pool)]
    ratio = [float(np.ptp(np.log(box[:, 3] - box[:, 1]))) for box in heights if len(box) > 2]
    assert np.median(ratio) > 0.4
