import base64
import re
import uuid

import pytest

from spotter.training.synthesis.texts import identifiers
from tests.training.synthesis.texts.drawing import drawn


def test_codes_are_short_letters_and_digits() -> None:
    form = re.compile(r"[A-Za-z0-9]{2,9}|[A-Z]{1,3}[-/_]\d{2,6}|0x[0-9A-F]{2,8}")
    assert all(form.fullmatch(text) for text in drawn(identifiers.code))


def test_serial_numbers_mix_what_is_taken_for_one_another() -> None:
    texts = drawn(identifiers.serial, 3000)
    marked = re.compile(r"(?:[A-Z/#][A-Za-z/]*[.:]?)?[A-Za-z0-9./_-]{2,}")
    assert all(marked.fullmatch(text) for text in texts)
    for first, second in ("O0", "1I", "S5", "8B", "Z2"):
        both = sum(first in text and second in text for text in texts) / len(texts)
        assert both > 0.06, (first, second)


def test_plates_mix_letters_and_digits() -> None:
    texts = drawn(identifiers.plate)
    assert all(re.fullmatch(r"(?=.*\d)(?=.*[A-Z])[A-Z0-9·-]{5,10}", text) for text in texts)
    assert len({re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", text)) for text in texts}) > 12


def test_check_digits_are_those_of_the_standard() -> None:
    # The specimen of ICAO Doc 9303, part 4.
    assert identifiers.check_digit("L898902C3") == "6"
    assert identifiers.check_digit("740812") == "2"
    assert identifiers.check_digit("120415") == "9"
    assert identifiers.check_digit("ZE184226B<<<<<") == "1"


def test_passport_lines_have_their_length_and_check_digits() -> None:
    texts = drawn(identifiers.mrz, 1500)
    assert {len(text) for text in texts} == {30, 36, 44}
    assert all(re.fullmatch(r"[A-Z0-9<]+", text) for text in texts)
    passports = [text for text in texts if re.fullmatch(r".{9}\d[A-Z<]{3}\d{7}[MF<]\d{7}.{14}\d\d", text)]
    assert len(passports) > 150
    for text in passports:
        for field, digit in (
            (text[:9], text[9]),
            (text[13:19], text[19]),
            (text[21:27], text[27]),
            (text[28:42], text[42]),
        ):
            assert identifiers.check_digit(field) == digit, text
    assert any(re.match(r"P[<A-Z][A-Z<]{3}[A-Z]+(?:<[A-Z]+)?<<[A-Z]+<[A-Z]+<", text) for text in texts)


def test_identifiers_are_of_sixteen_bytes() -> None:
    for text in drawn(identifiers.guid):
        bare = text.removeprefix("urn:uuid:").strip("{}")
        assert len(bare) == 36
        assert str(uuid.UUID(bare)) == bare.lower()


def test_digests_are_hexadecimal() -> None:
    texts = drawn(identifiers.digest, 1500)
    form = re.compile(r"#[0-9a-fA-F]{6}|(?:0x|sha1:|md5:|#|@|commit/)?(?:[0-9a-f]{7,40}|[0-9A-F]{7,40})")
    assert all(form.fullmatch(text) for text in texts)
    assert {7, 8, 32, 40} <= {len(text) for text in texts}


def test_keys_are_long_and_mixed() -> None:
    texts = drawn(identifiers.key, 1500)
    form = re.compile(r"[A-Za-z0-9+/_-]{8,48}={0,2}")
    assert all(form.fullmatch(text) for text in texts)
    padded = [text for text in texts if text.endswith("=")]
    assert len(padded) > 100
    for text in padded:
        base64.b64decode(text, validate=True)
    assert sum(bool(re.fullmatch(r"(?:[A-Z0-9]{4,6}-){2,4}[A-Z0-9]{4,6}", text)) for text in texts) > 150


def test_account_numbers_pass_their_check() -> None:
    for text in drawn(identifiers.iban, 1000):
        if re.fullmatch(r"[A-Z]{6}[A-Z0-9]{2}(?:XXX)?", text):
            continue  # a bank's code
        assert re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", text)
        moved = text[4:] + text[:4]
        assert int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1, text


@pytest.mark.parametrize(("length", "weights"), [(8, range(8, 0, -1)), (10, range(10, 0, -1)), (13, (1, 3) * 7)])
def test_book_numbers_pass_their_check(length: int, weights: tuple[int, ...]) -> None:
    bare = [text.replace("-", "") for text in drawn(identifiers.isbn, 1500)]
    found = [text for text in bare if len(text) == length]
    assert len(found) > 80
    assert {len(text) for text in bare} == {8, 10, 13}
    for text in found:
        total = sum((10 if sign == "X" else int(sign)) * weight for sign, weight in zip(text, weights, strict=False))
        assert total % (10 if length == 13 else 11) == 0, text


def test_joined_names_have_underscores_between_words_codes_and_numbers() -> None:
    texts = drawn(identifiers.joined)
    assert all("_" in text for text in texts)
    assert any(re.fullmatch(r"[A-Z]{2,5}(_[A-Z]{2,5})*_\d{3,10}", text) for text in texts)
    assert any(re.fullmatch(r"[a-z]+(_[a-z]+)+", text) for text in texts)
    assert any(text.endswith(".pdf") for text in texts)


def test_captioned_values_follow_their_caption_without_a_space() -> None:
    for text in drawn(identifiers.captioned):
        found = re.fullmatch(r"([A-Za-z]+)(?::|\.:|#|=|/)(\S+)", text)
        assert found, text
        assert any(mark.isdigit() for mark in found[2]), text
