"""`spotter export` and `spotter rescore`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import click
from tqdm import tqdm

from spotter.export.bundle import INPUT, Step, export_bundle, steps
from spotter.export.card import Origin, scores, with_scores
from spotter.export.parity import ParityError
from spotter.export.quantise import calibration_pictures
from spotter.families.build import load_spotter
from spotter.model.history import History
from spotter.model.weights import load_state
from spotter.registry.bundle import CARD, copy_bundle, open_bundle
from spotter.registry.errors import BundleError

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("checkpoint", type=_FILE)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", default="spotter", show_default=True)
@click.option("--version", default="1", show_default=True)
@click.option("--score-threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@click.option(
    "--started-from",
    "start",
    default="random weights",
    show_default=True,
    help="What the first recipe began with, and its licence, for the card.",
)
@click.option(
    "--metrics",
    type=_FILE,
    help="Scores, as `spotter evaluate --json` writes them.",
)
@click.option(
    "--limits",
    type=_FILE,
    help="Text for the card: where the model fails.",
)
@click.option(
    "--language",
    type=_FILE,
    help="Language model by which the bundle reads, as `spotter language` writes it.",
)
@click.option(
    "--language-recipe",
    type=_FILE,
    help="The recipe that `spotter language` was given: names what the language model learnt from.",
)
@click.option(
    "--int8",
    "calibration",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    multiple=True,
    help="Quantise the dense part by pictures from this folder; may be given several times.",
)
@click.option("--fp16", "half", is_flag=True, help="The dense part in half precision, for GPUs.")
@click.option(
    "--side", type=click.IntRange(min=64), default=INPUT.target_side, show_default=True,
    help="Long side in pixels at which the bundle reads pictures: time goes with its square.",
)  # fmt: skip
@click.option(
    "--max-upscale", type=click.FloatRange(1, 16), default=INPUT.max_upscale, show_default=True,
    help="How many times the bundle enlarges smaller pictures at most.",
)  # fmt: skip
@click.option("--calibration-pictures", "count", type=click.IntRange(min=1), default=24, show_default=True)
def export(
    checkpoint: Path,
    folder: Path,
    name: str,
    version: str,
    score_threshold: float,
    start: str,
    metrics: Path | None,
    limits: Path | None,
    language: Path | None,
    language_recipe: Path | None,
    calibration: tuple[Path, ...],
    half: bool,
    side: int,
    max_upscale: float,
    count: int,
) -> None:
    """Turns CHECKPOINT into a bundle in FOLDER, or fails when the graph does not read what the network reads."""
    try:
        model = load_spotter(checkpoint, language)
        state = load_state(checkpoint)
        history = History.of(state)
        origin = Origin(
            recipes=history.recipes,
            metrics=_json(metrics) if metrics else {},
            limits=limits.read_text().strip() if limits else "Not examined.",
            pictures=int(state.get("pictures", 0)),
            start=start,
            parts=history.started_from,
            language=language_recipe,
        )
        spec = replace(INPUT.at(side), max_upscale=max_upscale)
        pictures = calibration_pictures(calibration, count, spec) if calibration else ()
        with tqdm(total=steps(bool(calibration), half), unit="step", disable=None) as bar:
            manifest, compared = export_bundle(
                model,
                folder,
                name=name,
                version=version,
                score_threshold=score_threshold,
                origin=origin,
                calibration=pictures,
                half=half,
                spec=spec,
                step=_shown(bar),
            )
    except (ParityError, BundleError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: {manifest.name} {manifest.version}, {compared} words compared, {manifest.digest}")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--metrics", type=_FILE, required=True, help="Its scores, as `spotter evaluate --json` writes them.")
@click.option("--limits", type=_FILE, help="Text for the card: where the model fails; as it was by default.")
def rescore(bundle: Path, folder: Path, metrics: Path, limits: Path | None) -> None:
    """Copies BUNDLE to FOLDER, its card and manifest with new scores.

    A bundle can only be evaluated once it is there, and exporting it again would not give the same graph to the bit: so
    export, evaluate the bundle, and give the same graph its scores.
    """
    try:
        opened = open_bundle(bundle)
        figures = scores(_json(metrics))
        text = limits.read_text().strip() if limits else None
        card = with_scores(opened.read(CARD).decode(), figures, text)
        manifest = copy_bundle(opened, folder, card=card, metrics=figures)
    except (BundleError, ValueError, FileExistsError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: {manifest.name} {manifest.version}, {manifest.digest}")


def _shown(bar: "tqdm[NoReturn]") -> Step:
    """Steps by a bar."""

    @contextmanager
    def step(name: str) -> Iterator[None]:
        bar.set_description(name)
        yield
        bar.update()

    return step


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{file} is no JSON: {error}") from error
