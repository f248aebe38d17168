"""Kinds of words by a table made by hand."""

import pytest

from spotter.training.evaluation.kinds import KINDS, kinds

TABLE = [
    ("house EXIT of McDonald don't l\u2019art", {"plain"}),
    ("7000 2019 -5 007", {"integer"}),
    ("24,100 1,234,567 1.234.567 12'000 1,00,000", {"thousands"}),
    ("1.09 0,5 .75 24.100 0,125 -3.5", {"decimal"}),
    ("1,234.56 1.234,56 12'000.50", {"thousands", "decimal"}),
    ("5/10/1019 2024-02-29 31.12.99 12-Jan-2020 Jan-12 3/4/21 1999/12/31", {"date"}),
    ("15% +3%", {"percentage"}),
    ("1.0% 0,5%", {"percentage", "decimal"}),
    ("24g 5mg 500ML 60W 20°C 100m² 30km/h", {"unit"}),
    ("1.5l", {"unit", "decimal"}),
    ("1,200kg", {"unit", "thousands"}),
    ("$5 5€ EUR20 -$7 12,-", {"currency"}),
    ("RM12.00 12,50€ US$3.99 -£0.99", {"currency", "decimal"}),
    ("$24,100", {"currency", "thousands"}),
    ("12:30 555-1234 1/2 10-20 1.2.3 +44(0)20 5/40/1999 13/13/1999 #12 1,2,3", {"other number"}),
    ("PL8TE A4 COVID-19 13th 5B 2018A 1950s X1.5 e3b0c442 Jan12x", {"code"}),
    ("www.example.it example.com a.b@c.org x.co.uk/a?b=1 EXAMPLE.COM", {"URL or mail"}),
    ("https://example.com/path", {"URL or mail", "17 and more characters"}),
    ("1b4e28ba-2fa1-11d2-883f", {"code", "17 and more characters"}),
    ("internationalisat", {"17 and more characters"}),
    ("internationalisa", {"plain"}),
    ("well-known conver- Jean-Luc", {"hyphenated"}),
    ("été Straße Øre Łódź", {"accented"}),
    ("peut-être", {"accented", "hyphenated"}),
    ("déjà,", {"accented", "end punctuation"}),
    ("I a & -", {"single character"}),
    ("7", {"single character", "integer"}),
    ("é", {"single character", "accented"}),
    ('House. (Stop) why? end" fin»', {"end punctuation"}),
    ("7.354.", {"end punctuation", "decimal"}),
    ("24,100;", {"end punctuation", "thousands"}),
    ("(15%)", {"end punctuation", "percentage"}),
    ("1970, (12)", {"end punctuation", "integer"}),
    ("well-known,", {"end punctuation", "hyphenated"}),
    ("A4.", {"end punctuation", "code"}),
    ("-- A/B U.S λόγος (Stop ...", {"other"}),
]


@pytest.mark.parametrize(("word", "expected"), [(word, kind) for words, kind in TABLE for word in words.split()])
def test_the_kinds_of_a_word(word: str, expected: set[str]) -> None:
    assert kinds(word) == expected


def test_the_table_has_every_kind() -> None:
    assert {kind for _, expected in TABLE for kind in expected} == set(KINDS)


def test_a_transcript_of_several_words_is_of_the_kinds_of_each() -> None:
    assert kinds("Total 12.50 15%") == {"plain", "decimal", "percentage"}
    assert kinds("") == frozenset()


def test_a_letter_and_its_mark_apart_are_an_accented_letter() -> None:
    assert kinds("e\u0301te\u0301") == {"accented"}
