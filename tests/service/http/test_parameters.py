from pathlib import Path

import pytest

from spotter.reading.hints import NO_HINTS, Hints
from spotter.reading.prepared import Region
from spotter.service.errors import InvalidParameterError
from spotter.service.http.parameters import (
    NO_PARAMETERS,
    UNSUPPORTED,
    SpotParameters,
    described,
    select_pages,
    unknown,
)


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


def test_what_is_unknown_gets_the_nearest_name() -> None:
    assert unknown("min_scor").endswith("the nearest is 'min_score'")
    assert unknown("maxside").endswith("the nearest is 'max_side'")
    assert "nearest" in unknown("\N{SNOWMAN}" * 20_000)
    assert len(unknown("x" * 20_000)) < 200
    for name, reason in UNSUPPORTED.items():
        assert name not in SpotParameters.model_fields
        assert reason in unknown(name)


def test_hints_cost_nothing_where_there_are_none() -> None:
    assert NO_PARAMETERS.hints() is NO_HINTS
    asked = SpotParameters(max_side=100, region="1,2,3,4", ignore=["5,6,7,8"], min_height=9)
    assert asked.hints() == Hints(100, Region(1, 2, 3, 4), (Region(5, 6, 7, 8),), 9)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "-1,2,3,4", "a,b,c,d", "1,2,0,4", "1,2,3,9999999", "1.5,2,3,4"])
def test_what_is_no_rectangle_is_reported(text: str) -> None:
    with pytest.raises(InvalidParameterError, match="ignore"):
        SpotParameters(ignore=[text]).hints()


def test_the_guide_has_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "service.md").read_text()
    for parameter in described():
        assert f"| `?{parameter['name']}=` | {parameter['description']} |" in page, parameter["name"]
    for name in UNSUPPORTED:
        assert f"`{name}`" in page
