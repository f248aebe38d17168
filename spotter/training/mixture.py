"""A weighted mixture of sources."""

from collections.abc import Sequence

import numpy as np

from spotter.training.compose import planned
from spotter.training.curriculum import at_difficulty
from spotter.training.sample import Sample, Source


class Mixture:
    """Draws each picture from one of its sources, with probabilities proportional to their weights.

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
        """The mixture with its sources at a difficulty from 0 to 1; the default is 1."""
        return Mixture([(at_difficulty(source, difficulty), weight) for source, weight in self._parts])

    def planned(self) -> "Mixture":
        """The mixture with layouts instead of pictures, for a device to compose."""
        return Mixture([(planned(source), weight) for source, weight in self._parts])

    @property
    def sources(self) -> list[Source]:
        """The sources."""
        return list(self._sources)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A sample of one of the sources."""
        chosen = int(np.searchsorted(self._edges, rng.random(), side="right"))
        return self._sources[min(chosen, len(self._sources) - 1)].sample(rng, size)
