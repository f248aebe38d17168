from pathlib import Path

import pytest

from spotter.reading.errors import InvalidParameterError
from spotter.reading.hints import NO_HINTS, Hints
from spotter.reading.lexicons import Lexicon
from spotter.reading.prepared import Region
from spotter.service.http.parameters import (
    NO_PARAMETERS,
    SpotParameters,
    described,
    unknown,
)


def test_what_is_unknown_gets_the_nearest_name() -> None:
    assert unknown("min_scor").endswith("the nearest is 'min_score'")
    assert unknown("maxside").endswith("the nearest is 'max_side'")
    assert "nearest" in unknown("\N{SNOWMAN}" * 20_000)
    assert len(unknown("x" * 20_000)) < 200


def test_hints_cost_nothing_where_there_are_none() -> None:
    assert NO_PARAMETERS.hints() is NO_HINTS
    asked = SpotParameters(max_side=100, region="1,2,3,4", ignore=["5,6,7,8"], min_height=9)
    assert asked.hints() == Hints(100, Region(1, 2, 3, 4), (Region(5, 6, 7, 8),), 9)


def test_what_is_known_of_the_words_becomes_hints() -> None:
    lists = {"signs": Lexicon(["EXIT"])}
    hints = SpotParameters(charset="0123", pattern=r"\d+", lexicon="@signs").hints(lists)
    assert hints.wording is not None
    assert hints.wording.charset == frozenset("0123")
    assert hints.wording.lexicon is lists["signs"]
    own = SpotParameters(lexicon="EXIT,Push").hints().wording
    assert own is not None
    assert [own.fit(word) for word in ("exit", "PU5H", "other")] == ["exit", "Push", None]
    assert SpotParameters(language_model="off").hints().warnings(0) != []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"pattern": "(a"}, "pattern: a group has no end"),
        ({"lexicon": "@streets"}, "lexicon: there is no list 'streets' here; there are: signs"),
        ({"lexicon": "a,,b"}, "lexicon: '' is not a word"),
        ({"lexicon": "a b"}, "lexicon: 'a b' is not a word"),
        ({"lexicon": ",".join("a" * 201)}, "201 words are more than the 200"),
    ],
)
def test_what_is_wrong_with_expected_words_is_reported(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        SpotParameters(**parameters).hints({"signs": Lexicon(["EXIT"])})  # type: ignore[arg-type]
    assert message in refused.value.detail


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "-1,2,3,4", "a,b,c,d", "1,2,0,4", "1,2,3,9999999", "1.5,2,3,4"])
def test_what_is_no_rectangle_is_reported(text: str) -> None:
    with pytest.raises(InvalidParameterError, match="ignore"):
        SpotParameters(ignore=[text]).hints()


def test_the_guide_has_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "service.md").read_text()
    for parameter in described(["spotter"]):
        assert f"| `?{parameter['name']}=` | {parameter['description']} |" in page, parameter["name"]
