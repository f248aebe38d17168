"""Training the recogniser by itself, on words cut from training pictures as a detector cuts them.

The detector takes no part, so a step costs only what reading costs, and the recogniser may start from weights that were
trained elsewhere (see `spotter.training.pretrained`). The run is resumable to the step.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig
from spotter.model.cutting import Cut, cut, picture_mosaic
from spotter.model.geometry import polygons_to_boxes
from spotter.model.ppocr import PLANS, PPOCRRecogniser
from spotter.model.spotter import BLACK, normalised
from spotter.training import checkpoint
from spotter.training.losses import recognition_loss
from spotter.training.precision import fast_bfloat16
from spotter.training.sample import Sample, Source

_UNITS = 128  # the packed row is a multiple of it
_SIZES = (512, 512, 640)
_HEIGHTS = (6.0, 300.0)  # pixels; other words are not read


@dataclass(frozen=True)
class ReadingConfig:
    """A run of the recogniser alone.

    plan: "small" or "tiny". words, units: of a step at most. per_picture: words of one picture at most.
    learning_rate: after `warmup` steps it stays until `decay_from`, then falls to nothing at `steps` (Hägele et al.
        2024, arXiv:2405.18392: such a run can be prolonged without a new schedule).
    ends, sides: deviations of a box's ends and of its upper and lower side, as shares of the height; astray: share of
        the ends that are off by up to half a height.
    """

    plan: str = "small"
    seed: int = 0
    words: int = 64
    units: int = 1100
    per_picture: int = 12
    steps: int = 200_000
    warmup: int = 300
    decay_from: int = 160_000
    learning_rate: float = 7e-5
    weight_decay: float = 0.02
    clip: float = 5.0
    ema: float = 0.9995
    ends: float = 0.11
    sides: float = 0.06
    astray: float = 0.12
    save_every: int = 200
    log_every: int = 50

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        falling = (step - self.decay_from) / max(self.steps - self.decay_from, 1)
        return self.learning_rate * min(1.0, (step + 1) / self.warmup) * (1 - math.sqrt(min(max(falling, 0.0), 1.0)))


@dataclass(frozen=True)
class WordBatch:
    """images: uint8 [B, H, W, 3]. boxes: float32 [N, 6], as a detector may give them. image_index: int64 [N].
    targets: classes of each word."""

    images: Tensor
    boxes: Tensor
    image_index: Tensor
    targets: list[list[int]]


def detected_like(boxes: NDArray[np.float32], config: ReadingConfig, rng: np.random.Generator) -> NDArray[np.float32]:
    """True boxes [N, 6] as a detector may give them: ends and sides off, turned and sheared a little."""
    count = len(boxes)
    w, h = boxes[:, 2], boxes[:, 3]
    ends = np.clip(rng.normal(0.04, config.ends, (2, count)), -0.35, 0.35)
    off = rng.random((2, count)) < config.astray
    ends = np.where(off, rng.uniform(-0.5, 0.5, (2, count)), ends)
    ends = np.minimum(ends, 0.22 * w / np.maximum(h, 1)) * h  # positive is inwards
    sides = np.clip(rng.normal(0, config.sides, (2, count)), -0.15, 0.15) * h
    along, down = (ends[0] - ends[1]) / 2, (sides[0] - sides[1]) / 2
    turn = rng.normal(0, 0.025, count) * np.minimum(1, 4 * h / np.maximum(w, 1))
    cos, sin = np.cos(boxes[:, 4]), np.sin(boxes[:, 4])
    return np.stack(
        (
            boxes[:, 0] + along * cos - down * sin,
            boxes[:, 1] + along * sin + down * cos,
            np.maximum(w - ends.sum(0), 2),
            np.maximum(h - sides.sum(0), 2),
            boxes[:, 4] + turn,
            boxes[:, 5] + rng.normal(0, 0.05, count),
        ),
        1,
    ).astype(np.float32)


class WordBatches:
    """The batch of each step, a function of the seed and the step alone."""

    def __init__(self, source: Source, config: ReadingConfig, charset: Charset) -> None:
        self.source, self.config, self.charset = source, config, charset

    def batch(self, step: int) -> WordBatch:
        """Words of several pictures of one size."""
        config = self.config
        rng = np.random.default_rng((config.seed, step))
        size = int(rng.choice(_SIZES))
        images, boxes, index, targets = [], [], [], []
        words = units = misses = 0
        while words < config.words and units < config.units and misses < 50:
            sample = self.source.sample(rng, size)
            found, chosen = self._readable(sample, rng)
            if not len(chosen):
                misses += 1
                continue
            images.append(sample.image)
            boxes.append(detected_like(found[chosen], config, rng))
            index += [len(images) - 1] * len(chosen)
            targets += [self.charset.encode(sample.texts[n]) for n in chosen]
            words += len(chosen)
            units += int((found[chosen, 2] / found[chosen, 3] * 6 + 5).sum())
        if not images:
            raise ValueError("the sources give no word that can be read")
        return WordBatch(
            torch.from_numpy(np.stack(images)), torch.from_numpy(np.concatenate(boxes)), torch.tensor(index), targets
        )

    def _readable(self, sample: Sample, rng: np.random.Generator) -> tuple[NDArray[np.float32], list[int]]:
        polygons = torch.from_numpy(np.asarray(sample.polygons, np.float32).reshape(-1, 4, 2))
        found = polygons_to_boxes(polygons).numpy()
        least, most = _HEIGHTS
        usable = [
            n
            for n, text in enumerate(sample.texts)
            if text
            and not sample.ignore[n]
            and least <= found[n, 3] <= most
            and found[n, 2] > 2
            and found[n, 2] / found[n, 3] * 6 > 0.7 * len(text)  # CTC has a column for each character
            and self.charset.covers(text)
        ]
        few = min(len(usable), self.config.per_picture)
        return found, sorted(rng.choice(usable, few, replace=False).tolist()) if few else []


def cut_words(batch: WordBatch, config: PictureRecogniserConfig) -> Cut:
    """The packed patches of a batch's words."""
    pictures = normalised(batch.images)
    height, width = pictures.shape[2:]
    return cut(
        picture_mosaic(pictures, BLACK), batch.boxes, batch.image_index, (height, width), config, multiple=_UNITS
    )


class ReadingTrainer:
    """One run in one folder: `last.pt`, the whole state, and `log.jsonl`."""

    def __init__(
        self, run: Path, source: Source, config: ReadingConfig, start: PPOCRRecogniser | None, charset: Charset
    ) -> None:
        """start: weights to begin with; `last.pt` of the run goes before."""
        self.run, self.config, self.charset = run, config, charset
        torch.manual_seed(config.seed)
        self.model = PPOCRRecogniser(PLANS[config.plan], charset.classes)
        if start is not None:
            self.model.load_state_dict(start.state_dict())
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = torch.optim.swa_utils.AveragedModel(
            self.model,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema),  # type: ignore[no-untyped-call]
        )
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        rest = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=(0.9, 0.98),
        )
        self.batches = WordBatches(source, config, charset)
        self.size = PictureRecogniserConfig()
        self.bfloat16 = fast_bfloat16(torch.device("cpu"))
        self.step = self.pictures = self.words = 0
        self.seconds = 0.0
        if self.last.exists():
            self._resume()

    @property
    def last(self) -> Path:
        """Where the whole state is kept."""
        return self.run / "last.pt"

    def _resume(self) -> None:
        state = torch.load(self.last, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["weights"])
        self.ema.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.pictures, self.words = state["step"], state["pictures"], state["words"]
        self.seconds = state["seconds"]

    def save(self) -> None:
        """Writes the whole state atomically."""
        state: dict[str, Any] = {
            "reading_config": asdict(self.config),
            "charset": self.charset.characters,
            "weights": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "pictures": self.pictures,
            "words": self.words,
            "seconds": self.seconds,
        }
        checkpoint.save(self.last, state)

    def loss(self, batch: WordBatch) -> Tensor:
        """Mean over the words of CTC's loss per character."""
        made = cut_words(batch, self.size)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            patches = made.patches.contiguous(memory_format=torch.channels_last)
            logits = self.model(patches, made.packing, made.longest)
        return recognition_loss(logits, made.packing.lengths, batch.targets) / len(batch.targets)

    def advance(self) -> float:
        """One step; its loss."""
        batch = self.batches.batch(self.step)
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

    def train(self, minutes: float | None = None) -> None:
        """Goes on until the schedule's end, for so many minutes, or until Ctrl-C; saves whenever it stops."""
        self.run.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + 60 * minutes if minutes else math.inf
        try:
            for record in self._steps(until):
                with (self.run / "log.jsonl").open("a") as log:
                    log.write(json.dumps(record) + "\n")
        except KeyboardInterrupt:
            pass
        finally:
            self.save()

    def _steps(self, until: float) -> Iterator[dict[str, float]]:
        losses: list[float] = []
        before = time.monotonic()
        self.model.train()
        while self.step < self.config.steps and time.monotonic() < until:
            losses.append(self.advance())
            now = time.monotonic()
            self.seconds, before = self.seconds + now - before, now
            if self.step % self.config.save_every == 0:
                self.save()
            if self.step % self.config.log_every == 0:
                yield {
                    "step": self.step,
                    "loss": round(float(np.mean(losses)), 4),
                    "rate": self.config.rate(self.step),
                    "pictures": self.pictures,
                    "words": self.words,
                    "hours": round(self.seconds / 3600, 3),
                }
                losses = []
