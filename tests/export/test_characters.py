import pytest

from spotter.export.characters import described
from spotter.model.charset import LATIN_AND_GREEK, PRINTABLE_ASCII


@pytest.mark.parametrize(
    ("charset", "words"),
    [
        (PRINTABLE_ASCII, "printable ASCII"),
        ("abc1\u00e9", "5 characters: Latin letters, digits, punctuation and symbols"),
        ("1.2", "3 characters: digits, punctuation and symbols"),
        ("a\u03b1\u0431", "3 characters: Latin, Greek and Cyrillic letters, digits, punctuation and symbols"),
        ("a\u4e2d\u3042", "3 characters: Latin, Chinese and Japanese letters, digits, punctuation and symbols"),
    ],
)
def test_characters_are_described_by_their_scripts(charset: str, words: str) -> None:
    assert described(charset) == words


def test_the_accurate_readers_characters_are_latin_and_greek() -> None:
    assert described(LATIN_AND_GREEK).endswith(": Latin and Greek letters, digits, punctuation and symbols")
