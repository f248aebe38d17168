"""`spotter calibrate`: fits a checkpoint's scores to the probability that words are right."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from spotter.cli.evaluate import parse_dataset
from spotter.export.bundle import INPUT
from spotter.families.build import load_spotter
from spotter.families.config import SpotterConfig
from spotter.model.history import History
from spotter.model.spotter import Spotter
from spotter.model.weights import final_weights, load_state
from spotter.reading.imaging import prepare_pixels
from spotter.reading.sizing import to_upload
from spotter.training import checkpoint as checkpoints
from spotter.training.data.annotations import AnnotationError
from spotter.training.evaluation.calibration import Evidence, fit, scores
from spotter.training.evaluation.datasets import Dataset
from spotter.training.evaluation.reliability import expected_calibration_error, outcomes
from spotter.training.evaluation.scores import Read, compare
from spotter.training.prediction import Prediction


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("datasets", type=parse_dataset, nargs=-1, required=True, metavar="[PRESET=]FOLDER...")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Checkpoint to write.")
@click.option("--language", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Reads by this model.")
@click.option("--space", type=float, help="Added to the logit of a space, instead of the checkpoint's number.")
@click.option("--rare", type=float, help="Added to the logits of letters that Western Europe does not write, likewise.")
@click.option("--side", type=click.IntRange(min=64), default=INPUT.target_side, show_default=True, help="Long side.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first pictures of each dataset.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead of a table.")
def calibrate(
    checkpoint: Path,
    datasets: tuple[Dataset, ...],
    output: Path,
    language: Path | None,
    space: float | None,
    rare: float | None,
    side: int,
    limit: int | None,
    as_json: bool,
) -> None:
    """Fits CHECKPOINT's scores to what it reads right on DATASETS (not those it was trained on).

    With --space also sets how readily regions are cut into words, with --rare how readily letters get marks. The
    half-precision EMA weights, with the fitted numbers in their configuration, go to --output.
    """
    try:
        model = load_spotter(checkpoint, language, space, rare)
        evidence = {str(dataset.folder): gather(model, dataset, side, limit) for dataset in datasets}
        state = load_state(checkpoint)
        config = SpotterConfig.from_dict(state["model_config"])
        fitted = fit(list(evidence.values()), config.score)
    except (ValueError, AnnotationError) as error:
        raise click.ClickException(str(error)) from None
    gaps = {
        name: [expected_calibration_error(scores(part, score), part.right) for score in (config.score, fitted)]
        for name, part in evidence.items()
    }
    config = replace(config.with_priors(space, rare), score=fitted)
    steps, pictures = state.get("step", 0), state.get("pictures", 0)
    weights = final_weights(state)
    checkpoints.save(output, checkpoints.shared(config.to_dict(), weights, steps, pictures, History.of(state)))
    if as_json:
        figures = [
            {"folder": name, "words": len(part.right), "ece_before": gaps[name][0], "ece_after": gaps[name][1]}
            for name, part in evidence.items()
        ]
        click.echo(json.dumps({"output": str(output), "score": asdict(fitted), "datasets": figures}, indent=2))
        return
    click.echo(f"{'':40}{'words':>8}{'ECE before':>12}{'after':>8}")
    for name, part in evidence.items():
        click.echo(f"{name[-38:]:40}{len(part.right):>8}{gaps[name][0]:>12.3f}{gaps[name][1]:>8.3f}")
    click.echo(f"{output}: {fitted}")


def gather(model: Spotter, dataset: Dataset, side: int, limit: int | None) -> Evidence:
    """The numbers behind the scores of the words that the model finds on a dataset, and whether the words are right."""
    spec = INPUT.at(side)
    charset = model.charset
    parts: list[Sequence[NDArray[np.generic]]] = []
    for picture in tqdm(dataset.pictures(limit), desc=str(dataset.folder), unit="picture", disable=None):
        ready = prepare_pixels(picture.load(), spec)
        width, height = ready.working
        with torch.inference_mode():
            found = model.examine(
                torch.from_numpy(ready.padded[None].copy()), torch.tensor([[height, width]], dtype=torch.int32)
            )
        placed = to_upload(found.words.polygons.numpy(), ready.working, ready.upload)
        predictions = [
            Prediction(polygon, charset.decode(row), score)
            for polygon, row, score in zip(
                placed, found.words.characters.tolist(), found.detection.tolist(), strict=True
            )
        ]
        counts, right = outcomes(compare(Read(picture.path.name, picture.annotations, predictions)), dataset.how)
        inputs = (found.detection, found.confidence, found.margins, found.text, found.lengths)
        parts.append((*(value.numpy()[counts] for value in inputs), right[counts]))
    *columns, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    detection, character, margin, text, length = (column.astype(np.float64) for column in columns)
    return Evidence(detection, character, margin, text, length, right.astype(np.bool_))
