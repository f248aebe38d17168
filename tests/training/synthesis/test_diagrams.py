from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.training.synthesis import PatchPool
from spotter.training.synthesis.arrange import Styles
from spotter.training.synthesis.diagrams import chart, drawing
from spotter.training.synthesis.layout import corners, transform
from spotter.training.synthesis.tables import Content

SIZE = 400
Diagram = Callable[[np.random.Generator, PatchPool, Styles, int, float], Content]


def _drawn(diagram: Diagram, pool: PatchPool, count: int = 25) -> list[Content]:
    styles, rng = Styles(pool), np.random.default_rng(0)
    return [diagram(rng, pool, styles, SIZE, 1.0) for _ in range(count)]


def _quads(content: Content, pool: PatchPool) -> NDArray[np.float64]:
    """[N, 4, 2], clockwise from where the word's first letter has its top left corner, in the page's plane."""
    return np.asarray(transform(content.block.frames, corners(pool.quads[content.block.patches])), np.float64)


@pytest.mark.parametrize("diagram", [chart, drawing])
def test_words_of_diagrams_do_not_touch(diagram: Diagram, pool: PatchPool) -> None:
    for content in _drawn(diagram, pool):
        quads = _quads(content, pool)
        low, high = quads.min(1), quads.max(1)
        overlap = np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None])
        touching = (overlap > 0.45 * content.capital).all(-1)
        np.fill_diagonal(touching, False)
        assert not touching.any()


def test_the_title_of_a_chart_s_upright_axis_runs_up_on_the_left(pool: PatchPool) -> None:
    found = 0
    for content in _drawn(chart, pool):
        quads = _quads(content, pool)
        along = quads[:, 1] - quads[:, 0]
        upright = np.abs(along[:, 0]) < 1e-6
        outer = np.flatnonzero(upright & (quads[..., 0].max(1) < quads[..., 0][~upright].min()))
        found += bool(len(outer)) and bool((along[outer, 1] < 0).all())
    assert found >= 15


def test_labels_of_drawings_run_in_all_four_directions(pool: PatchPool) -> None:
    quads = np.concatenate([_quads(content, pool) for content in _drawn(drawing, pool)])
    along = quads[:, 1] - quads[:, 0]
    np.testing.assert_allclose(np.abs(along).min(1), 0, atol=1e-4)
    right, down, left, up = (
        float(share)
        for share in np.mean([along[:, 0] > 1, along[:, 1] > 1, along[:, 0] < -1, along[:, 1] < -1], axis=1)
    )
    assert right > up > down > left > 0.01
    assert up > 0.2
