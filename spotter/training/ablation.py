"""Ablations: training runs that differ in one change each, over equally many pictures.

A table of ablations is a TOML file:

recipe = "recipes/third.toml"   # next to the table; what every row starts as
[every]                         # overrides the recipe's own tables in all rows, e.g. for smaller crops
[[row]]
name = "focal loss"
[row.train.losses]              # overrides the recipe's own tables
focal = 2.0
[[row]]
name = "no real pictures"
without = ["labelled", "crops"] # kinds or paths of sources that are left out
[[row]]
name = "labels of our own"
instead = { "pseudo/unlabelled" = "self/unlabelled" }  # replaces the paths of sources [[row]]
name = "narrow"
fresh = ["neck", "head"]        # parts of the network that start from random weights, since their shapes change
[row.model]
neck_kind = "pan"
[row.train.distill]
teacher = "TEACHER"             # replaced by the checkpoint of --teacher
features = 1.0
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spotter.families.catalogue import family_named
from spotter.model.weights import load_state
from spotter.training.config import parts_of
from spotter.training.loop import Trainer, Validate
from spotter.training.recipe import Recipe, RecipeError, parse_recipe
from spotter.training.sample import Source

_OWN = {"name", "without", "instead", "fresh"}
_TEACHER = "TEACHER"
_RESULT = "result.json"
_TAIL = 5  # a row's losses are means over this many last records of the log


@dataclass(frozen=True)
class Row:
    """A row's name, its whole recipe, and the parts of the network that start from random weights."""

    name: str
    recipe: Recipe
    fresh: tuple[str, ...]


def overlaid(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `change`, table by table."""
    result = dict(base)
    for key, value in change.items():
        below = result.get(key)
        result[key] = overlaid(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def read_table(path: Path) -> list[Row]:
    """The rows of a table. Raises RecipeError when the table, its recipe or a row is invalid."""
    try:
        table = tomllib.loads(path.read_text())
        base = overlaid(tomllib.loads((path.parent / table["recipe"]).read_text()), table.get("every", {}))
        rows = [(str(row["name"]), row) for row in table["row"]]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise RecipeError(f"{path}: {error}") from error
    found = []
    for name, row in rows:
        changed = overlaid(base, {key: value for key, value in row.items() if key not in _OWN})
        try:
            changed["source"] = _sources(changed["source"], row.get("without", ()), row.get("instead", {}))
            found.append(Row(name, parse_recipe(changed), tuple(row.get("fresh", ()))))
        except RecipeError as error:
            raise RecipeError(f"{path}, row {name!r}: {error}") from error
    return found


def _sources(
    tables: Sequence[Mapping[str, Any]], without: Sequence[str], instead: Mapping[str, str]
) -> list[dict[str, Any]]:
    """A recipe's sources without those of the kinds or paths `without`, and with the paths in `instead` replaced.

    Raises RecipeError when there is no source of such a kind or path.
    """
    known = {name for table in tables for name in (table.get("kind"), table.get("path")) if isinstance(name, str)}
    if strange := {*without, *instead} - known:
        raise RecipeError(f"no source is of the kind or path {', '.join(sorted(strange))}")
    left = [dict(table) for table in tables if not {table.get("kind"), str(table.get("path"))} & set(without)]
    return [table | {"path": instead[table["path"]]} if str(table.get("path")) in instead else table for table in left]


def saved_result(folder: Path) -> dict[str, Any] | None:
    """The saved result of the row that was run in `folder`; None where there is none yet."""
    file = folder / _RESULT
    if not file.exists():
        return None
    result: dict[str, Any] = json.loads(file.read_text())
    return result


def run_row(
    folder: Path,
    row: Row,
    source: Source,
    validate: Validate | None,
    *,
    steps: int,
    weights: Path | None,
    teacher: Path | None,
    workers: int,
) -> dict[str, Any]:
    """Trains a row, or continues it, and scores it; the result is saved in `folder`.

    Raises ValueError when the row needs a teacher and there is none, or when the weights do not fit it, and
    InterruptedError when a signal stopped it; it has no result then.
    """
    warmup = min(row.recipe.train.warmup, max(steps // 10, 1))
    config = replace(row.recipe.train, steps=steps, warmup=warmup, log_every=max(steps // 20, 1), validate_every=steps)
    if config.distill.teacher == _TEACHER:
        if teacher is None:
            raise ValueError(f"row {row.name!r} wants a teacher")
        config = replace(config, distill=replace(config.distill, teacher=str(teacher)))
    trainer = Trainer(folder, source, config, row.recipe.model, workers=workers)
    if trainer.last.exists():
        trainer.resume()
    elif weights:
        trainer.start_from(weights, row.fresh)
    # Pictures seen before an interruption count; those that the starting weights were trained on do not.
    before = int(load_state(weights).get("pictures", 0)) if weights else 0
    trainer.train()
    if trainer.step < steps:
        raise InterruptedError(
            f"row {row.name!r} was stopped at step {trainer.step}; the same command goes on from there"
        )
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    last_steps = [record for record in log if "recognition" in record][-_TAIL:]
    result: dict[str, Any] = {"name": row.name, "fresh": " ".join(row.fresh), "pictures": trainer.pictures - before}
    for part in parts_of(family_named(row.recipe.model.family), row.recipe.train.losses.own):
        result[part] = round(float(np.mean([record[part] for record in last_steps])), 4)
    result |= validate(trainer.ema.model) if validate else {}
    (folder / _RESULT).write_text(json.dumps(result))
    return result


def markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """The results as a Markdown table."""
    columns = list(dict.fromkeys(key for result in results for key in result))
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(str(result.get(column, "")) for column in columns) + " |" for result in results]
    return "\n".join(lines)
