from pathlib import Path

from spotter.model.charset import LATIN_AND_GREEK
from spotter.training.synthesis.texts.languages import ACCENTED, GREEK, read_list, word_lists


def test_the_short_lists_are_written_in_the_charset() -> None:
    assert len(ACCENTED) >= 25
    for language, words in {**ACCENTED, "el": GREEK}.items():
        assert all(set(word) <= set(LATIN_AND_GREEK) for word in words), language
        assert any(not word.isascii() for word in words), language
    assert len(GREEK) > 150


def test_lists_are_decoded_whatever_their_encoding(tmp_path: Path) -> None:
    words = "straße\nÅngström\nl'été\nMarie-José\nx\n42\nabc1\n"
    (tmp_path / "utf8").write_bytes(words.encode("utf-8"))
    (tmp_path / "latin").write_bytes(words.encode("latin-1"))
    expected = ("straße", "Ångström", "l'été", "Marie-José")
    assert read_list(tmp_path / "utf8") == expected
    assert read_list(tmp_path / "latin") == expected


def test_of_very_long_lists_a_part_is_read(tmp_path: Path) -> None:
    (tmp_path / "polish").write_text(
        "\n".join(f"słowosłowo{chr(97 + n % 26)}" for n in range(1_000_000)), encoding="utf-8"
    )
    words = read_list(tmp_path / "polish")
    assert 300_000 < len(words) < 600_000


def test_the_lists_of_a_machine_are_found(tmp_path: Path) -> None:
    (tmp_path / "french").write_text("été\nhôtel\n", encoding="utf-8")
    (tmp_path / "swedish").write_bytes("räksmörgås\n".encode("latin-1"))
    assert word_lists(tmp_path) == {"fr": ("été", "hôtel"), "sv": ("räksmörgås",)}
    assert word_lists(tmp_path / "nothing") == {}
