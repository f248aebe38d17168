"""`spotter export`."""

import json
from pathlib import Path

import click
import torch

from spotter.export.bundle import Origin, export_bundle
from spotter.export.parity import ParityError
from spotter.model.config import SpotterConfig
from spotter.model.spotter import Spotter, build_fots
from spotter.registry.errors import BundleError


def load_checkpoint(path: Path) -> tuple[Spotter, int]:
    """The spotter of a checkpoint (its EMA where there is one) and the pictures it has seen. Raises ValueError."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        model = build_fots(SpotterConfig.from_dict(state["model_config"]))
        weights = state.get("ema") or state["weights"]
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    except Exception as error:  # unpickling and key errors share no base class
        raise ValueError(f"{path} is not a Spotter checkpoint: {error}") from error
    return model.eval(), int(state.get("pictures", 0))


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", default="spotter", show_default=True)
@click.option("--version", default="1", show_default=True)
@click.option("--score-threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@click.option("--recipe", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Names the training data.")
@click.option("--metrics", type=click.File(), help="Scores, as `spotter evaluate --json` writes them.")
@click.option("--limits", type=click.File(), help="Text for the card: where the model fails.")
def export(
    checkpoint: Path,
    folder: Path,
    name: str,
    version: str,
    score_threshold: float,
    recipe: Path | None,
    metrics: click.utils.LazyFile | None,
    limits: click.utils.LazyFile | None,
) -> None:
    """Turns CHECKPOINT into a bundle in FOLDER, or refuses when the graph does not say what the network says."""
    try:
        model, pictures = load_checkpoint(checkpoint)
        origin = Origin(
            recipe=recipe,
            metrics=json.load(metrics) if metrics else {},
            limits=limits.read().strip() if limits else "Not examined.",
            pictures=pictures,
        )
        manifest, compared = export_bundle(
            model, folder, name=name, version=version, score_threshold=score_threshold, origin=origin
        )
    except (ParityError, BundleError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: {manifest.name} {manifest.version}, {compared} words compared, {manifest.digest}")
