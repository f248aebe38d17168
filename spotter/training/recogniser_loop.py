"""Trains the recogniser alone, on words cut from training pictures with a detector's errors imitated.

The detector is not run, so a step costs less, and the recogniser may start from published weights (see
`spotter.training.pretrained`). A run can be resumed at any step.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from spotter.families.catalogue import family_named
from spotter.families.interface import Family, Misplacement
from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig
from spotter.model.cutting import Cut, cut, picture_mosaic
from spotter.model.history import UNKNOWN, History
from spotter.model.ppocr import PLANS, PPOCRRecogniser
from spotter.model.spotter import BLACK, normalised
from spotter.training.config import RunConfig
from spotter.training.losses import recognition_loss
from spotter.training.polygons import together
from spotter.training.precision import fast_bfloat16
from spotter.training.recogniser_file import SavedRecogniser
from spotter.training.run_log import RunLog
from spotter.training.run_state import RunState, Stateful
from spotter.training.runs import right_neighbours, run_from, run_polygon
from spotter.training.sample import Sample, Source
from spotter.training.stopping import leave_signals_to_the_trainer, stopping_on_signals

_UNITS = 128  # the packed row's length is a multiple of it
_SIZES = (512, 512, 640)
_HEIGHTS = (6.0, 300.0)  # pixels; other words are not read
_COLUMNS = 6.0  # approximate number of columns in a length of one height
_LONGEST_RUN = 110  # columns


@dataclass(frozen=True)
class RecogniserTrainConfig(RunConfig):
    """Settings of a run of the recogniser alone.

    plan: "small" or "tiny". family: the family whose regions are cut. words, units: the most in a step. per_picture:
    the most words of one picture.
    learning_rate: after `warmup` steps it stays until `decay_from`, then falls to nothing at `steps` (Hägele et al.
        2024, arXiv:2405.18392: such a run can be prolonged without a new schedule).
    ends, sides, astray: errors added to regions, see `Misplacement`.
    run: share of the regions that also contain the next words of the line. gap: the largest gap between these words, in
        heights.
    """

    plan: str = "small"
    units: int = 1100
    per_picture: int = 12
    decay_from: int = 160_000
    ends: float = 0.11
    sides: float = 0.06
    astray: float = 0.12
    run: float = 0.4
    gap: float = 0.7
    family: str = "fots"
    # Defaults that differ from those of `RunConfig`.
    words: int = 64
    steps: int = 200_000
    warmup: int = 300
    learning_rate: float = 7e-5
    ema: float = 0.9995
    log_every: int = 50

    def __post_init__(self) -> None:
        family_named(self.family)
        if self.plan not in PLANS:
            raise ValueError(f"plan must be one of {', '.join(PLANS)}")
        if min(self.words, self.units, self.per_picture, self.warmup, self.save_every, self.log_every) < 1:
            raise ValueError("words, units, per_picture, warmup, save_every and log_every must be at least 1")
        if not self.warmup <= self.decay_from <= self.steps:
            raise ValueError("warmup <= decay_from <= steps must hold")
        if not 0 < self.ema < 1:
            raise ValueError("ema must lie between 0 and 1")
        if min(self.learning_rate, self.clip) <= 0:
            raise ValueError("learning_rate and clip must be above 0")
        if min(self.seed, self.weight_decay, self.ends, self.sides, self.gap) < 0:
            raise ValueError("seed, weight_decay, ends, sides and gap must not be negative")
        if not (0 <= self.astray <= 1 and 0 <= self.run <= 1):
            raise ValueError("astray and run must lie between 0 and 1")

    @property
    def misplacement(self) -> Misplacement:
        """The distribution of the errors added to regions."""
        return Misplacement(self.ends, self.sides, self.astray)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        falling = (step - self.decay_from) / max(self.steps - self.decay_from, 1)
        return self.learning_rate * min(1.0, (step + 1) / self.warmup) * (1 - math.sqrt(min(max(falling, 0.0), 1.0)))


@dataclass(frozen=True)
class WordBatch:
    """images: uint8 [B, H, W, 3]. shapes: float32 [N, G], with a detector's errors. image_index: int64 [N].
    targets: classes of each word."""

    images: Tensor
    shapes: Tensor
    image_index: Tensor
    targets: list[list[int]]


class WordBatches(Dataset[WordBatch]):
    """The batch of each step, which depends on the seed and the step only."""

    def __init__(self, source: Source, config: RecogniserTrainConfig, charset: Charset, first: int = 0) -> None:
        """first: the step of the first batch."""
        self.source, self.config, self.charset, self.first = source, config, charset, first
        self.family = family_named(config.family)

    def __len__(self) -> int:
        return max(self.config.steps - self.first, 0)

    def __getitem__(self, index: int) -> WordBatch:
        return self.batch(self.first + index)

    def batch(self, step: int) -> WordBatch:
        """The batch of a step: words of several pictures of one size. Raises ValueError where the sources give no word
        that can be read."""
        config = self.config
        rng = np.random.default_rng((config.seed, step))
        size = int(rng.choice(_SIZES))
        images, shapes, index, targets = [], [], [], []
        words = units = misses = 0
        while words < config.words and units < config.units and misses < 50:
            sample = self.source.sample(rng, size)
            true, said = self._readable(sample, rng)
            if not said:
                misses += 1
                continue
            images.append(sample.image)
            shapes.append(self.family.misplaced(true, config.misplacement, rng))
            index += [len(images) - 1] * len(said)
            targets += [self.charset.encode(text) for text in said]
            words += sum(text.count(" ") + 1 for text in said)
            lengths, heights = self.family.geometry.extent(true)
            units += int((_COLUMNS * lengths / heights + 5).sum())
        if not images:
            raise ValueError("the sources give no word that can be read")
        return WordBatch(torch.from_numpy(np.stack(images)), torch.cat(shapes), torch.tensor(index), targets)

    def _readable(self, sample: Sample, rng: np.random.Generator) -> tuple[Tensor, list[str]]:
        """Regions of some of the words, shapes [N, G], and their texts: one word, or several with spaces."""
        geometry, config = self.family.geometry, self.config
        polygons = together(list(sample.polygons))
        lengths, heights = (side.numpy() for side in geometry.extent(geometry.of_polygons(torch.from_numpy(polygons))))
        least, most = _HEIGHTS
        usable = [
            bool(text)
            and not ignored
            and least <= height <= most
            and length > 2
            and _COLUMNS * length / height > 0.7 * len(text)  # CTC has a column for each character
            and self.charset.covers(text)
            for text, ignored, length, height in zip(sample.texts, sample.ignore, lengths, heights, strict=True)
        ]
        few = min(sum(usable), config.per_picture)
        if not few:
            return torch.zeros(0), []
        neighbours, spaced = right_neighbours(polygons, config.gap), self.charset.covers(" ")
        regions, said = [], []
        for first in sorted(rng.choice(np.flatnonzero(usable), few, replace=False).tolist()):
            wanted = 1 + int(rng.geometric(0.5)) if spaced and rng.random() < config.run else 1
            run = run_from(first, neighbours, usable, wanted)
            while len(run) > 1 and _COLUMNS * sum(lengths[run]) / heights[first] > _LONGEST_RUN:
                run.pop()
            regions.append(run_polygon(polygons, run) if run[1:] else polygons[first])
            said.append(" ".join(sample.texts[n] for n in run))
        return geometry.of_polygons(torch.from_numpy(together(regions, polygons.shape[1]))), said


def cut_words(batch: WordBatch, config: PictureRecogniserConfig, family: Family) -> Cut:
    """The packed patches of a batch's words."""
    pictures = normalised(batch.images)
    height, width = pictures.shape[2:]
    return cut(
        picture_mosaic(pictures, BLACK),
        batch.shapes,
        batch.image_index,
        (height, width),
        config,
        family.geometry,
        multiple=_UNITS,
    )


class RecogniserTrainer(RunState):
    """One run in one folder: `last.pt` (the full state) and `log.jsonl`."""

    def __init__(
        self,
        run: Path,
        source: Source,
        config: RecogniserTrainConfig,
        start: PPOCRRecogniser | None,
        charset: Charset,
        *,
        history: History = UNKNOWN,
        device: str = "cpu",
        workers: int = 0,
    ) -> None:
        """start: starting weights, unless the run has a `last.pt`. history: theirs.

        Raises ValueError where `last.pt` is not the state of a run of this network and these characters.
        """
        super().__init__(run)
        self.log = RunLog(run)
        self.source, self.config, self.charset = source, config, charset
        self.history, self.workers = history, workers
        self.device = torch.device(device)
        torch.manual_seed(config.seed)
        self.model = PPOCRRecogniser(PLANS[config.plan], charset.classes)
        if start is not None:
            self.model.load_state_dict(start.state_dict())
        self.model.to(self.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = torch.optim.swa_utils.AveragedModel(
            self.model,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema),  # type: ignore[no-untyped-call]
        )
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=(0.9, 0.98),
        )
        self.size = PictureRecogniserConfig()
        self.family = family_named(config.family)
        self.bfloat16 = fast_bfloat16(self.device)
        if self.last.exists():
            self._resume()

    def parts(self) -> Mapping[str, Stateful]:
        """As `RunState.parts`."""
        return {"weights": self.model, "ema": self.ema, "optimiser": self.optimiser}

    def settings(self) -> Mapping[str, Any]:
        """As `RunState.settings`."""
        return {"recogniser_config": asdict(self.config), "charset": self.charset.characters}

    def _resume(self) -> None:
        try:
            state = torch.load(self.last, map_location="cpu", weights_only=True)
        except Exception as error:  # unpickling, zip and OS errors share no base class
            raise ValueError(f"{self.last} is not a readable checkpoint ({type(error).__name__})") from error
        try:
            if state["charset"] != self.charset.characters:
                raise ValueError(f"{self.last} is the state of a run of other characters")
            self.restore(state)
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{self.last} is not the state of a run of this recogniser: {error}") from error

    def export_weights(self, path: Path) -> None:
        """Writes the EMA weights in half precision: enough to share, to start another run from, or to combine."""
        weights = self.ema.module.state_dict()
        SavedRecogniser(self.config.plan, self.charset, weights, self.step, self.pictures, self.history).save(path)

    def loss(self, batch: WordBatch) -> Tensor:
        """Mean over the words of CTC's loss per character; the batch is on the device."""
        made = cut_words(batch, self.size, self.family)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            patches = made.patches.contiguous(memory_format=torch.channels_last)
            logits = self.model(patches, made.packing, made.longest)
        return recognition_loss(logits, made.packing.lengths, batch.targets) / len(batch.targets)

    def advance(self, batch: WordBatch) -> float:
        """Trains one step; returns its loss."""
        batch = replace(
            batch,
            images=batch.images.to(self.device),
            shapes=batch.shapes.to(self.device),
            image_index=batch.image_index.to(self.device),
        )
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(batch)
        torch.autograd.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.ema.update_parameters(self.model)
        self.step += 1
        self.pictures += len(batch.images)
        self.words += len(batch.targets)
        return float(loss.detach())

    def batches(self) -> Iterable[WordBatch]:
        """The batches of the remaining steps."""
        return DataLoader(
            WordBatches(self.source, self.config, self.charset, self.step),
            batch_size=None,
            num_workers=self.workers,
            prefetch_factor=4 if self.workers else None,
            worker_init_fn=leave_signals_to_the_trainer,
        )

    def train(self, minutes: float | None = None) -> None:
        """Trains until the schedule's end, for `minutes`, or until SIGINT or SIGTERM; saves when it stops.

        Raises ValueError where the sources give no word that can be read.
        """
        already = self.seconds
        self.model.train()
        with (
            stopping_on_signals(minutes) as stop,
            tqdm(total=self.config.steps, initial=self.step, unit="step", smoothing=0.05, mininterval=5) as bar,
        ):
            for batch in self.batches():
                self.log.add({"loss": self.advance(batch)})
                self.seconds = already + stop.seconds
                bar.update()
                if self.step % self.config.log_every == 0:
                    bar.set_postfix(loss=f"{self._log():.3f}")
                if stop.requested:
                    break
                if self.step % self.config.save_every == 0:
                    self.save()
        self.save()

    def _log(self) -> float:
        means = self.log.means(4)
        self.log.record(
            {
                "step": self.step,
                **means,
                "rate": self.config.rate(self.step),
                "pictures": self.pictures,
                "words": self.words,
                "hours": round(self.seconds / 3600, 3),
            }
        )
        return means["loss"]
