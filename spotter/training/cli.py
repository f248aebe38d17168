"""`spotter train`, `average`, `combine`, `fit-orientation`, `import-weights`, `ablate` and `language`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from tqdm import tqdm

from spotter.model.charset import LATIN_AND_GREEK, Charset
from spotter.model.history import Trained
from spotter.model.ppocr import PLANS
from spotter.training import checkpoint
from spotter.training.ablation import markdown, read_table, run_row, saved_result
from spotter.training.average import average as average_weights
from spotter.training.combine import combine as combined
from spotter.training.compose import planned
from spotter.training.corpus import corpus, transcripts
from spotter.training.device import usable_device
from spotter.training.language import perplexity, train_language
from spotter.training.loop import DivergedError, Trainer
from spotter.training.orientation import upright, with_orientation
from spotter.training.pretrained import PretrainedError, load_ppocr
from spotter.training.recipe import RecipeError, build_sources, composer_of, read_recipe
from spotter.training.recogniser_run import recogniser_trainer, with_options
from spotter.training.sample import Source
from spotter.training.validation import validator


@click.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option("--recipe", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of real pictures.")
@click.option("--pool", type=click.Path(path_type=Path, exists=True), help="Rendered words (`spotter synth pool`).")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after so long; resume later.")
@click.option("--steps", type=click.IntRange(min=1), help="Length of the schedule, instead of the recipe's.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the pictures it sees, instead of the recipe's.")
@click.option(
    "--start-from", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Weights to begin with."
)
@click.option(
    "--device",
    default="cuda" if torch.cuda.is_available() else "cpu",
    show_default=True,
    callback=usable_device,
)
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True, help="Processes making pictures.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the network on a CPU.")
@click.option(
    "--compose",
    type=click.Choice(["cpu", "device"]),
    default="cpu",
    show_default=True,
    help="Where synthetic pictures are made: by the worker processes, or where the network is.",
)
@click.option("--weights", type=click.Path(path_type=Path), help="Also write half-precision EMA weights here.")
def train(
    run: Path,
    recipe: Path,
    data: Path | None,
    pool: Path | None,
    minutes: float | None,
    steps: int | None,
    seed: int | None,
    start_from: Path | None,
    device: str,
    workers: int,
    threads: int | None,
    compose: str,
    weights: Path | None,
) -> None:
    """Trains in the folder RUN, and continues from its last checkpoint where it has one.

    Ctrl-C saves and stops; so does the end of --minutes. The same command again continues from there. A recipe with the
    table [recogniser_run] trains the recogniser alone.
    """
    if threads:
        torch.set_num_threads(threads)
    try:
        content, run_by = read_recipe(recipe), Trained(recipe.stem, recipe.read_text())
        if content.recogniser_run is not None:
            if compose == "device":
                raise click.UsageError("the recogniser alone learns from pictures that --compose cpu makes")
            alone = with_options(content.recogniser_run, steps, seed, start_from)
            reader = recogniser_trainer(run, alone, build_sources(content.sources, data, pool), device, workers)
            reader.history = reader.history.then(run_by)
            reader.train(minutes)
            if weights:
                reader.export_weights(weights)
            return
        options: dict[str, Any] = {
            name: value for name, value in (("steps", steps), ("seed", seed)) if value is not None
        }
        config = replace(content.train, **options)
        source = build_sources(content.sources, data, pool)
        composer = composer_of(source, device) if compose == "device" else None
        # Without the folder of real pictures there is nothing to validate on.
        sets = [replace(item, folder=data / item.folder) for item in content.validation] if data else []
        trainer = Trainer(
            run,
            planned(source) if composer else source,
            config,
            content.model,
            device=device,
            workers=workers,
            composer=composer,
        )
        if trainer.last.exists():
            trainer.resume()
        elif start_from:
            trainer.start_from(start_from)
        trainer.history = trainer.history.then(run_by)
        trainer.train(minutes=minutes, validate=validator(sets) if sets else None)
    except (DivergedError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if weights:
        trainer.export_weights(weights)


@click.command()
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("checkpoints", type=click.Path(path_type=Path, exists=True, dir_okay=False), nargs=-1, required=True)
@click.option(
    "--start-from",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The weights they began with, whose pictures count once.",
)
def average(output: Path, checkpoints: tuple[Path, ...], start_from: Path | None) -> None:
    """Writes to OUTPUT the mean of the weights of CHECKPOINTS: runs from the same start on different pictures."""
    try:
        checkpoint.save(output, average_weights(checkpoints, start_from))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("detector", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("recogniser", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def combine(output: Path, detector: Path, recogniser: Path) -> None:
    """Writes to OUTPUT a spotter with the detector of the checkpoint DETECTOR and the run RECOGNISER."""
    try:
        checkpoint.save(output, combined(detector, recogniser))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


@click.command("fit-orientation")
@click.argument("checkpoint_file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="CHECKPOINT")
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--recipe", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of real pictures.")
@click.option("--pool", type=click.Path(path_type=Path, exists=True), help="Rendered words (`spotter synth pool`).")
@click.option("--pictures", type=click.IntRange(min=10), default=1200, show_default=True, help="That it learns from.")
@click.option("--steps", type=click.IntRange(min=1), default=4000, show_default=True)
@click.option("--size", type=click.IntRange(min=64), default=512, show_default=True, help="Side of a picture, pixels.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the pictures.")
def fit_orientation(
    checkpoint_file: Path,
    output: Path,
    recipe: Path,
    data: Path | None,
    pool: Path | None,
    pictures: int,
    steps: int,
    size: int,
    seed: int,
) -> None:
    """Writes to OUTPUT the spotter CHECKPOINT with a classifier of a picture's orientation added.

    The classifier is trained on pictures of the recipe's sources, each turned in all four ways; a tenth of them is held
    out to measure its accuracy.
    """
    try:
        source = build_sources(read_recipe(recipe).sources, data, pool)
        rng = np.random.default_rng(seed)
        drawn = (upright(source, rng, size) for _ in tqdm(range(pictures), unit="picture", disable=None))
        state, share = with_orientation(checkpoint_file, drawn, steps, seed)
    except (RecipeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    checkpoint.save(output, state)
    click.echo(f"{output}: {share:.1%} of the turned pictures that were kept back are told right")


@click.command("import-weights")
@click.argument("family", type=click.Choice(["ppocrv6"]))
@click.argument("name", type=click.Choice(list(PLANS)))
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--all-characters", is_flag=True, help="Chinese, Japanese and all others, not Latin and Greek alone.")
def import_weights(family: str, name: str, output: Path, all_characters: bool) -> None:
    """Writes a published recogniser to OUTPUT, for a recipe's `start` or for `spotter combine`.

    Its licence, the package that it came from and the digest of the file in the package are stored with it.
    """
    try:
        pretrained = load_ppocr(name, None if all_characters else Charset(LATIN_AND_GREEK))
    except PretrainedError as error:
        raise click.ClickException(str(error)) from None
    pretrained.saved().save(output)
    provenance = pretrained.provenance
    click.echo(
        f"{output}: {provenance.name}, {len(pretrained.charset.characters):,} characters, {provenance.licence}, "
        f"from {provenance.package} {provenance.version}, SHA-256 {provenance.digest}"
    )


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("output", type=click.Path(path_type=Path, file_okay=False))
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of real pictures.")
@click.option("--pool", type=click.Path(path_type=Path, exists=True), help="Rendered words (`spotter synth pool`).")
@click.option("--steps", type=click.IntRange(min=2), default=200, show_default=True, help="Of each row.")
@click.option(
    "--start-from", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Weights of the rows' start."
)
@click.option("--teacher", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="For rows that have one.")
@click.option("--pictures", type=click.IntRange(min=1), default=40, show_default=True, help="Of each validation set.")
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Of the words' scores.")
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True, help="Processes making pictures.")
def ablate(
    table: Path,
    output: Path,
    data: Path | None,
    pool: Path | None,
    steps: int,
    start_from: Path | None,
    teacher: Path | None,
    pictures: int,
    threshold: float,
    workers: int,
) -> None:
    """Trains every row of TABLE, each with its one change, and prints their results.

    OUTPUT has a run for each row; the same command again continues where it stopped.
    """
    results = []
    opened: tuple[object, Source] | None = None
    try:
        for number, row in enumerate(read_table(table)):
            folder = output / f"{number:02d}"
            if (result := saved_result(folder)) is None:
                if opened is None or opened[0] != row.recipe.sources:
                    opened = row.recipe.sources, build_sources(row.recipe.sources, data, pool)
                sets = [
                    replace(item, folder=data / item.folder, limit=pictures) for item in row.recipe.validation if data
                ]
                validate = validator(sets, threshold) if sets else None
                result = run_row(
                    folder,
                    row,
                    opened[1],
                    validate,
                    steps=steps,
                    weights=start_from,
                    teacher=teacher,
                    workers=workers,
                )
            results.append(result)
    except (RecipeError, DivergedError, InterruptedError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(markdown(results))


@click.command()
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--recipe", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder of real pictures.",
)
@click.option("--order", type=click.IntRange(2, 10), default=6, show_default=True, help="Characters of an n-gram.")
@click.option(
    "--states", type=click.IntRange(2, 1 << 16), default=60_000, show_default=True, help="Contexts that are kept."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the generated words.")
def language(output: Path, recipe: Path, data: Path, order: int, states: int, seed: int) -> None:
    """Writes to OUTPUT a language model of characters.

    It learns from the transcripts of the recipe's labelled pictures and word crops, from the words of synthetic
    pictures and from the word list of this machine.
    """
    try:
        seen = transcripts(read_recipe(recipe), data)
        counts = corpus(seen, seed=seed)
        tables = train_language(counts, order, states=states)
        output.parent.mkdir(parents=True, exist_ok=True)
        tables.save(output)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    summary = f"{len(counts):,} words, {len(seen):,} of them seen; {len(tables.costs):,} states"
    if seen:
        summary += f"; perplexity {perplexity(tables, seen):.2f} on the seen"
    click.echo(summary)
