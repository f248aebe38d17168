# ruff: noqa: RUF001
import re
from functools import partial

import pytest

from spotter.model.charset import LATIN_AND_GREEK
from spotter.training.synthesis.texts import numbers
from tests.training.synthesis.texts.drawing import drawn

SIGN = r"[-+±−~<>≈(]?"


def test_groups_are_of_three_or_as_in_india() -> None:
    three = re.compile(rf"{SIGN}\d{{1,3}}(?:,\d{{3}})+(?:\.\d\d)?\)?|{SIGN}\d{{1,3}}(?:[.'’]\d{{3}})+(?:[,.]\d\d)?\)?")
    india = re.compile(rf"{SIGN}\d{{1,2}}(?:,\d{{2}})+,\d{{3}}(?:\.\d\d)?\)?")
    texts = drawn(numbers.grouped, 2000)
    assert all(three.fullmatch(text) or india.fullmatch(text) for text in texts)
    assert sum(not three.fullmatch(text) for text in texts) > 40


def test_neither_separator_can_be_guessed() -> None:
    texts = drawn(numbers.grouped, 6000)
    commas, points = (
        sum(bool(re.fullmatch(rf"\d{{1,3}}{mark}\d{{3}}", text)) for text in texts) for mark in (",", r"\.")
    )
    assert 0.85 < commas / points < 1.18
    texts = drawn(numbers.decimal, 6000)
    commas, points = (sum(bool(re.fullmatch(rf"\d+{mark}\d+", text)) for text in texts) for mark in (",", r"\."))
    assert 0.85 < commas / points < 1.18
    texts = drawn(partial(numbers.amount, currency=0.0, cents=1.0), 6000)
    commas, points = (sum(bool(re.fullmatch(rf"\d+{mark}\d\d", text)) for text in texts) for mark in (",", r"\."))
    assert 0.85 < commas / points < 1.18


def test_decimals_and_powers() -> None:
    plain = re.compile(rf"{SIGN}\d*[.,]\d{{1,6}}\)?")
    power = re.compile(r"\d(?:\.\d+)?[eE][-+]?0?\d|\d[.,]\d+[×·]10⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
    texts = drawn(numbers.decimal, 2000)
    assert all(plain.fullmatch(text) or power.fullmatch(text) for text in texts)
    assert 0.05 < sum(bool(power.fullmatch(text)) for text in texts) / 2000 < 0.2
    assert {"-", "0"} <= {text[0] for text in texts}


def test_fractions_ratios_and_products() -> None:
    form = re.compile(r"\d+/\d+|\d*[½¼¾]|\d-\d/\d+|\d+:\d+|\d+(?:[x×X*]\d+)+(?:[cm]?m|px)?")
    assert all(form.fullmatch(text) for text in drawn(numbers.fraction))


def test_percentages() -> None:
    form = re.compile(r"\(?(?:[-+±~≈<>≤≥]|\d+[-–])?\d+(?:[.,]\d+)?[%‰]\)?[,.;:]?")
    texts = drawn(numbers.percentage)
    assert all(form.fullmatch(text) for text in texts)
    assert any(re.fullmatch(r"\d+\.\d%", text) for text in texts)


def test_units_follow_their_number() -> None:
    texts = drawn(numbers.unit, 4000)
    with_number = [text for text in texts if re.match(r"[-+<>±~Ø⌀]?\d+(?:[-–/.,]\d+)?\D", text)]
    assert 0.8 < len(with_number) / len(texts) < 0.95
    for unit in ("g", "mg", "mm", "V", "Hz", "°C", "µF", "kΩ", "m²"):
        assert any(re.fullmatch(rf"\d[\d.,]*{unit}", text) for text in texts), unit
        assert any(text in (unit, f"({unit})", f"[{unit}]") for text in drawn(numbers.unit, 20000)), unit


@pytest.mark.parametrize(("currency", "cents"), [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.8, 0.5)])
def test_amounts_have_currencies_and_cents_as_often_as_asked(currency: float, cents: float) -> None:
    texts = drawn(partial(numbers.amount, currency=currency, cents=cents), 2000)
    amount = r"[-+(]?\d*(?:[.,']?\d{3})*(?:[.,]\d\d)?\)?"
    of_thousands = r"(?:k|K|m|M|bn|Mio\.|B)?"
    rounded = r"(?:CHF|€)?\d[\d.,']*(?:[.,][-–]|:-|/-)"
    form = re.compile(rf"\D{{0,3}}{amount}{of_thousands}[^\d\s]{{0,4}}|{rounded}")
    assert all(form.fullmatch(text) for text in texts), [text for text in texts if not form.fullmatch(text)]
    with_cents = sum(bool(re.search(r"[.,]\d\d(?!\d)", text)) for text in texts) / 2000
    assert with_cents == pytest.approx(cents, abs=0.05)
    signs = re.compile(r"[^-+().,'\d:/–kKmMbnio]|B")
    assert sum(bool(signs.search(text)) for text in texts) / 2000 == pytest.approx(
        currency, abs=0.2 if cents < 1 else 0.08
    )


def test_every_currency_of_the_charset_occurs_before_or_after() -> None:
    texts = drawn(partial(numbers.amount, currency=1.0, cents=0.8), 30000)
    signs = [sign for sign in LATIN_AND_GREEK if sign in "$¢£¤¥" or "\u20a0" <= sign <= "\u20bf"]
    assert len(signs) > 30
    seen = set("".join(texts))
    assert seen.issuperset(signs)
    assert any(text.endswith("€") for text in texts)
    assert any(text.startswith("€") for text in texts)
    for code in ("CHF", "kr", "zł"):
        assert any(code in text for text in texts), code


def test_ordinals() -> None:
    form = re.compile(r"\d+(?:st|nd|rd|th|\.|er?|ème|[ºª°oa])", re.IGNORECASE)
    texts = drawn(numbers.ordinal, 2000)
    assert all(form.fullmatch(text) for text in texts)
    assert {"11th", "21st", "2nd"} <= {text.lower() for text in texts}
    assert not {"11st", "12nd", "1th", "3th"} & set(texts)
