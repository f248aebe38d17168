import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spotter.families.config import SpotterConfig
from spotter.training.ablation import markdown, overlaid, read_table, run_row, saved_result
from spotter.training.recipe import RecipeError
from spotter.training.sample import Sample
from tests.model.small import small_config
from tests.training.small import SMALL_MODEL, NoiseSource, make_trainer

TABLES = Path(__file__).parents[2] / "recipes" / "ablations"
SMALL = {"imagenet.toml", "unlabelled.toml"}

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = f"""
[train]
size = 64
sizes = [64]
batch = 2
words = 3
groups = 2
steps = 400
{SMALL_MODEL}[[source]]
kind = "scene"
weight = 0.5
[[source]]
kind = "labelled"
path = "street"
weight = 0.5
"""
TABLE = """
recipe = "recipe.toml"
[[row]]
name = "as it is"
[[row]]
name = "narrow"
fresh = ["backbone", "neck", "head", "recogniser"]
without = ["labelled"]
[row.model]
neck = 4
[row.train.losses]
focal = 2.0
[[row]]
name = "taught"
[row.train.distill]
teacher = "TEACHER"
output = 1.0
"""


def write(folder: Path, table: str = TABLE) -> Path:
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "table.toml").write_text(table)
    return folder / "table.toml"


def test_tables_are_laid_over_one_another() -> None:
    base: dict[str, Any] = {"train": {"steps": 5, "losses": {"box": 1.0}}, "model": {"neck": 8}}
    assert overlaid(base, {"train": {"losses": {"focal": 2.0}}, "new": 1}) == {
        "train": {"steps": 5, "losses": {"box": 1.0, "focal": 2.0}},
        "model": {"neck": 8},
        "new": 1,
    }
    assert base["train"]["losses"] == {"box": 1.0}


def test_the_small_model_is_one_however_it_is_asked_for(tmp_path: Path) -> None:
    assert read_table(write(tmp_path))[0].recipe.model == small_config()


def test_a_row_is_the_recipe_with_its_change(tmp_path: Path) -> None:
    plain, narrow, taught = read_table(write(tmp_path))
    assert [row.name for row in (plain, narrow, taught)] == ["as it is", "narrow", "taught"]
    assert (plain.recipe.model.neck, narrow.recipe.model.neck, narrow.recipe.model.backbone.stem) == (8, 4, 4)
    assert (plain.recipe.train.losses.focal, narrow.recipe.train.losses.focal) == (0.0, 2.0)
    assert [len(row.recipe.sources) for row in (plain, narrow)] == [2, 1]
    assert (plain.fresh, narrow.fresh) == ((), ("backbone", "neck", "head", "recogniser"))


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ('without = ["street"]', [None]),
        ('instead = { "street" = "road" }', [None, "road"]),
    ],
)
def test_sources_are_left_out_or_read_elsewhere_by_their_paths(
    change: str, paths: list[str | None], tmp_path: Path
) -> None:
    plain, changed, _ = read_table(write(tmp_path, TABLE.replace('without = ["labelled"]', change)))
    assert [source.get("path") for source in changed.recipe.sources] == paths
    assert [source.get("path") for source in plain.recipe.sources] == [None, "street"]


def test_what_stands_for_every_row_yields_to_a_rows_own_change(tmp_path: Path) -> None:
    table = TABLE.replace("[[row]]", "[every.model]\nneck = 16\n[every.train]\nwords = 5\n[[row]]", 1)
    rows = read_table(write(tmp_path, table))
    assert [row.recipe.model.neck for row in rows] == [16, 4, 16]
    assert [row.recipe.train.words for row in rows] == [5, 5, 5]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('without = ["labelled"]', 'without = ["labeled"]', "narrow.*labeled"),
        ('without = ["labelled"]', 'instead = { "road" = "street" }', "narrow.*road"),
        ("neck = 4", "necks = 4", "narrow"),
        ('name = "taught"', "", "name"),
        ("recipe.toml", "none.toml", "none"),
        ("focal = 2.0", "focal = ", "table.toml"),
    ],
)
def test_a_table_that_is_not_sound_is_refused(old: str, new: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=named):
        read_table(write(tmp_path, TABLE.replace(old, new)))


def test_rows_see_as_many_pictures_and_are_not_run_twice(tmp_path: Path) -> None:
    plain, narrow, taught = read_table(write(tmp_path))
    start = tmp_path / "start.pt"
    make_trainer(tmp_path / "start").export_weights(start)
    models: list[SpotterConfig] = []

    def validate(model: object) -> dict[str, float]:
        models.append(plain.recipe.model)
        return {"street/detection": 1.5}

    rows = [
        run_row(tmp_path / row.name, row, NoiseSource(), validate, steps=4, weights=start, teacher=start, workers=0)
        for row in (plain, narrow, taught)
    ]
    assert [row["pictures"] for row in rows] == [8, 8, 8]
    again = run_row(
        tmp_path / "as it is", plain, NoiseSource(), validate, steps=6, weights=start, teacher=None, workers=0
    )
    assert again["pictures"] == 12
    assert [row["street/detection"] for row in rows] == [1.5] * 3
    assert len({row["score"] for row in rows}) == 3
    assert len(models) == 4
    assert saved_result(tmp_path / "as it is") == again
    assert saved_result(tmp_path / "taught") == rows[2]
    assert saved_result(tmp_path / "other") is None
    log = [json.loads(line) for line in (tmp_path / "taught" / "log.jsonl").read_text().splitlines()]
    assert all("taught_output" in record for record in log if "recognition" in record)


def test_a_row_that_is_stopped_has_no_result_and_goes_on(tmp_path: Path) -> None:
    plain = read_table(write(tmp_path))[0]

    class Stopping(NoiseSource):
        def sample(self, rng: np.random.Generator, size: int) -> Sample:
            if self.pictures == 1:
                signal.raise_signal(signal.SIGTERM)
            return super().sample(rng, size)

    def run(source: NoiseSource) -> dict[str, Any]:
        return run_row(tmp_path / "r", plain, source, None, steps=4, weights=None, teacher=None, workers=0)

    with pytest.raises(InterruptedError, match=r"as it is.*step 1"):
        run(Stopping())
    assert saved_result(tmp_path / "r") is None
    assert run(NoiseSource())["pictures"] == 8


def test_a_row_that_wants_a_teacher_says_so(tmp_path: Path) -> None:
    taught = read_table(write(tmp_path))[2]
    with pytest.raises(ValueError, match="teacher"):
        run_row(tmp_path / "t", taught, NoiseSource(), None, steps=4, weights=None, teacher=None, workers=0)


def test_the_table_has_a_column_for_what_any_row_tells() -> None:
    assert markdown([{"name": "a", "score": 1}, {"name": "b", "box": 2}]).splitlines() == [
        "| name | score | box |",
        "| --- | --- | --- |",
        "| a | 1 |  |",
        "| b |  | 2 |",
    ]


@pytest.mark.parametrize("table", sorted(path.name for path in TABLES.glob("*.toml")))
def test_the_tables_that_ship_are_sound(table: str) -> None:
    rows = read_table(TABLES / table)
    names = [row.name for row in rows]
    assert len(set(names)) == len(names) > (3 if table in SMALL else 5)
    models = [(row.recipe.train, row.recipe.model, row.recipe.sources, row.fresh) for row in rows]
    assert all(one != other for number, one in enumerate(models) for other in models[:number])
