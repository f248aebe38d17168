"""The batches of a run's steps."""

import numpy as np
from torch.utils.data import Dataset

from spotter.families.interface import Family
from spotter.model.charset import Charset
from spotter.training.batch import Batch, collate
from spotter.training.compose import with_plan
from spotter.training.config import TrainConfig
from spotter.training.sample import Source


class StepBatches(Dataset[Batch]):
    """The batch of each step, which depends on the seed and the step only, so that a resumed run sees the same
    batches."""

    def __init__(
        self, source: Source, config: TrainConfig, charset: Charset, family: Family, first: int, last: int | None = None
    ) -> None:
        """first, last: the steps from `first` up to but not including `last`, or up to the run's end."""
        self.source = source
        self.config = config
        self.charset = charset
        self.family = family
        self.first = first
        self.last = config.steps if last is None else last

    def __len__(self) -> int:
        return max(self.last - self.first, 0)

    def __getitem__(self, index: int) -> Batch:
        rng = np.random.default_rng((self.config.seed, self.first + index))
        size = int(rng.choice(self.config.sizes))
        count = max(1, round(self.config.batch * (self.config.size / size) ** 2))
        samples = [self.source.sample(rng, size) for _ in range(count)]
        return with_plan(collate(samples, self.charset, self.family), samples)
