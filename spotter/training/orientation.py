"""Trains the classifier of a picture's orientation on the maps of a trained spotter."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from spotter.families.build import load_spotter
from spotter.model.history import History
from spotter.model.orientation import Orientation
from spotter.model.spotter import Spotter
from spotter.model.weights import final_weights, load_state
from spotter.training import checkpoint
from spotter.training.sample import Sample, Source

_BATCH = 24  # views of pictures
_POINTS = 96  # anchor points of a view that are drawn for a step, so that steps see different ones
_RATE, _DECAY = 4e-3, 1e-2
_ALIKE = 0.8  # least share of a picture's words that must have one reading direction
_MOST_DRAWS = 50
_PART = "orientation."


@dataclass(frozen=True)
class Views:
    """The network's features of P pictures in all four orientations: features [P, 4, K, C], scores [P, 4, K]
    (see `spotter.model.orientation.sure_points`); view k is turned clockwise by k quarter turns."""

    features: Tensor
    scores: Tensor


def direction(sample: Sample) -> int | None:
    """The number of quarter turns clockwise of a picture's text; None where there is no text, or text in several
    directions."""
    edges = (sample.polygons[:, 1] - sample.polygons[:, 0])[~sample.ignore].astype(np.float64)
    if not len(edges):
        return None
    turns = np.round(np.arctan2(edges[:, 1], edges[:, 0]) / (math.pi / 2)).astype(int) % 4
    counts = np.bincount(turns, minlength=4)
    turn = int(counts.argmax())
    return turn if counts[turn] >= _ALIKE * len(turns) else None


def upright(source: Source, rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """A picture of size x size pixels from a source, with upright text. Raises ValueError where the source gives hardly
    any text."""
    for _ in range(_MOST_DRAWS):
        sample = source.sample(rng, size)
        if (turn := direction(sample)) is not None:
            return np.ascontiguousarray(np.rot90(sample.image, turn))
    raise ValueError(f"of {_MOST_DRAWS} pictures of a source, none has text in one direction")


def look(model: Spotter, pictures: Iterator[NDArray[np.uint8]]) -> Views:
    """The features of upright pictures, uint8 [S, S, 3], in all four orientations, by a model in evaluation mode."""
    features, scores = [], []
    for picture in pictures:
        ways = torch.from_numpy(np.stack([np.rot90(picture, -turn) for turn in range(4)]))
        with torch.inference_mode():
            seen = model.features(ways)
            sizes = torch.tensor([picture.shape[:2]] * 4)
            points, sure = model.points(seen, model.detect(seen), sizes)
        features.append(points.half())
        scores.append(sure.half())
    return Views(torch.stack(features), torch.stack(scores))


def fit(views: Views, steps: int, seed: int = 0) -> Orientation:
    """Trains a classifier of the views' orientations, by AdamW with a one-cycle learning rate
    (Smith 2018, arXiv:1803.09820)."""
    torch.manual_seed(seed)
    pictures, _, points, channels = views.features.shape
    model = Orientation(channels)
    every = views.features.float()
    model.mean.copy_(every.mean((0, 1, 2)))
    model.deviation.copy_(every.std((0, 1, 2)) + 1e-5)
    optimiser = torch.optim.AdamW(model.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
    ways = torch.arange(4).repeat(_BATCH)
    for _ in range(steps):
        chosen = torch.randint(pictures, (_BATCH,))
        seen = torch.randint(points, (min(_POINTS, points),))
        features = views.features[chosen][:, :, seen].flatten(0, 1).float()
        loss = F.cross_entropy(model(features, views.scores[chosen][:, :, seen].flatten(0, 1).float()), ways)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return model.eval()


def accuracy(model: Orientation, views: Views) -> float:
    """The share of the views that are classified correctly."""
    with torch.inference_mode():
        logits = model(views.features.flatten(0, 1).float(), views.scores.flatten(0, 1).float())
    ways = torch.arange(4).repeat(len(views.features))
    return float((logits.argmax(1) == ways).float().mean())


def with_orientation(
    path: Path, pictures: Iterator[NDArray[np.uint8]], steps: int, seed: int = 0
) -> tuple[dict[str, Any], float]:
    """The state, in half precision, of a checkpoint's spotter with a classifier of the orientation added, and the
    classifier's accuracy on the views of a tenth of the pictures, which are held out.

    pictures: upright, uint8 [S, S, 3]. Raises ValueError where the file is no checkpoint of ours.
    """
    state = load_state(path)
    model = load_spotter(path)
    views = look(model, pictures)
    kept_back = max(1, len(views.features) // 10)
    learnt = fit(Views(views.features[kept_back:], views.scores[kept_back:]), steps, seed)
    share = accuracy(learnt, Views(views.features[:kept_back], views.scores[:kept_back]))
    config = {**state["model_config"], "orientation": True}
    weights = {name: value for name, value in final_weights(state).items() if not name.startswith(_PART)}
    weights |= {f"{_PART}{name}": value for name, value in learnt.state_dict().items()}
    saved = checkpoint.shared(config, weights, state.get("step", 0), state.get("pictures", 0), History.of(state))
    return saved, share
