import pytest

from spotter.reading.errors import InvalidParameterError
from spotter.reading.selection import select_pages


@pytest.mark.parametrize(
    ("pages", "numbers"),
    [
        (None, [1, 2, 3, 4, 5]),
        ("1-3,5", [1, 2, 3, 5]),
        ("4-", [4, 5]),
        ("5,1,1,1-2", [1, 2, 5]),
        ("3", [3]),
    ],
)
def test_pages_are_chosen_once_and_in_order(pages: str | None, numbers: list[int]) -> None:
    assert [number + 1 for number in select_pages(pages, 5, 5)] == numbers


@pytest.mark.parametrize("pages", ["0", "6", "4-6", "3-2", "0-2", "6-", "999999-999999", "5-1"])
def test_pages_that_are_not_there_are_reported(pages: str) -> None:
    with pytest.raises(InvalidParameterError, match="the 5 pages"):
        select_pages(pages, 5, 5)


@pytest.mark.parametrize("pages", [None, "1-", "1-4", "1-3,5", "1-999999"])
def test_more_pages_than_one_request_may_ask_for_are_reported(pages: str | None) -> None:
    with pytest.raises(InvalidParameterError, match="more than the 3"):
        select_pages(pages, 10**6, 3)


@pytest.mark.parametrize(
    "pages", ["", "a", "1,", "1--3", "-3", "1 - 3", "1234567", "\N{DEVANAGARI DIGIT ONE}-\N{SNOWMAN}"]
)
def test_what_names_no_pages_is_reported(pages: str) -> None:
    with pytest.raises(InvalidParameterError, match="not like 1-3,7"):
        select_pages(pages, 5, 5)
