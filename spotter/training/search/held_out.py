"""The loss by which candidates are judged: the detector's loss on pictures that none of them was trained on."""

import copy
from collections.abc import Mapping
from dataclasses import replace

import torch

from spotter.families.catalogue import family_named
from spotter.families.config import SpotterConfig
from spotter.model.charset import Charset
from spotter.model.spotter import Spotter
from spotter.training.config import TrainConfig
from spotter.training.losses import detector_losses
from spotter.training.sample import Source
from spotter.training.search.results import HELD_OUT
from spotter.training.step_batches import StepBatches

_PICTURES = 64
_SEED = 1_000_003  # far from the seeds of runs


class HeldOut:
    """The same batches for every network: pictures of a run's sources, drawn with another seed. Synthetic pictures are
    new; of real pictures, other crops are taken than those in training."""

    def __init__(self, source: Source, config: TrainConfig, model: SpotterConfig) -> None:
        """model: gives the family and the characters."""
        self.family = family_named(model.family)
        self.config = config
        charset = Charset(model.characters)
        apart = replace(config, seed=config.seed + _SEED)
        steps = StepBatches(source, apart, charset, self.family, 0, max(_PICTURES // config.batch, 1))
        self.batches = [steps[index] for index in range(len(steps))]

    def __call__(self, network: Spotter) -> dict[str, float]:
        """The means over the batches of the weighted parts of the detector's loss, by name, and of their sum.

        The network is on the CPU. Its batch norms use the statistics of each batch: in a short run the running
        statistics lag behind the weights, which would affect the loss more than the difference between networks.
        """
        sums: dict[str, float] = {}
        learning = copy.deepcopy(network).train()
        with torch.inference_mode():
            for batch in self.batches:
                maps = learning.detect(learning.features(batch.images))
                for name, value in detector_losses(self.family, maps, batch, self.config).items():
                    sums[name] = sums.get(name, 0.0) + float(value) / len(self.batches)
        return _named(sums)


def _named(parts: Mapping[str, float]) -> dict[str, float]:
    each = {f"{HELD_OUT}/{name}": round(value, 4) for name, value in parts.items()}
    return {HELD_OUT: round(sum(parts.values()), 4), **each}
