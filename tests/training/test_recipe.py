import functools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from spotter.model.charset import LATIN_AND_GREEK
from spotter.model.config import PictureRecogniserConfig
from spotter.training.config import DifficultyConfig
from spotter.training.recipe import RecipeError, build_sources, parse_recipe, read_recipe
from spotter.training.synthesis import Backgrounds

GOOD = """
[train]
steps = 500
sizes = [256, 320]
[train.losses]
direction = 2.5
[train.distill]
teacher = "ema"
output = 0.5
[[train.stages]]
until = 50
modules = ["backbone", "neck", "head"]
losses = ["score", "box"]
[model]
neck = 24
[model.backbone]
channels = [8, 8, 16, 16]
blocks = [1, 1, 1, 1]
[[source]]
kind = "labelled"
path = "street/train"
weight = 0.7
licence = "CC0"
[[validation]]
name = "street"
folder = "street/val"
limit = 5
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


def test_a_recipe_sets_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, GOOD))
    assert (recipe.train.steps, recipe.train.sizes, recipe.train.warmup) == (500, (256, 320), 200)
    assert (recipe.train.losses.own, recipe.train.losses.dice) == ({"direction": 2.5}, 1.0)
    assert (recipe.train.distill.teacher, recipe.train.distill.output, recipe.train.distill.features) == ("ema", 0.5, 0)
    assert [(stage.until, stage.losses) for stage in recipe.train.stages] == [(50, ("score", "box"))]
    assert (recipe.model.neck, recipe.model.backbone.channels, recipe.model.backbone.stem) == (24, (8, 8, 16, 16), 16)
    assert [source["weight"] for source in recipe.sources] == [0.7]
    assert [(item.name, item.folder, item.limit) for item in recipe.validation] == [("street", Path("street/val"), 5)]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("steps = 500", "stepz = 500", r"train\.stepz: unknown"),
        ("steps = 500", 'steps = "many"', r"train\.steps: should be a valid integer"),
        ("steps = 500", "steps = 5e2", r"train\.steps: should be a valid integer"),
        ("steps = 500", "steps = 2026-11-30", r"train\.steps: should be a valid integer"),
        ("until = 50", "until = true", r"train\.stages\.0\.until: should be a valid integer"),
        ("direction = 2.5", 'direction = "2.5"', r"train\.losses\.own\.direction: should be a valid number"),
        ("neck = 24", "neck = [24]", r"model\.neck: should be a valid integer"),
        ("neck = 24", 'characters = "abc"', "characters"),
        ("[model.backbone]", "[model.detection]\ncandidates = 0.5\n[model.backbone]", r"model\.detection\.candidates:"),
        ("[model.backbone]", '[model.recogniser]\nheight = "8"\n[model.backbone]', r"model\.recogniser\.height:"),
        ("steps = 500", "steps = 100", "exceed warmup"),
        ("sizes = [256, 320]", "sizes = [250]", "multiples of 64"),
        ("direction = 2.5", "directions = 2.5", "directions"),
        ("neck = 24", "necks = 24", "necks"),
        ('teacher = "ema"', "", "go together"),
        ('losses = ["score", "box"]', 'losses = ["boxes"]', "loss"),
        ("blocks = [1, 1, 1, 1]", "blocks = [1]", "same stages"),
        ("limit = 5", "limits = 5", r"validation\.0\.limits: unknown"),
        ('name = "street"', "", r"validation\.0\.name: missing"),
        ('folder = "street/val"', "", "folder"),
        ("steps = 500", "steps = ", "line 3"),
        ("[[source]]", "[[sources]]", "source"),
        ("[train.losses]", "[training.losses]", "training"),
        ("[[validation]]", "[[validations]]", "validations"),
    ],
)
def test_what_is_unknown_or_impossible_is_refused_by_name(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert old in GOOD
    with pytest.raises(RecipeError, match=rf"recipe\.toml: (?s:.*){named}"):
        read_recipe(write(tmp_path, GOOD.replace(old, new)))


READER = """
[recogniser_run]
start = "ppocrv6-tiny"
plan = "tiny"
learning_rate = 5e-5
[[source]]
kind = "labelled"
path = "street/train"
weight = 0.7
"""


def test_a_recipe_may_train_the_recogniser_alone(tmp_path: Path) -> None:
    run = read_recipe(write(tmp_path, READER)).recogniser_run
    assert run is not None
    assert (run.start, run.config.plan, run.config.learning_rate) == ("ppocrv6-tiny", "tiny", 5e-5)
    assert read_recipe(write(tmp_path, GOOD)).recogniser_run is None


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("learning_rate", "learning_rates", "learning_rates"),
        ('plan = "tiny"', 'plan = "huge"', "plan must be one of"),
        ("[[source]]", "[model]\nneck = 8\n[[source]]", "recogniser alone has no model"),
    ],
)
def test_mistakes_in_a_recipe_of_the_recogniser_are_refused_by_name(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    with pytest.raises(RecipeError, match=rf"recipe\.toml: (?s:.*){named}"):
        read_recipe(write(tmp_path, READER.replace(old, new)))


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"absent\.toml"):
        read_recipe(tmp_path / "absent.toml")


@pytest.fixture(autouse=True)
def _few_backgrounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backgrounds, "load", functools.partial(Backgrounds.load, drawn=1))  # 64 take a second


@pytest.fixture(name="data")
def make_data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "street" / "train"
    (folder / "images").mkdir(parents=True)
    (folder / "gts").mkdir()
    cv2.imwrite(str(folder / "images" / "a.png"), np.full((96, 128, 3), 80, np.uint8))
    (folder / "gts" / "gt_a.txt").write_text("10,10,70,10,70,34,10,34,EXIT\n")
    return tmp_path / "data"


LABELLED: dict[str, Any] = {"kind": "labelled", "path": "street/train", "weight": 1.0, "licence": "CC0"}


def test_sources_open_their_folders(data: Path) -> None:
    mixture = build_sources([LABELLED], data, None)
    made = mixture.sample(np.random.default_rng(0), 128)
    assert made.image.shape == (128, 128, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "photos"}, "unknown kind of source 'photos'"),
        ({"path": "street/trane"}, "street/trane"),
        ({"kind": "scene"}, "pool"),
        ({"weigth": 2.0}, "weigth"),
        ({"weight": None}, "weight"),
        ({"kind": None}, "kind"),
        ({"path": None}, "path"),
    ],
)
def test_sources_that_cannot_be_opened_are_refused_by_name(data: Path, change: dict[str, Any], message: str) -> None:
    table = {key: value for key, value in (LABELLED | change).items() if value is not None}
    with pytest.raises(RecipeError, match=message):
        build_sources([table], data, None)


def test_unlabelled_pictures_are_a_source(data: Path) -> None:
    folder = "street/train/images"
    mixture = build_sources([{"kind": "unlabelled", "path": folder, "weight": 1.0, "scales": [1.0, 1.0]}], data, None)
    assert mixture.sample(np.random.default_rng(0), 64).ignore.all()


def test_without_a_teacher_nothing_is_learnt_from_them(tmp_path: Path) -> None:
    unlabelled = GOOD.replace('kind = "labelled"', 'kind = "unlabelled"')
    assert read_recipe(write(tmp_path, unlabelled)).sources
    with pytest.raises(RecipeError, match="only a teacher"):
        read_recipe(write(tmp_path, unlabelled.replace('teacher = "ema"\noutput = 0.5', "")))


def test_real_sources_need_the_data_folder() -> None:
    with pytest.raises(RecipeError, match="street/train"):
        build_sources([LABELLED], None, None)


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[2].glob("recipes/*.toml")), ids=lambda p: p.stem)
def test_the_recipes_that_ship_are_readable(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.sources
    assert all({"kind", "weight"} <= source.keys() for source in recipe.sources)


def test_difficulty_is_a_table_of_its_own() -> None:
    table = {"train": {"difficulty": {"easy": 3.0, "hard": 1.5}}, "source": []}
    assert parse_recipe(table).train.difficulty == DifficultyConfig(easy=3.0, hard=1.5)


def test_a_recogniser_that_names_a_plan_reads_pictures_in_its_own_charset() -> None:
    table = {"model": {"charset": "latin-and-greek", "recogniser": {"plan": "tiny"}}, "source": [{"kind": "scene"}]}
    model = parse_recipe(table).model
    assert model.recogniser == PictureRecogniserConfig("tiny")
    assert model.characters == LATIN_AND_GREEK
    with pytest.raises(RecipeError, match="klingon"):
        parse_recipe({"model": {"charset": "klingon"}, "source": [{"kind": "scene"}]})
