"""Several sources as one."""

from collections.abc import Sequence

import numpy as np

from spotter.training.curriculum import at_difficulty
from spotter.training.sample import Sample, Source


class Mixture:
    """Draws each picture from one of its sources, with odds by weight.

    Raises ValueError when there is no source or a weight is not positive.
    """

    def __init__(self, sources: Sequence[tuple[Source, float]]) -> None:
        if not sources or any(not weight > 0 for _, weight in sources):
            raise ValueError("a mixture wants at least one source and positive weights")
        self._parts = tuple(sources)
        self._sources = [source for source, _ in sources]
        weights = np.array([weight for _, weight in sources], np.float64)
        self._edges = np.cumsum(weights / weights.sum())

    def at(self, difficulty: float) -> "Mixture":
        """Every source that has grades at a difficulty between 0 and 1, its ordinary one."""
        return Mixture([(at_difficulty(source, difficulty), weight) for source, weight in self._parts])

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A picture of one of the sources."""
        chosen = int(np.searchsorted(self._edges, rng.random(), side="right"))
        return self._sources[min(chosen, len(self._sources) - 1)].sample(rng, size)
