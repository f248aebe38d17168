"""`spotter train`."""

from dataclasses import replace
from pathlib import Path

import click
import torch

from spotter.training.loop import DivergedError, Trainer
from spotter.training.recipe import RecipeError, build_sources, read_recipe
from spotter.training.validation import validator


@click.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option("--recipe", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of real pictures.")
@click.option("--pool", type=click.Path(path_type=Path, exists=True), help="Rendered words (`spotter synth pool`).")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after so long; resume later.")
@click.option("--steps", type=click.IntRange(min=1), help="Length of the schedule, instead of the recipe's.")
@click.option(
    "--start-from", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Weights to begin with."
)
@click.option("--device", default="cuda" if torch.cuda.is_available() else "cpu", show_default=True)
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True, help="Processes making pictures.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the network on a CPU.")
@click.option("--weights", type=click.Path(path_type=Path), help="Also write half-precision EMA weights here.")
def train(
    run: Path,
    recipe: Path,
    data: Path | None,
    pool: Path | None,
    minutes: float | None,
    steps: int | None,
    start_from: Path | None,
    device: str,
    workers: int,
    threads: int | None,
    weights: Path | None,
) -> None:
    """Trains in the folder RUN, going on from its last checkpoint when it has one.

    Ctrl-C saves and stops; so does the end of --minutes. The same command again goes on from there.
    """
    if threads:
        torch.set_num_threads(threads)
    try:
        plan = read_recipe(recipe)
        config = replace(plan.train, steps=steps) if steps else plan.train
        source = build_sources(plan.sources, data, pool)
        # Without the folder of real pictures there is nothing to validate on.
        sets = [replace(item, folder=data / item.folder) for item in plan.validation] if data else []
    except RecipeError as error:
        raise click.ClickException(str(error)) from error
    trainer = Trainer(run, source, config, plan.model, device=device, workers=workers)
    try:
        if trainer.last.exists():
            trainer.resume()
        elif start_from:
            trainer.start_from(start_from)
        trainer.train(minutes=minutes, validate=validator(sets) if sets else None)
    except (DivergedError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if weights:
        trainer.export_weights(weights)
