import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotter.reading.patterns import Pattern, PatternError


def matches(pattern: str, text: str) -> bool:
    found = Pattern(pattern).fit([[(character, 0)] for character in text], 0)
    assert found in (None, text)
    return found is not None


PARTS = st.recursive(
    st.sampled_from(["a", "b", "c", ".", r"\d", "[ab]", "[^a]", "[b-d]", r"\."]),
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=3).map("".join),
        st.lists(parts, min_size=2, max_size=3).map(lambda each: f"({'|'.join(each)})"),
        st.tuples(parts, st.sampled_from(["?", "*", "+", "{2}", "{1,}", "{0,2}"])).map(
            lambda each: f"(?:{each[0]}){each[1]}"
        ),
    ),
    max_leaves=6,
)


@given(PARTS, st.text("abcd.5", max_size=6))
def test_a_pattern_means_what_regular_expressions_mean(pattern: str, text: str) -> None:
    assert matches(pattern, text) == (re.fullmatch(pattern, text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^[A-Z]{1,3}-\\d+$", "HH-123"),
        (r"\w+\$", "a_é9$"),
        ("[]x-]+", "]-x"),
        (r"[\d,]+", "1,2"),
        ("a|", ""),
        ("()*", ""),
    ],
)
def test_the_usual_notation_is_understood(pattern: str, text: str) -> None:
    assert matches(pattern, text)
    assert not matches(pattern, text + "~")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "no end"),
        (")", "no group"),
        ("[", "too early"),
        ("\\", "too early"),
        ("a{2", "count"),
        ("a{3,2}", "none"),
        ("a{0}", "none"),
        ("a{1000}", "count"),
        ("a**", "another count"),
        (r"\b", "not known"),
        ("*a", "means nothing"),
        ("[z-a]", "nothing from"),
        ("a" * 257, "256"),
        ("a{257}", "257 characters"),
        ("((((a{99}){99}){99}){99}){99}", "the most"),
        ("(" * 17 + "a" + ")" * 17, "in each other"),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_reason(pattern: str, message: str) -> None:
    began = time.monotonic()
    with pytest.raises(PatternError, match=message):
        Pattern(pattern)
    assert time.monotonic() - began < 1


def test_the_cheapest_of_the_choices_is_taken() -> None:
    choices = [[("O", 0), ("0", 1)], [("1", 0), ("I", 1)], [("S", 0), ("5", 1)]]
    assert Pattern(r"\w+").fit(choices, 3) == "O1S"
    assert Pattern(r"\d+").fit(choices, 3) == "015"
    assert Pattern(r"\d+").fit(choices, 1) is None
    assert Pattern(r"[A-Z]+|0\d5").fit(choices, 3) == "OIS", "one change, not two"


@pytest.mark.parametrize(
    "pattern", ["(a*)*" * 8 + "x", "(a?){200}a{50}x", "(.?.?.?.?.?.?.?.?){16}x", "(a|b|a|b)*" * 10 + "x"]
)
def test_no_pattern_explodes(pattern: str) -> None:
    made = Pattern(pattern)
    choices = [[("a", 0), ("b", 1)]] * 140
    began = time.monotonic()
    assert made.fit(choices, 4) is None
    assert time.monotonic() - began < 2
