# ruff: noqa: RUF001
import re
import string
from collections import Counter
from functools import partial

from spotter.model.charset import LATIN_AND_GREEK
from spotter.training.synthesis.texts import notation
from tests.training.synthesis.texts.drawing import drawn


def test_tokens_of_programs() -> None:
    texts = drawn(notation.source, 4000)
    assert all(text.isascii() for text in texts)
    for form in (
        r".*[a-z_]+\(x\).*",
        r"!=|->|\{\}|==",
        r"</[a-z0-9]+>",
        r"--[a-z]+=\d+",
        r"\$\{\w+\}",
        r"std::\w+.*",
        r"self\.\w+\(.*",
        r'"\w+":',
        r"[A-Z]+_[A-Z]+.*",
        r"[a-z]+[A-Z]\w+.*",
    ):
        assert any(re.fullmatch(form, text) for text in texts), form


def test_formulas_of_substances() -> None:
    element = (
        "(?:PM|H|He|Li|Be|B|C|N|O|F|Ne|Na|Mg|Al|Si|P|S|Cl|Ar|K|Ca"
        "|Ti|Cr|Mn|Fe|Co|Ni|Cu|Zn|As|Br|Ag|Sn|I|Ba|Pt|Au|Hg|Pb|U)"
    )
    form = re.compile(rf"(?:{element}[\d.₀₁₂₃₄₅₆₇₈₉]*)+(?:[²³]?[⁺⁻])?")
    texts = drawn(notation.chemical, 2000)
    assert all(form.fullmatch(text) for text in texts)
    assert {"H₂O", "CO₂", "CO2", "H2SO4"} <= set(texts)


def test_pieces_of_formulas() -> None:
    texts = drawn(notation.maths, 4000)
    assert all(re.search(r"[^\w\s]|[²³⁴ⁿ₀₁₂\d]|^\w$", text) for text in texts)
    for form in (
        r"\w=.+",
        r"\w²",
        r"≤.+|≥.+",
        r"√.+",
        r"10⁻.",
        r"f\(.+\)",
        r"\w→.+",
        r"[αβγπσ].*",
        r".+[<>]0\.\d+",
        r".+×.+",
    ):
        assert any(re.fullmatch(form, text) for text in texts), form


def test_roman_numerals_are_well_formed() -> None:
    form = re.compile(r"\(?M{0,2}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})\)?[.,:)]?", re.IGNORECASE)
    texts = drawn(notation.roman)
    assert all(form.fullmatch(text) and re.search(r"[a-z]", text, re.IGNORECASE) for text in texts)
    assert {"IV", "XIX"} <= {text.strip("().,:").upper() for text in texts}


def test_list_markers() -> None:
    form = re.compile(
        r"\d{1,2}(?:\.\)?|\)|:)|[a-hA-H][.)]|\((?:\d{1,2}|[a-hA-H])\)|\d{1,2}(?:\.\d{1,2})+[.)]?|\[\d+\]|[¹²³⁴*†]"
        r"|(?:§|No\.|Nr\.|№|Nº|n°|#|Art\.|p\.|S\.|Fig\.|Abb\.)\d+|\W"
    )
    texts = drawn(notation.marker, 3000)
    assert all(form.fullmatch(text) for text in texts)
    assert {"•", "–", "1.", "a)", "✓", "☐", "(b)"} <= set(texts)


def test_single_letters_and_digits_and_few_whose_case_cannot_be_seen() -> None:
    texts = drawn(notation.single, 6000)
    assert all(len(text) == 1 and text.isalnum() for text in texts)
    assert set(string.ascii_uppercase + string.digits) <= set(texts)
    counts = Counter(texts)
    assert sum(counts[letter] for letter in "cosvwxz") < 0.35 * sum(counts[letter] for letter in "COSVWXZ")


def test_punctuation_alone() -> None:
    texts = drawn(notation.sign, 3000)
    assert all(re.fullmatch(r"[^\w\s]+|_", text) and len(text) <= 3 for text in texts)
    assert set(":-&=/%*#+@|.!") <= set(texts)


def test_symbols_stand_alone_in_rows_and_at_words() -> None:
    symbols = [character for character in LATIN_AND_GREEK if not character.isascii() and not character.isalnum()]
    texts = drawn(partial(notation.symbol, symbols=symbols), 6000)
    assert set(texts) >= set(symbols)
    assert "★★★★☆" in texts
    assert any(re.fullmatch(r"[A-Z][a-z]+™", text) for text in texts)
    assert any(re.fullmatch(r"©\d{4}", text) for text in texts)


def test_jumbles_hold_every_character() -> None:
    everything = LATIN_AND_GREEK.replace(" ", "")
    texts = drawn(partial(notation.jumble, characters=everything, ascii_characters="ab"), 6000)
    assert set("".join(texts)) == set(everything)
    assert {len(text) for text in texts} == set(range(1, 9))
    assert 0.35 < sum(set(text) <= set("ab") for text in texts) / 6000 < 0.45
