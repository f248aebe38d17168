"""A curriculum: synthetic pictures get harder as the recognition loss falls."""

from typing import Any, Protocol, runtime_checkable

from spotter.training.config import DifficultyConfig
from spotter.training.sample import Source


@runtime_checkable
class Graded(Protocol):
    """A source that can make easier pictures."""

    def at(self, difficulty: float) -> Source:
        """The same source at a difficulty from 0 to 1; the default is 1."""
        ...


def at_difficulty(source: Source, difficulty: float) -> Source:
    """A source at a difficulty; one without difficulty is returned unchanged."""
    return source.at(difficulty) if isinstance(source, Graded) else source


class Curriculum:
    """Difficulty from the moving average of the recognition loss per character: 0 while it is `easy` or more, 1 once it
    is `hard` or less, linear in between, and never less than before.

    It changes only every `period` steps, so that a resumed run gets the same pictures although they are prefetched.
    """

    def __init__(self, config: DifficultyConfig) -> None:
        self.config = config
        self.mean: float | None = None
        self.difficulty = 0.0 if config.enabled else 1.0

    def note(self, loss: float, step: int) -> None:
        """Updates with the loss of a step; step: number of steps done, including this one."""
        config = self.config
        if not config.enabled:
            return
        self.mean = loss if self.mean is None else config.decay * self.mean + (1 - config.decay) * loss
        if step % config.period == 0:
            earned = (config.easy - self.mean) / (config.easy - config.hard)
            self.difficulty = min(max(earned, self.difficulty), 1.0)

    def last_step(self, step: int, steps: int) -> int:
        """The step until which the difficulty at `step` stays the same, at most `steps`."""
        period = self.config.period
        return min((step // period + 1) * period, steps) if self.config.enabled else steps

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"mean": self.mean, "difficulty": self.difficulty}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.mean, self.difficulty = state_dict["mean"], state_dict["difficulty"]
