"""`spotter search`: an architecture search for smaller detectors."""

import hashlib
import tomllib
from collections.abc import Sequence
from pathlib import Path

import click
import torch

from spotter.export.latency import detector_milliseconds
from spotter.families.config import SpotterConfig
from spotter.model.spotter import Spotter
from spotter.training.evaluation.datasets import PRESETS
from spotter.training.recipe import Recipe, RecipeError, build_sources, read_recipe
from spotter.training.sample import Source
from spotter.training.search.held_out import HeldOut
from spotter.training.search.pareto import draw_front
from spotter.training.search.report import recipe_lines, table
from spotter.training.search.results import RESULTS, Settings
from spotter.training.search.run import Search
from spotter.training.search.space import Dimensions
from spotter.training.validation import ValidationSet, validator

_STRIDE = 64


def parse_set(value: str) -> tuple[str, Path]:
    """The name and the folder of NAME=FOLDER."""
    name, equals, folder = value.partition("=")
    if not equals or not name or not Path(folder).is_dir():
        raise click.BadParameter(f"{value!r} is not NAME=FOLDER with a folder that is there")
    return name, Path(folder)


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("output", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--budget-ms",
    type=click.FloatRange(min=0, min_open=True),
    required=True,
    help="Milliseconds that the detector may take for a picture, on one core.",
)
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of real pictures.")
@click.option("--pool", type=click.Path(path_type=Path, exists=True), help="Rendered words (`spotter synth pool`).")
@click.option("--candidates", type=click.IntRange(min=1), default=12, show_default=True, help="That are trained.")
@click.option("--steps", type=click.IntRange(min=2), default=200, show_default=True, help="Of the first round.")
@click.option("--halvings", type=click.IntRange(min=0), default=2, show_default=True, help="Rounds after the first.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the candidates' widths.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Of training.")
@click.option("--side", type=click.IntRange(min=64), default=640, show_default=True, help="Of the timed picture.")
@click.option(
    "--against",
    "sets",
    type=parse_set,
    metavar="NAME=FOLDER",
    multiple=True,
    help="Also score every candidate on annotated pictures; NAME as of `spotter evaluate`.",
)
@click.option("--limit", type=click.IntRange(min=1), default=40, show_default=True, help="Pictures of each --against.")
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True, help="Processes making pictures.")
def search(
    recipe: Path,
    output: Path,
    budget_ms: float,
    data: Path | None,
    pool: Path | None,
    candidates: int,
    steps: int,
    halvings: int,
    seed: int,
    threads: int,
    side: int,
    sets: tuple[tuple[str, Path], ...],
    limit: int,
    workers: int,
) -> None:
    """Searches for a better network than RECIPE's within a time budget, by short training runs.

    Widths and depths of backbone, neck and head are drawn around RECIPE's own and their time is measured. Those within
    --budget-ms are trained from random weights for --steps; the better half is trained until it has done twice as many,
    and so on. OUTPUT keeps everything, so the same command continues where it stopped; results.json and pareto.svg
    there have the results.
    """
    if side % _STRIDE:
        raise click.UsageError(f"--side takes multiples of {_STRIDE}")
    torch.set_num_threads(threads)
    text = recipe.read_text()
    names = tuple(f"{name}={folder}" for name, folder in sets)
    digest = hashlib.sha256(text.encode()).hexdigest()
    settings = Settings(digest, budget_ms, candidates, steps, halvings, seed, side, names, limit)

    def measure(config: SpotterConfig) -> float:
        took = detector_milliseconds(config, side)
        click.echo(f"{took:6.1f} ms: {Dimensions.of(config)}", err=True)
        return took

    try:
        content = read_recipe(recipe)
        if content.recogniser_run is not None:
            raise RecipeError(f"{recipe} trains the recogniser alone, so there is no detector to search for")
        source = build_sources(content.sources, data, pool)
        judge = Judge(content, source, _validation_sets(sets, limit, side))
        tried, winner = Search(output, content, settings, source, measure, judge, workers)()
    except (RecipeError, InterruptedError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    picture = draw_front(output, tried, winner, budget_ms)
    over = sum(not each.runs for each in tried)
    click.echo(f"{table(tried, winner)}\n")
    click.echo(f"{over} of {len(tried)} networks took more than {budget_ms:g} ms. {output / RESULTS}, {picture}\n")
    click.echo(recipe_lines(tomllib.loads(text).get("model", {}), winner))


class Judge:
    """The loss of a network on held-out pictures, and its detection F on annotated pictures, in percent."""

    def __init__(self, recipe: Recipe, source: Source, sets: Sequence[ValidationSet]) -> None:
        self.held_out = HeldOut(source, recipe.train, recipe.model)
        self.score = validator(sets) if sets else None

    def __call__(self, network: Spotter) -> dict[str, float]:
        """The scores by name. End-to-end scores are left out: the recogniser has hardly been trained."""
        scores = self.score(network) if self.score else {}
        return self.held_out(network) | {name: f for name, f in scores.items() if name.endswith("/detection")}


def _validation_sets(sets: Sequence[tuple[str, Path]], limit: int, side: int) -> list[ValidationSet]:
    aspects = {name: preset.aspect for name, preset in PRESETS.items()}
    return [ValidationSet(name, folder, aspects.get(name), limit, side) for name, folder in sets]
