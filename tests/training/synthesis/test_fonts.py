from pathlib import Path

import numpy as np
import pytest

from spotter.training.synthesis import fonts
from spotter.training.synthesis.fonts import FontFace, find_fonts, inspect, weighted
from spotter.training.synthesis.words import PRINTABLE


def _face(family: str, style: str = "Regular", display: bool = False) -> FontFace:
    return FontFace(f"/{family}-{style}.ttf", family, style, mono=False, display=display)


def test_the_face_of_pillow_is_the_fallback(tmp_path: Path) -> None:
    found = find_fonts([tmp_path], usual=False)
    assert [face.path for face in found.faces] == [None]
    assert found.faces[0].name
    assert found.odds.tolist() == [1.0]
    assert found.faces[0].open(30).getlength("W") > found.faces[0].open(15).getlength("W")


def test_a_face_that_lacks_a_character_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inspect(None) is not None
    monkeypatch.setattr(fonts, "PRINTABLE", PRINTABLE + "\N{CJK UNIFIED IDEOGRAPH-4E2D}")
    assert inspect(None) is None


def test_a_file_that_is_no_font_is_left_out(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"not a font at all")
    assert inspect(broken) is None
    assert [face.path for face in find_fonts([tmp_path], usual=False).faces] == [None]


def test_no_face_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "inspect", lambda path: None)
    with pytest.raises(RuntimeError, match="no usable font"):
        find_fonts([tmp_path], usual=False)


def test_large_families_count_for_less_a_face() -> None:
    styles = ("Regular", "Bold", "Medium", "Black")
    several = weighted([_face("Sans", style) for style in styles] + [_face("Serif")])
    np.testing.assert_allclose(several.odds, [1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 3])


def test_slanted_and_thin_faces_are_rarer() -> None:
    styles = ("Regular", "Italic", "Thin", "Light Oblique")
    np.testing.assert_allclose(weighted([_face("Sans", style) for style in styles]).odds * 1.82, [1, 0.4, 0.3, 0.12])


def test_display_faces_are_a_tenth_together() -> None:
    several = weighted([_face("Sans"), _face("Lobster", display=True), _face("Pacifico", display=True)])
    np.testing.assert_allclose(several.odds, [0.9, 0.05, 0.05])


def test_only_display_faces_are_all_there_is() -> None:
    np.testing.assert_allclose(weighted([_face("Lobster", display=True)]).odds, [1.0])


def test_drawing_follows_the_odds() -> None:
    several, rng = weighted([_face("Sans"), _face("Lobster", display=True)]), np.random.default_rng(0)
    drawn = np.array([several.draw(rng) for _ in range(2000)])
    assert 0.07 < drawn.mean() < 0.13
