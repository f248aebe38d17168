# ruff: noqa: RUF001
import re

from spotter.training.synthesis.texts import dates
from tests.training.synthesis.texts.drawing import drawn


def test_dates_of_every_order_and_separator() -> None:
    numbers = re.compile(
        r"(\d{1,2})([/.-])\d{1,2}\2(\d{4}|\d\d)|\d{4}([/.-])\d\d\4\d\d|\d{8}|\d\d[/.-](\d{4}|\d\d)|\d{1,2}[/.]\d{1,2}\.?"
        r"|\d{4}[-–/](\d{4}|\d\d)|['’]\d\d|\d{3}0(?:'?s|er)"
    )
    named = re.compile(r"(?:\d{1,2}[-/.]?[^\W\d]+|[^\W\d]+[-/.]?\d{1,2})[-/.]?(\d{4}|\d\d)")
    texts = drawn(dates.date, 4000)
    assert all(numbers.fullmatch(text) or named.fullmatch(text) for text in texts)
    assert sum(bool(named.fullmatch(text)) for text in texts) > 300
    for form in (
        r"\d\d/\d\d/\d{4}",
        r"\d{4}-\d\d-\d\d",
        r"\d\.\d\.\d\d",
        r"\d\d-\d\d-\d\d",
        r"\d\d\.\d\.",
        r"\d\d[A-Z]{3}\d\d",
    ):
        assert any(re.fullmatch(form, text) for text in texts), form


def test_days_and_months_change_places() -> None:
    fields = [match for text in drawn(dates.date, 4000) if (match := re.fullmatch(r"(\d\d?)/(\d\d?)/\d{4}", text))]
    assert any(int(match[1]) > 12 for match in fields)
    assert any(int(match[2]) > 12 for match in fields)
    assert all(min(int(match[1]), int(match[2])) <= 12 and max(int(match[1]), int(match[2])) <= 31 for match in fields)


def test_months_and_days_have_names_in_several_languages() -> None:
    texts = drawn(dates.month, 4000)
    assert all(re.fullmatch(r"[^\W\d]+(?:-[^\W\d]+)?[.,:]?", text) for text in texts)
    assert {"März", "août", "Aralık", "października", "Ιουλίου", "MONDAY", "Wed"} <= set(texts)
    assert len(dates.MONTHS) >= 12


def test_times() -> None:
    clock = r"\d{1,2}[:.]\d\d"
    form = re.compile(
        rf"{clock}(?::\d\d)?|\d{{1,2}}(?:[:.]\d\d)?(?:[ap]m|[AP]M|[ap]\.m\.)|\d{{1,2}}h(?:\d\d)?|{clock}[-–]\d\d:\d\d|\d{{1,2}}:\d{{1,2}}\.\d+"
    )
    texts = drawn(dates.clock, 3000)
    assert all(form.fullmatch(text) for text in texts)
    hours = [int(match[1]) for text in texts if (match := re.fullmatch(r"(\d+):(\d\d)", text))]
    assert max(hours) == 23
    assert min(hours) == 0


def test_timestamps() -> None:
    day, time = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d:\d\d"
    form = re.compile(
        rf"{day}T{time}(?:\.\d{{3}})?(?:Z|[-+]\d\d:?\d\d)?|{day}_\d\d-\d\d-\d\d|\[\d\d/[A-Z][a-z]{{2}}/\d{{4}}:{time}"
        r"|\d{8}[T_-]?\d{6}Z?|\d{10}"
    )
    assert all(form.fullmatch(text) for text in drawn(dates.timestamp, 2000))
