import numpy as np
import pytest

from spotter.training.synthesis.fonts import FontSet
from spotter.training.synthesis.render import MARGIN, Style, draw_style, render

PLAIN = Style(0, 40)


@pytest.mark.parametrize("text", ["Exit", "jumpy", "-", "W.", "$12.50"])
def test_the_ink_lies_in_the_quad_and_the_border_is_empty(own_font: FontSet, text: str) -> None:
    patch = render(text, own_font.faces[0].open(40), PLAIN)
    assert patch is not None
    left, top, right, bottom = patch.quad
    rows, columns = np.nonzero(patch.alpha > 60)
    assert left <= columns.min()
    assert columns.max() + 1 <= right
    assert top <= rows.min()
    assert rows.max() + 1 <= bottom
    height, width = patch.alpha.shape
    assert height % 4 == 0
    assert width % 4 == 0
    assert min(left, top, width - right, height - bottom) >= MARGIN - 1


def test_characters_lie_between_their_boundaries(own_font: FontSet) -> None:
    text = "Il8.l"
    patch = render(text, own_font.faces[0].open(60), Style(0, 60, tracking=0.3))
    assert patch is not None
    assert len(patch.boundaries) == len(text) + 1
    assert (np.diff(patch.boundaries) > 0).all()
    gaps = patch.alpha.max(0) == 0
    for boundary in patch.boundaries[1:-1]:
        assert gaps[int(boundary) - 3], "tracked letters stand apart, and a boundary ends the gap"
    whole = patch.alpha.sum()
    inside = patch.alpha[:, int(patch.boundaries[0]) : int(patch.boundaries[-1]) + 2].sum()
    assert inside / whole > 0.99


def test_tracking_widens_and_stroke_thickens(own_font: FontSet) -> None:
    font = own_font.faces[0].open(40)
    plain, wide = render("Word", font, PLAIN), render("Word", font, Style(0, 40, tracking=0.2))
    bold = render("Word", font, Style(0, 40, stroke=0.05))
    assert plain is not None
    assert wide is not None
    assert bold is not None
    assert wide.alpha.shape[1] > plain.alpha.shape[1] + 3 * 0.2 * 40 - 4
    assert bold.alpha.sum(dtype=int) > 1.2 * plain.alpha.sum(dtype=int)


def test_a_dash_is_as_tall_as_a_small_letter(own_font: FontSet) -> None:
    font = own_font.faces[0].open(40)
    dash, letter = render("-", font, PLAIN), render("x", font, PLAIN)
    assert dash is not None
    assert letter is not None
    assert dash.quad[3] - dash.quad[1] == pytest.approx(letter.quad[3] - letter.quad[1], abs=2)


def test_nothing_to_see_is_none(own_font: FontSet) -> None:
    assert render(" ", own_font.faces[0].open(40), PLAIN) is None


@pytest.mark.parametrize("arc", [0.12, -0.12])
def test_bent_ink_stays_in_its_quad(own_font: FontSet, arc: float) -> None:
    font = own_font.faces[0].open(40)
    straight, bent = render("ROUNDABOUT", font, PLAIN), render("ROUNDABOUT", font, Style(0, 40, arc=arc))
    assert straight is not None
    assert bent is not None
    left, top, right, bottom = bent.quad
    assert bottom - top > straight.quad[3] - straight.quad[1] + 10
    inside = bent.alpha[int(top) : int(bottom) + 1, int(left) : int(right) + 1].sum(dtype=int)
    assert inside / bent.alpha.sum(dtype=int) > 0.99
    assert inside == pytest.approx(straight.alpha.sum(dtype=int), rel=0.05), "bending keeps the ink"


def test_styles_are_mostly_plain() -> None:
    rng = np.random.default_rng(0)
    styles = [draw_style(rng, 0, display=False) for _ in range(1000)]
    assert np.mean([style.tracking == 0 for style in styles]) > 0.6
    assert np.mean([style.arc == 0 for style in styles]) > 0.9
    assert {34 <= style.size < 112 for style in styles} == {True}
