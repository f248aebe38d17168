"""Small networks to prune, and what they say."""

from pathlib import Path

import torch
from torch import Tensor

from spotter.families.build import build_spotter
from spotter.families.config import SpotterConfig
from spotter.model.history import History, Trained
from spotter.model.spotter import Spotter
from spotter.training import checkpoint

REGION = [[64.0, 64.0, 90.0, 20.0, 0.2, 0.0]]  # a slanted box

HISTORY = History(({"part": "recogniser", "name": "theirs"},), (Trained("mine", "[[source]]"),))


def randomised(model: Spotter) -> Spotter:
    """With weights, scales and statistics that all differ."""
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_var") or (value.ndim == 1 and name.endswith("weight")):
                value.uniform_(0.5, 1.5)
            elif value.is_floating_point():
                value.normal_(0, value[0].numel() ** -0.5 if value.ndim > 1 else 0.3)
    return model.eval()


def widened(small: Spotter, config: SpotterConfig) -> Spotter:
    """A network of larger widths whose additional channels are 0 throughout, though whatever reads them is not."""
    large = randomised(build_spotter(config))
    ours = small.state_dict()
    with torch.no_grad():
        for name, value in large.state_dict().items():
            own = ours[name]
            if own.shape != value.shape and not name.endswith("running_var"):
                value[own.shape[0] :] = 0
            value[tuple(slice(side) for side in own.shape)] = own
    return large


def detected(model: Spotter) -> list[Tensor]:
    """The head's maps of a picture."""
    with torch.no_grad():
        maps = model.detect(model.features(_picture()))
    return [value for value in vars(maps).values() if isinstance(value, Tensor)]


def read(model: Spotter) -> Tensor:
    """What the recogniser says of a region of that picture."""
    with torch.no_grad():
        return model.columns(model.features(_picture()), torch.tensor(REGION), torch.tensor([0])).logits


def saved(path: Path, config: SpotterConfig, model: Spotter | None = None) -> Path:
    """A checkpoint of a network, random unless given."""
    model = model or randomised(build_spotter(config))
    state = checkpoint.shared(config.to_dict(), model.state_dict(), 5, 70, HISTORY)
    checkpoint.save(path, state)
    return path


def _picture() -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (1, 128, 128, 3), generator=generator, dtype=torch.uint8)
