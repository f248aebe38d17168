"""Gives the head of `fifth`, which tells no slant yet, one by linear regression: how the weights here were made.

    python training/runs/eighth/slant.py FIFTH OUTPUT --data DATA --pool work/pool

FIFTH is a checkpoint whose head has seven outputs. The eighth is fitted by least squares to how far words lean, at the
cells of their cores, from what the head's last layer sees of 270 training pictures; nothing else changes.
"""

from pathlib import Path

import click
import numpy as np
import torch

from spotter.model.charset import Charset
from spotter.model.detection import DetectionHead
from spotter.model.weights import load_spotter
from spotter.training.batch import collate
from spotter.training.losses import word_weights
from spotter.training.recipe import build_sources, read_recipe

RECIPE = Path(__file__).parents[2] / "recipes" / "fifth.toml"
BATCHES, PICTURES, SIDE = 90, 3, 512
RIDGE = 1e-3


@click.command()
@click.argument("start", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--pool", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@torch.no_grad()
def main(start: Path, output: Path, data: Path, pool: Path) -> None:
    """Adds the slant to START's head."""
    state = torch.load(start, map_location="cpu", weights_only=True)
    last = {name: state["weights"][f"head.out.{name}"] for name in ("weight", "bias")}
    for name, value in last.items():
        state["weights"][f"head.out.{name}"] = torch.cat((value, torch.zeros_like(value[:1])))
    torch.save(state, output)
    model = load_spotter(output)
    assert isinstance(model.head, DetectionHead)
    sources = [source for source in read_recipe(RECIPE).sources if source["kind"] in ("labelled", "scene")]
    mixture = build_sources(sources, data, pool)
    seen, slants, weights = [], [], []
    for number in range(BATCHES):
        rng = np.random.default_rng(1000 + number)
        batch = collate([mixture.sample(rng, SIDE) for _ in range(PICTURES)], Charset())
        features = model.head.shared(model.features(batch.images).shared)
        image, row, column = (batch.owner >= 0).nonzero().unbind(1)
        word = batch.owner[image, row, column]
        cells = torch.bincount(word, minlength=len(batch.boxes))[word]
        seen.append(torch.cat((features[image, :, row, column], torch.ones(len(word), 1)), 1))
        slants.append(batch.boxes[word, 5])
        weights.append(word_weights(batch.image_index, 0.6)[word] / cells)
    x, y, w = torch.cat(seen).double(), torch.cat(slants).double(), torch.cat(weights).double()
    ridge = RIDGE * w.sum() * torch.eye(x.shape[1], dtype=torch.float64)
    found = torch.linalg.solve((x * w[:, None]).T @ x + ridge, (x * w[:, None]).T @ y)
    left = (w * (x @ found - y) ** 2).sum() / (w * y**2).sum()
    click.echo(f"{len(x)} cells; {1 - float(left):.0%} of the slants' square explained")
    out = state["weights"]["head.out.weight"]
    out[7, :, 0, 0] = found[:-1].to(out.dtype)
    state["weights"]["head.out.bias"][7] = float(found[-1])
    torch.save(state, output)


if __name__ == "__main__":
    main()
