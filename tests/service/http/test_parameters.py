from pathlib import Path

import pytest

from spotter.reading.errors import InvalidParameterError
from spotter.reading.hints import NO_HINTS, Hints
from spotter.reading.prepared import Region
from spotter.service.http.parameters import (
    NO_PARAMETERS,
    UNSUPPORTED,
    SpotParameters,
    described,
    unknown,
)


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
