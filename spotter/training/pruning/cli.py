"""`spotter prune`."""

from pathlib import Path

import click
from tqdm import tqdm

from spotter.families.catalogue import family_named
from spotter.families.config import SpotterConfig
from spotter.model.charset import Charset
from spotter.model.weights import load_state
from spotter.training import checkpoint
from spotter.training.pruning.costs import Costs, parameters
from spotter.training.pruning.prune import Examples
from spotter.training.pruning.prune import prune as pruned
from spotter.training.pruning.widths import as_recipe
from spotter.training.recipe import build_sources, read_recipe
from spotter.training.step_batches import StepBatches


@click.command()
@click.argument("checkpoint_file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="CHECKPOINT")
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--operations", type=click.FloatRange(0, 1, min_open=True), required=True, help="Share of multiply-adds to keep."
)
@click.option("--multiple", type=click.IntRange(min=1), default=8, show_default=True, help="What widths are made of.")
@click.option(
    "--importance",
    type=click.Choice(["scale", "taylor"]),
    default="scale",
    show_default=True,
    help="Of channels: the scales of their batch norms, or what the loss would be without them (needs --recipe).",
)
@click.option(
    "--recipe",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Recipe of the pictures on which batch norms' statistics are computed again.",
)
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of real pictures.")
@click.option("--pool", type=click.Path(path_type=Path, exists=True), help="Rendered words (`spotter synth pool`).")
@click.option("--batches", type=click.IntRange(min=1), default=30, show_default=True, help="Of the recipe's pictures.")
def prune(
    checkpoint_file: Path,
    output: Path,
    operations: float,
    multiple: int,
    importance: str,
    recipe: Path | None,
    data: Path | None,
    pool: Path | None,
    batches: int,
) -> None:
    """Writes to OUTPUT the spotter CHECKPOINT with a smaller detector.

    The least important channels of the backbone, the neck and the detection head are removed. The recogniser is
    unchanged. Then continue its training: `spotter train` with --start-from OUTPUT and a recipe with the widths that
    are printed.
    """
    if importance == "taylor" and recipe is None:
        raise click.UsageError("--importance taylor needs --recipe")
    try:
        examples = None
        if recipe is not None:
            examples = _examples(checkpoint_file, recipe, data, pool, batches, importance == "taylor")
        made = pruned(checkpoint_file, operations, multiple, examples)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    checkpoint.save(output, made.state)
    costs = Costs(made.before)
    remaining = costs.operations(made.after) / costs.operations(made.before)
    before, after = parameters(made.before), parameters(made.after)
    click.echo(f"{output}: {remaining:.1%} of the detector's multiply-adds, {after:,} of {before:,} parameters")
    click.echo(as_recipe(made.after))


def _examples(path: Path, recipe: Path, data: Path | None, pool: Path | None, count: int, judge: bool) -> Examples:
    content = read_recipe(recipe)
    config = SpotterConfig.from_dict(load_state(path)["model_config"])
    source = build_sources(content.sources, data, pool)
    drawn = StepBatches(source, content.train, Charset(config.characters), family_named(config.family), 0, count)
    return Examples([drawn[index] for index in tqdm(range(count), unit="batch", disable=None)], content.train, judge)
