"""Synthetic pictures get harder as the network learns to read, not as time passes."""

from typing import Any, Protocol, runtime_checkable

from spotter.training.config import DifficultyConfig
from spotter.training.sample import Source


@runtime_checkable
class Graded(Protocol):
    """A source that can make easier pictures."""

    def at(self, difficulty: float) -> Source:
        """The same source at a difficulty between 0 and 1, its ordinary one."""
        ...


def at_difficulty(source: Source, difficulty: float) -> Source:
    """A source at a difficulty; one that has no grades stays as it is."""
    return source.at(difficulty) if isinstance(source, Graded) else source


class Curriculum:
    """Difficulty from the moving average of the recognition loss per character: 0 while it is `easy` or more, 1 once it
    is `hard` or less, straight in between, and never less than before.

    It changes every `period` steps alone, so that pictures made ahead of their step are those of a resumed run.
    """

    def __init__(self, config: DifficultyConfig) -> None:
        self.config = config
        self.mean: float | None = None
        self.difficulty = 0.0 if config.enabled else 1.0

    def note(self, loss: float, step: int) -> None:
        """Takes in the loss of a step; step: how many are done, it included."""
        config = self.config
        if not config.enabled:
            return
        self.mean = loss if self.mean is None else config.decay * self.mean + (1 - config.decay) * loss
        if step % config.period == 0:
            earned = (config.easy - self.mean) / (config.easy - config.hard)
            self.difficulty = min(max(earned, self.difficulty), 1.0)

    def last_step(self, step: int, steps: int) -> int:
        """Where the difficulty that holds at `step` may change, at most `steps`."""
        period = self.config.period
        return min((step // period + 1) * period, steps) if self.config.enabled else steps

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"mean": self.mean, "difficulty": self.difficulty}

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.mean, self.difficulty = state["mean"], state["difficulty"]
