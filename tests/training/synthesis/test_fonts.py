import string
from pathlib import Path

import numpy as np
import pytest

from spotter.training.synthesis import fonts
from spotter.training.synthesis.fonts import FontFace, find_fonts, inspect, weighted
from tests.training.synthesis.made_fonts import made_font

ASCII = string.ascii_letters + string.digits + string.punctuation


def _face(family: str, style: str = "Regular", display: bool = False, writes: str = "text") -> FontFace:
    return FontFace(f"/{family}-{style}.ttf", family, style, mono=False, display=display, writes=writes)


def test_the_face_of_pillow_is_the_fallback(tmp_path: Path) -> None:
    found = find_fonts([tmp_path], usual=False)
    assert [face.path for face in found.faces] == [None]
    assert found.faces[0].name
    assert found.odds.tolist() == [1.0]
    assert found.faces[0].open(30).getlength("W") > found.faces[0].open(15).getlength("W")


def test_a_face_knows_what_it_writes(tmp_path: Path) -> None:
    face = inspect(made_font(tmp_path / "a.ttf", ASCII + "é€"))
    assert face is not None
    assert face.writes == "text"
    assert face.characters == set(ASCII + "é€")


def test_missing_blank_and_unaccented_glyphs_are_not_written(tmp_path: Path) -> None:
    same = {"é": "e", "ň": "n", "Ω": "Ω"}
    face = inspect(made_font(tmp_path / "a.ttf", ASCII + "".join(same), same_as=same, blank="#"))
    assert face is not None
    assert face.characters == set(ASCII + "Ω") - {"#"}


def test_most_letters_and_digits_are_enough(tmp_path: Path) -> None:
    assert inspect(made_font(tmp_path / "a.ttf", ASCII.replace("q", "").replace("|", ""))) is not None
    assert inspect(made_font(tmp_path / "b.ttf", "abcdefgr0123456789")) is None
    assert inspect(made_font(tmp_path / "c.ttf", ASCII.replace("7", ""))) is None


def test_capitals_for_small_letters_are_no_small_letters(tmp_path: Path) -> None:
    capitals = {letter: letter.upper() for letter in "abcdefghijklmnopqrstuvwxyzé"}
    face = inspect(made_font(tmp_path / "a.ttf", ASCII + "éÉß", same_as=capitals))
    assert face is not None
    assert face.writes == "capitals"
    assert face.characters == {*ASCII.upper(), "É"}


def test_without_small_letters_it_is_a_face_of_capitals(tmp_path: Path) -> None:
    face = inspect(made_font(tmp_path / "a.ttf", string.ascii_uppercase + string.digits + ".-"))
    assert face is not None
    assert (face.writes, set(face.characters)) == ("capitals", set(string.ascii_uppercase + string.digits + ".-"))


def test_seven_segments_write_digits(tmp_path: Path) -> None:
    face = inspect(made_font(tmp_path / "DSEG7Classic.ttf", ASCII, family="DSEG7 Classic"))
    assert face is not None
    assert face.writes == "digits"
    assert face.characters == set("0123456789.:-")


@pytest.mark.parametrize("family", ["Noto Sans Symbols", "Weather", "Biolinum Keyboard"])
def test_fonts_of_symbols_are_left_out(tmp_path: Path, family: str) -> None:
    assert inspect(made_font(tmp_path / "a.ttf", ASCII, family=family)) is None


def test_one_face_of_two_files_is_taken(tmp_path: Path) -> None:
    made_font(tmp_path / "a.ttf", ASCII)
    made_font(tmp_path / "b.ttf", ASCII)
    made_font(tmp_path / "c.ttf", ASCII, family="Other")
    assert sorted(face.family for face in find_fonts([tmp_path], usual=False).faces) == ["Made", "Other"]


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


def test_faces_that_are_not_for_plain_text_are_few() -> None:
    several = weighted(
        [
            _face("Sans"),
            _face("Lobster", display=True),
            _face("Pacifico", display=True),
            _face("Bebas", writes="capitals"),
            _face("DSEG7", writes="digits", display=True),
        ]
    )
    np.testing.assert_allclose(several.odds, [0.83, 0.06, 0.06, 0.03, 0.02])
    np.testing.assert_allclose(weighted([_face("Sans"), _face("Lobster", display=True)]).odds, [83 / 95, 12 / 95])


def test_only_display_faces_are_all_there_is() -> None:
    np.testing.assert_allclose(weighted([_face("Lobster", display=True)]).odds, [1.0])


def test_drawing_follows_the_odds() -> None:
    several, rng = weighted([_face("Sans"), _face("Lobster", display=True)]), np.random.default_rng(0)
    drawn = np.array([several.draw(rng) for _ in range(2000)])
    assert 0.1 < drawn.mean() < 0.155
