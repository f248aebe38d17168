import json
from pathlib import Path
from typing import Any

import pytest

from spotter.export.card import Origin, data_set, model_card, provenance, scores
from tests.export.metrics import figures, metrics

RECIPE = """
[[source]]
kind = "scene"
weight = 0.5
licence = "none: rendered by us"
[[source]]
kind = "crops"
path = ["word_crops/iiit5k_train", "word_crops/signs"]
weight = 0.2
[[source]]
kind = "labelled"
path = "pseudo/sroie"
weight = 0.3
licence = "MIT"
"""


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/data/icdar2015/val", "ICDAR 2015, validation part"),
        ("icdar2003/train", "ICDAR 2003, training part"),
        ("word_crops/svt_train", "SVT, training part"),
        ("/home/anna/data/pseudo/sroie", "SROIE, lines cut into words"),
        ("sroie", "SROIE"),
        ("/home/anna/street signs", "street signs"),
        ("/home/anna/signs/val/", "signs, validation part"),
        ("my_signs", "my_signs"),
    ],
)
def test_a_data_set_has_a_name_and_no_place(folder: str, name: str) -> None:
    assert data_set(folder) == name


def test_sources_are_named_with_their_licences(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    told = provenance(Origin(tmp_path / "recipe.toml", {}, "", 7))
    assert told["pictures_seen"] == 7
    assert told["data"] == [
        {"source": "rendered scenes", "weight": 0.5, "licence": "none: rendered by us"},
        {"source": "word crops: IIIT 5K, training part; signs", "weight": 0.2, "licence": "unstated"},
        {"source": "SROIE, lines cut into words", "weight": 0.3, "licence": "MIT"},
    ]


@pytest.mark.parametrize("text", ["[train]\nsteps = 5\n", "no recipe"])
def test_a_recipe_without_sources_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(ValueError, match=r"recipe\.toml is no recipe"):
        provenance(Origin(tmp_path / "recipe.toml", {}, "", 7))


def test_without_a_recipe_no_data_is_named() -> None:
    assert provenance(Origin(None, {}, "", 7))["data"] == []


def test_the_manifest_gets_the_bundles_own_figures_and_no_path() -> None:
    told = scores(metrics())
    assert [result["dataset"] for result in told["results"]] == ["ICDAR 2015, validation part", "SROIE"]
    assert [result["lexicon"] for result in told["results"]] == [None, "words.txt"]
    assert told["results"][0]["end_to_end"] == figures(0.7, 0.2, 0.31)
    assert "anna" not in json.dumps(told)


def test_the_card_shows_the_figures_as_a_table() -> None:
    given = Origin(None, metrics(), "Handwriting.", 12_345)
    card = model_card("tiny", "3", given, provenance(given), scores(given.metrics))
    names = "detection P | detection R | detection F | end to end P | end to end R | end to end F"
    assert f"| data set | pictures | {names} | bag of words P | bag of words R | bag of words F |" in card
    assert (
        "| ICDAR 2015, validation part | 142 | 90.0 | 50.0 | 64.0 | 70.0 | 20.0 | 31.0 | 75.0 | 40.0 | 52.0 |" in card
    )
    assert "| SROIE, lexicon words.txt | 53 |  |  |  |  |  |  | 75.0 | 40.0 | 52.0 |" in card
    assert "at least 0.35" in card
    for part in ("# tiny 3", "12,345 pictures", "Handwriting."):
        assert part in card
    assert "anna" not in card


def test_a_bundle_that_was_not_measured_says_so() -> None:
    given = Origin(None, {}, "", 0)
    assert "Not measured." in model_card("tiny", "3", given, provenance(given), scores({}))


@pytest.mark.parametrize("other", [{"street": 0.5}, {"results": []}, {"results": [{"reader": "a"}]}, {"results": 3}])
def test_metrics_of_another_form_are_refused(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="spotter evaluate --json"):
        scores(other)
