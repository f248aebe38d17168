from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotter.training.evaluation.lexicon import Lexicon, edit_distance


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0), ("flaw", "lawn", 2), ("ab", "ba", 2)],
)
def test_edit_distance(first: str, second: str, distance: int) -> None:
    assert edit_distance(first, second) == edit_distance(second, first) == distance


WORDS = st.text("abc", min_size=3, max_size=7)


@settings(deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=12), WORDS)
def test_the_nearest_word_is_found(words: list[str], reading: str) -> None:
    corrected = Lexicon(words, farthest=10.0).correct(reading)
    best = min(edit_distance(word, reading) for word in words)
    nearest = next(word for word in words if edit_distance(word, reading) == best)
    assert corrected.lower() == nearest


def test_far_readings_stay() -> None:
    lexicon = Lexicon(["restaurant"])
    assert lexicon.correct("restauramt") == "RESTAURANT"
    assert lexicon.correct("rest") == "rest"


def test_known_words_keep_their_case() -> None:
    assert Lexicon(["Exit"]).correct("eXit") == "eXit"


@pytest.mark.parametrize("reading", ["EX1T", "ET", "12:30"])
def test_numbers_and_short_readings_stay(reading: str) -> None:
    assert Lexicon(["exit", "eat"]).correct(reading) == reading


def test_punctuation_at_the_ends_stays() -> None:
    assert Lexicon(["parking"]).correct("(Parkimg!)") == "(PARKING!)"


def test_a_file_of_words(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("exit\n\nEXIT\nentry\ncaf\u00e9\n", encoding="utf-8")
    assert len(Lexicon.load(tmp_path / "words.txt")) == 2
