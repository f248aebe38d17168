"""The state of a training run: its counters, and the parts that are saved in `last.pt`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from spotter.model.history import UNKNOWN, History
from spotter.training import checkpoint

LAST = "last.pt"
_COUNTERS = ("step", "pictures", "words", "seconds")


class Stateful(Protocol):
    """A part of a run with a state of its own, as torch's modules and optimisers have."""

    def state_dict(self) -> Mapping[str, Any]:
        """The state in plain containers and tensors."""

    def load_state_dict(self, state_dict: Any, /) -> Any:
        """Inverse of `state_dict`."""


class RunState(ABC):
    """The counters and the last checkpoint of a run in one folder.

    step, pictures, words: done so far. seconds: spent so far. history: of the weights, this run included.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self.step = 0
        self.pictures = 0
        self.words = 0
        self.seconds = 0.0
        self.history = UNKNOWN

    @abstractmethod
    def parts(self) -> Mapping[str, Stateful]:
        """The parts whose states are saved, by their keys in the checkpoint."""

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """The configuration that is saved with the parts."""

    @property
    def last(self) -> Path:
        """The file of the full state."""
        return self.run / LAST

    def save(self) -> None:
        """Writes the full state atomically."""
        checkpoint.save(
            self.last,
            {
                **self.settings(),
                **{name: part.state_dict() for name, part in self.parts().items()},
                **{name: getattr(self, name) for name in _COUNTERS},
                **self.history.entries(),
            },
        )

    def restore(self, state: Mapping[str, Any], newer: Sequence[str] = ()) -> None:
        """Continues from a state that `save` wrote. newer: parts that states written by earlier versions lack.

        Raises KeyError or RuntimeError when it is the state of another run.
        """
        for name, part in self.parts().items():
            if name in state or name not in newer:
                part.load_state_dict(state[name])
        for name in _COUNTERS:
            setattr(self, name, state[name])
        if "started_from" in state:
            self.history = History.of(state)
