from pathlib import Path

import pytest

from spotter.reading.lexicons import WORDS, Lexicon, LexiconError, read_lexicons
from spotter.reading.patterns import Pattern
from spotter.reading.wording import Wording

DIGITS = Wording(frozenset("0123456789"))


@pytest.mark.parametrize(
    ("read", "fitting"),
    [("1234", "1234"), ("12O4", "1204"), ("O0I55", "00155"), ("Bill", None), ("I", None), ("12m", None), ("1OO", None)],
)
def test_look_alikes_are_replaced_where_at_least_half_of_the_word_stays(read: str, fitting: str | None) -> None:
    assert DIGITS.fit(read) == fitting
    assert DIGITS.fit(read, exact=True) == (read if read.isdigit() else None)


def test_a_pattern_tells_letters_from_digits_by_their_places() -> None:
    plates = Wording(pattern=Pattern(r"[A-Z]{1,3}-[A-Z]{1,2}\d{1,4}"))
    assert plates.fit("B0-AB1O8") == "BO-AB108"
    assert plates.fit("HH-AB108") == "HH-AB108"
    assert plates.fit("Hamburg") is None
    assert Wording(frozenset("ABHO-0123456789"), plates.pattern).fit("HH-Z10") is None, "both hold"


def test_no_more_than_four_characters_are_changed() -> None:
    assert DIGITS.fit("1OOOO111111") == "10000111111"
    assert DIGITS.fit("1OOOOO11111") is None


def test_words_of_a_list_are_kept_as_they_are_printed() -> None:
    signs = Wording(lexicon=Lexicon(["Exit", "PUSH", "Bo", "B0", "it's"]))
    for text in ("exit", "EXIT", "Exit,", "(Push)", "it's", "bo"):
        assert signs.fit(text) == text
    assert signs.fit("EX1T,") == "Exit,"
    assert signs.fit("EX1T", exact=True) is None
    assert signs.fit("8O") is None, "two words of the list look like it"
    assert signs.fit("Pull") is None
    assert signs.fit("...") is None


def test_lists_are_read_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "signs.txt").write_text("Exit\n\n Größe \n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("no list")
    lists = read_lexicons(tmp_path)
    assert list(lists) == ["signs"]
    assert lists["signs"].fit("GRÖSSE") is None
    assert lists["signs"].fit("größe") == "größe"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a b.txt", b"", "a name"),
        ("a.txt", b"two words", "without spaces"),
        ("a.txt", b"\xff", "a.txt"),
        ("a.txt", b"x" * 65, "64"),
    ],
)
def test_what_is_no_list_is_refused_by_name(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LexiconError, match=message):
        read_lexicons(tmp_path)
    with pytest.raises(LexiconError, match="nowhere"):
        read_lexicons(tmp_path / "nowhere")


def test_a_list_has_a_bound() -> None:
    with pytest.raises(LexiconError, match=str(WORDS)):
        Lexicon(map(str, range(WORDS + 1)))
