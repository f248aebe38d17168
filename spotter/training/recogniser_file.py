"""Files of a recogniser alone: the full state of its run, or weights to share."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spotter.families.config import SpotterConfig
from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig
from spotter.model.history import UNKNOWN, History
from spotter.model.ppocr import PLANS, PPOCRRecogniser
from spotter.model.weights import final_weights
from spotter.training import checkpoint

_AVERAGED = "module."  # prefix of the names of a run's averaged weights
_FORMER_CONFIG = "reading_config"  # the key of `recogniser_config` in files from before 0.2
_IN_SPOTTER = "recogniser.network."  # prefix of the names in a spotter's checkpoint


@dataclass(frozen=True)
class SavedRecogniser:
    """A recogniser read from a file, or to be written to one.

    plan: of `spotter.model.ppocr.PLANS`. weights: by the names of `PPOCRRecogniser`. step, pictures: of its run.
    history: of the weights.
    """

    plan: str
    charset: Charset
    weights: Mapping[str, Tensor]
    step: int = 0
    pictures: int = 0
    history: History = UNKNOWN

    def network(self) -> PPOCRRecogniser:
        """The recogniser in evaluation mode. Raises ValueError where the weights do not fit the plan."""
        network = PPOCRRecogniser(PLANS[self.plan], self.charset.classes)
        try:
            network.load_state_dict({name: value.float() for name, value in self.weights.items()})
        except RuntimeError as error:
            raise ValueError(f"the weights are not those of the plan {self.plan!r}: {error}") from error
        return network.eval()

    def save(self, path: Path) -> None:
        """Writes the weights in half precision."""
        state: dict[str, Any] = {
            "recogniser_config": {"plan": self.plan},
            "charset": self.charset.characters,
            "weights": {name: value.detach().half() for name, value in self.weights.items()},
            "step": self.step,
            "pictures": self.pictures,
            **self.history.entries(),
        }
        checkpoint.save(path, state)


def load_recogniser(path: Path) -> SavedRecogniser:
    """Reads what `SavedRecogniser.save` or a run of `spotter.training.recogniser_loop` wrote, or takes the recogniser
    out of a checkpoint of a spotter whose recogniser reads the picture; of a run, its EMA weights.

    Raises ValueError where the file is none of these.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling, zip and OS errors share no base class
        raise ValueError(f"{path} is not a readable checkpoint ({type(error).__name__})") from error
    if isinstance(state, dict) and "model_config" in state:
        return _of_spotter(path, state)
    config = state.get("recogniser_config", state.get(_FORMER_CONFIG)) if isinstance(state, dict) else None
    if config is None or config["plan"] not in PLANS:
        raise ValueError(f"{path} is not a file of a recogniser alone")
    weights = state["weights"]
    if "ema" in state:
        averaged = state["ema"].items()
        weights = {name.removeprefix(_AVERAGED): value for name, value in averaged if name.startswith(_AVERAGED)}
    return SavedRecogniser(
        config["plan"],
        Charset(state["charset"]),
        weights,
        int(state["step"]),
        int(state["pictures"]),
        History.of(state),
    )


def _of_spotter(path: Path, state: dict[str, Any]) -> SavedRecogniser:
    config = SpotterConfig.from_dict(state["model_config"])
    if not isinstance(config.recogniser, PictureRecogniserConfig):
        raise ValueError(f"the recogniser of {path} reads the detector's maps, not the picture")
    weights = final_weights(state)
    return SavedRecogniser(
        config.recogniser.plan,
        Charset(config.characters),
        {name.removeprefix(_IN_SPOTTER): value for name, value in weights.items() if name.startswith(_IN_SPOTTER)},
        history=History.of(state).recogniser(),
    )
