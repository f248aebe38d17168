"""Times a training step: forward, backward, optimiser and averaging, on a prepared batch."""

import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks import table
from benchmarks.table import Spread
from spotter.families.config import SpotterConfig
from spotter.training.config import TrainConfig
from spotter.training.loop import Trainer
from spotter.training.sample import Source
from spotter.training.step_batches import StepBatches

_WARM_UP = 2


@dataclass(frozen=True)
class StepTime:
    """The time of steps at one side, in pixels, of the recipe. pictures, words: in a step. seconds: of a step."""

    side: int
    pictures: int
    words: int
    seconds: Spread

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {**asdict(self), "pictures_a_second": self.pictures / self.seconds.median}


def measure(
    config: TrainConfig, model: SpotterConfig, source: Source, *, steps: int, device: str, threads: int
) -> list[StepTime]:
    """Times `steps` steps at each side that the recipe uses, on pictures of `source`, which are drawn beforehand."""
    torch.set_num_threads(threads)
    found = []
    with tempfile.TemporaryDirectory() as run:
        trainer = Trainer(Path(run), source, config, model, device=device, workers=0)
        # From this step on some words are read in the detector's own regions, which costs most.
        trainer.step = min(config.predicted_after, config.steps - 1)
        for side in sorted(set(config.sizes)):
            batch = StepBatches(source, replace(config, sizes=(side,)), trainer.charset, trainer.family, 0)[0]
            times = []
            for _ in range(_WARM_UP + steps):
                began = time.perf_counter()
                trainer.advance(batch)  # returns numbers on the CPU, so a device has finished
                times.append(time.perf_counter() - began)
            found.append(StepTime(side, len(batch.images), config.words, table.spread(times[_WARM_UP:])))
    return found


def as_table(found: list[StepTime]) -> str:
    """A table of the results."""
    rows = [
        (
            f"{each.side} x {each.side}",
            each.pictures,
            each.words,
            *(1000 * seconds for seconds in asdict(each.seconds).values()),
            each.pictures / each.seconds.median,
        )
        for each in found
    ]
    return table.render(("pictures of", "a step", "words", "ms", "p10", "p90", "pictures a second"), rows)
