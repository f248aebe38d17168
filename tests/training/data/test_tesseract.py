from pathlib import Path

import numpy as np
import pytest

from spotter.training.data.tesseract import OWN, TesseractError, parse, read, require, version
from tests.training.data.fake_tesseract import LISTING, install


def test_words_of_its_table() -> None:
    (word,) = parse(LISTING)
    assert (word.text, word.box, word.score) == ("EXIT", (10, 20, 40, 32), 0.965)
    assert word.polygon.tolist() == [[10, 20], [40, 20], [40, 32], [10, 32]]


def test_the_program_is_given_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    (word,) = read(pixels, 2, "eng+deu", OWN)
    assert word.text == "EXIT"
    assert (tmp_path / "asked").read_text() == "2 stdin stdout -l eng+deu --psm 3 tsv\n"
    assert (tmp_path / "picture").read_bytes() == b"P6 6 4 255\n" + pixels.tobytes()


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    assert require("eng+deu") == version() == "5.3.0"
    with pytest.raises(TesseractError, match="lacks the language fra, lat; it has deu, eng"):
        require("fra+eng+lat")
    (tmp_path / "tesseract").unlink()
    assert version() is None
    with pytest.raises(TesseractError, match="not installed"):
        require()
