"""The training loop: resumable to the step, stoppable at any moment."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from spotter.families.build import build_spotter, load_spotter
from spotter.families.catalogue import family_named
from spotter.families.config import SpotterConfig
from spotter.families.interface import Family, Truth
from spotter.model.charset import Charset
from spotter.model.family import Maps
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.recogniser import Recogniser
from spotter.model.roles import matches
from spotter.model.spotter import Features, Spotter
from spotter.model.weights import load_state
from spotter.training import checkpoint
from spotter.training.batch import Batch, collate
from spotter.training.compose import composed, with_plan
from spotter.training.config import ATTENTION, EMA, IMAGENET, MODULES, TrainConfig, parts_of
from spotter.training.curriculum import Curriculum, at_difficulty
from spotter.training.distill import Distiller, TeacherOutput
from spotter.training.ema import ExponentialMovingAverage
from spotter.training.imagenet import ImageNetFeatures
from spotter.training.losses import attention_loss, detection_losses, recognition_loss, word_weights
from spotter.training.optimiser import optimiser
from spotter.training.precision import fast_bfloat16
from spotter.training.sample import Source
from spotter.training.stopping import leave_signals_to_the_trainer, stopping_on_signals
from spotter.training.synthesis.device import DeviceComposer
from spotter.training.weighting import LossWeighting

_WIDTH_STEP = 16

Validate = Callable[[Spotter], dict[str, float]]


class DivergedError(RuntimeError):
    """The loss or its gradient is not finite; the last checkpoint is from before."""


@dataclass(frozen=True)
class Reading:
    """Means over words. ctc: CTC's loss per character. attention: that of the attention decoder, 0 where there is none.
    taught: the divergence from the teacher's output, 0 without a teacher."""

    ctc: Tensor
    attention: Tensor
    taught: Tensor


class StepBatches(Dataset[Batch]):
    """The batch of each step, a function of the seed and the step only, so that a resumed run sees the same batches."""

    def __init__(
        self, source: Source, config: TrainConfig, charset: Charset, family: Family, first: int, last: int | None = None
    ) -> None:
        """The steps from `first` to before `last`, or to the run's end."""
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


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine down to `final_rate` of the peak (Loshchilov and Hutter 2017, arXiv:1608.03983)."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    progress = min((step - config.warmup) / (config.steps - config.warmup), 1.0)
    return config.learning_rate * (config.final_rate + (1 - config.final_rate) * (1 + math.cos(math.pi * progress)) / 2)


def _to_width(patches: Tensor, width: int) -> Tensor:
    """Patches [N, C, h, W] cut or padded with zeros to a width."""
    return F.pad(patches, (0, width - patches.shape[-1]))


Tensors = TypeVar("Tensors", Batch, Truth)


def to_device(batch: Tensors, device: torch.device) -> Tensors:
    """The batch, or its truth, with every tensor on `device`."""
    moved: dict[str, Any] = {}
    for item in fields(batch):
        value = getattr(batch, item.name)
        if isinstance(value, Tensor):
            moved[item.name] = value.to(device, non_blocking=True)
        elif isinstance(value, Truth):
            moved[item.name] = to_device(value, device)
    return replace(batch, **moved)


class Trainer:
    """One run in one folder: `last.pt` (whole state), `log.jsonl` and TensorBoard curves."""

    def __init__(
        self,
        run: Path,
        source: Source,
        config: TrainConfig,
        model_config: SpotterConfig,
        *,
        device: str = "cpu",
        workers: int = 1,
        charset: Charset | None = None,
        composer: DeviceComposer | None = None,
    ) -> None:
        """composer: makes the pictures of a source that is `planned`.

        Raises ValueError where the run names parts of a loss that the model's family does not have.
        """
        self.family = family_named(model_config.family)
        config.check(self.family)
        self.composer = composer
        self.run = run
        self.source = source
        self.config = config
        self.device = torch.device(device)
        self.workers = workers
        self.charset = charset or Charset(model_config.characters)
        self.step = 0
        self.pictures = 0
        self.words = 0
        self.seconds = 0.0
        self.started_from: Sequence[Mapping[str, str]] = ()
        torch.manual_seed(config.seed)
        self.bfloat16 = fast_bfloat16(self.device)
        self.model_config = model_config
        self.model = build_spotter(model_config, self.charset).to(self.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = ExponentialMovingAverage(self.model, config.ema)
        parts = parts_of(self.family)
        names = (*parts, ATTENTION) if self._attends else parts
        self.weighting = LossWeighting(config.losses.weighting, names, config.losses.period).to(self.device)
        self.curriculum = Curriculum(config.difficulty)
        self._reading = 0.0
        self.distiller = self._distiller()
        learners = nn.ModuleList([self.model, self.weighting, *([self.distiller] if self.distiller else [])])
        roles = self.model.roles
        ends = [p for name, p in self.model.named_parameters() if matches(name, roles.ends)]
        self.optimiser = optimiser(learners, config, ends)

    @property
    def _attends(self) -> bool:
        """Whether an attention decoder learns in addition to CTC."""
        recogniser = self.model.recogniser
        return isinstance(recogniser, Recogniser) and recogniser.attention is not None

    def _distiller(self) -> Distiller | None:
        """Raises ValueError when the recipe's teacher cannot teach this model."""
        wanted = self.config.distill
        if not wanted.teacher:
            return None
        teacher: Spotter | ImageNetFeatures
        its_config: SpotterConfig | None
        if wanted.teacher == EMA:
            teacher, its_config = self.ema.model, self.model_config
        elif wanted.teacher == IMAGENET:
            teacher, its_config = ImageNetFeatures(), None
        else:
            path = Path(wanted.teacher)
            teacher = load_spotter(path)
            its_config = SpotterConfig.from_dict(load_state(path)["model_config"])
        return Distiller(self.model_config, teacher, its_config, wanted).to(self.device)

    @property
    def last(self) -> Path:
        """Where the run's whole state is kept."""
        return self.run / "last.pt"

    def save(self) -> None:
        """Writes the whole state atomically."""
        checkpoint.save(
            self.last,
            {
                "model_config": self.model_config.to_dict(),
                "train_config": self.config.to_dict(),
                "weights": self.model.state_dict(),
                "ema": self.ema.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "weighting": self.weighting.state_dict(),
                "adapter": self._adapter(),
                "curriculum": self.curriculum.state(),
                "step": self.step,
                "pictures": self.pictures,
                "words": self.words,
                "seconds": self.seconds,
                "started_from": [dict(entry) for entry in self.started_from],
            },
        )

    def _adapter(self) -> dict[str, Tensor]:
        """The distiller's trained weights; those of the teacher are not saved."""
        adapter = self.distiller.adapter if self.distiller else None
        return adapter.state_dict() if adapter is not None else {}

    def resume(self) -> None:
        """Continues from `last.pt`. Raises ValueError when it is not the state of a run of this model."""
        state = load_state(self.last)
        try:
            self.model.load_state_dict(state["weights"])
            self.ema.model.load_state_dict(state["ema"])
            if "weighting" in state:  # missing in the first runs' states
                self.weighting.load_state_dict(state["weighting"])
            if "curriculum" in state:
                self.curriculum.restore(state["curriculum"])
            if self.distiller and self.distiller.adapter is not None:
                self.distiller.adapter.load_state_dict(state["adapter"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.pictures, self.words = state["step"], state["pictures"], state["words"]
            self.seconds = state["seconds"]
            self.started_from = state.get("started_from", ())
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{self.last} is not the state of a run of this model: {error}") from error

    def start_from(self, path: Path, fresh: Sequence[str] = ()) -> None:
        """Takes the weights of a checkpoint, and the count of the pictures that made them, but starts at step 0.

        fresh: parts of the network, by the names of their weights, that stay random and so may be other than the
            checkpoint's.
        Raises ValueError when the weights are another model's.
        """
        parts = tuple(f"{part}." for part in fresh)
        saved = load_spotter(path).state_dict()
        known = [*self.model.state_dict(), *saved]
        if strange := [part for part in parts if not any(name.startswith(part) for name in known)]:
            raise ValueError(f"neither the network nor {path} has {', '.join(strange)}")
        try:
            found = self.model.load_state_dict(
                {name: value for name, value in saved.items() if not name.startswith(parts)}, strict=False
            )
        except RuntimeError as error:
            raise ValueError(f"{path} holds another model's weights: {error}") from error
        strange = [name for name in (*found.missing_keys, *found.unexpected_keys) if not name.startswith(parts)]
        if strange:
            raise ValueError(f"{path} holds another model's weights: {', '.join(strange[:5])}")
        self.ema.model.load_state_dict(self.model.state_dict())
        state = load_state(path)
        self.pictures = int(state.get("pictures", 0))
        self.started_from = [entry for entry in state.get("started_from", ()) if entry["part"] not in fresh]

    def export_weights(self, path: Path) -> None:
        """Writes the EMA weights in half precision, enough to share, to resume a later stage, or to export."""
        weights = self.ema.model.state_dict()
        state = checkpoint.shared(self.model_config.to_dict(), weights, self.step, self.pictures, self.started_from)
        checkpoint.save(path, state)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The weighted parts of the joint loss of a batch on the device."""
        weights = self.config.losses
        stage = self.config.stage(self.step)
        reads = stage is None or not {"recognition", ATTENTION}.isdisjoint(stage.losses)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            features = self.model.features(batch.images)
            maps = self.model.detect(features)
            teacher_output = self.distiller.teach(batch.images) if self.distiller else None
            nothing = maps.score.sum() * 0
            reading = (
                self._recognition(features, maps, batch, teacher_output)
                if reads
                else Reading(nothing, nothing, nothing)
            )
        self._reading = float(reading.ctc.detach())
        ramp = min(1.0, 0.1 + 0.9 * self.step / max(weights.recognition_ramp, 1))
        parts = self._detection(maps, batch)
        parts["recognition"] = weights.recognition * ramp * reading.ctc
        if self._attends:
            parts[ATTENTION] = weights.attention * ramp * reading.attention
        parts = dict(self.weighting(parts))
        if stage:
            parts = {name: part if name in stage.losses else part * 0 for name, part in parts.items()}
        if self.distiller and teacher_output:
            parts |= self.distiller.losses(teacher_output, features, maps, reading.taught)
        return parts

    def _detection(self, maps: Maps, batch: Batch) -> dict[str, Tensor]:
        """The weighted parts of the detector's loss."""
        weights = {**self.family.parts, **self.config.losses.own}
        own = self.family.losses(maps, batch.truth, word_weights(batch.image_index, self.config.balance))
        shared = detection_losses(maps, batch.truth, self.config.losses)
        return shared | {name: weights[name] * own[name] for name in self.family.parts}

    def _recognition(
        self, features: Features, maps: Maps, batch: Batch, teacher_output: TeacherOutput | None
    ) -> Reading:
        readable = batch.readable.nonzero().squeeze(1)
        nothing = maps.score.sum() * 0
        if not len(readable):
            return Reading(nothing, nothing, nothing)
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step)
        # Always the same number of words, some of them twice with different jitter: with constant shapes the CPU's
        # convolutions need not be compiled again in every step.
        weight = word_weights(batch.image_index[readable], self.config.balance).cpu()
        chosen = torch.multinomial(weight, self.config.words, replacement=True, generator=generator)
        words = readable[chosen.to(readable.device)]
        image_index = batch.image_index[words]
        config = self.config
        predicted = config.predicted if self.step >= config.predicted_after else 0.0
        noisy = self.family.to_read(maps, batch.truth, words, batch.image_index, config.jitter, predicted, generator)
        if isinstance(self.model.recogniser, PictureRecogniser):
            columns = self.model.columns(features, noisy, image_index)
            read = recognition_loss(columns.logits, columns.widths, [batch.targets[index] for index in chosen.tolist()])
            return Reading(read / len(words), nothing, nothing)
        patches = self.model.sample(features, noisy, image_index)
        distiller = self.distiller if self.distiller and self.distiller.config.output else None
        taught = distiller.patches(teacher_output, noisy, image_index) if distiller and teacher_output else None
        recogniser = self.model.map_recogniser
        total = attended = difference = nothing
        order = patches.widths.argsort()
        for group in order.tensor_split(self.config.groups):
            widths = patches.widths[group]
            widest = -(-int(widths.max()) // _WIDTH_STEP) * _WIDTH_STEP
            fine, coarse = _to_width(patches.fine[group], 2 * widest), _to_width(patches.coarse[group], widest)
            encoded = recogniser.encode(fine, coarse, widths)
            logits = recogniser.spell(encoded)
            targets = [batch.targets[int(chosen[index])] for index in group.cpu()]
            total = total + recognition_loss(logits, widths, targets)
            if recogniser.attention:
                spelt = pad_sequence([torch.tensor(target) for target in targets], batch_first=True).to(widths.device)
                attended = attended + attention_loss(recogniser.attention(encoded, widths, spelt), spelt)
            if distiller and taught:
                wide = _to_width(taught.fine[group], 2 * widest), _to_width(taught.coarse[group], widest)
                difference = difference + distiller.reading(logits, *wide, widths) * len(group)
        return Reading(total / len(words), attended / len(words), difference / len(words))

    def advance(self, batch: Batch) -> dict[str, float]:
        """One step: the means of the loss's parts. Raises DivergedError when the loss or its gradient is not finite."""
        rate = learning_rate(self.step, self.config)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        stage = self.config.stage(self.step)
        for name in MODULES:
            learns = stage is None or name in stage.modules
            getattr(self.model, name).requires_grad_(learns).train(learns)  # batch norm statistics are frozen, too
        batch = to_device(batch, self.device)
        parts = self.losses(composed(batch, self.composer) if self.composer else batch)
        loss = torch.stack(list(parts.values())).sum()
        if not torch.isfinite(loss):
            detail = ", ".join(f"{name} {value.item():.4g}" for name, value in parts.items())
            raise DivergedError(f"the loss is not finite at step {self.step} ({detail}); {self.last} is from before it")
        self.optimiser.zero_grad(set_to_none=True)
        if loss.requires_grad:  # false in a stage that trains only the recogniser, for pictures without text
            torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        if not torch.isfinite(norm):
            raise DivergedError(f"the gradient is not finite at step {self.step}; {self.last} is from before it")
        self.optimiser.step()
        self.ema.update(self.model, self.step)
        self.step += 1
        if batch.targets:
            self.curriculum.note(self._reading, self.step)
        self.pictures += len(batch.images)
        self.words += self.config.words if batch.targets else 0
        return {name: value.item() for name, value in parts.items()} | {
            "loss": loss.item(),
            "norm": float(norm),
            "rate": rate,
            "difficulty": self.curriculum.difficulty,
        }

    def batches(self) -> Iterator[Batch]:
        """The batches of the steps to come."""
        first = self.step
        while first < self.config.steps:
            last = self.curriculum.last_step(first, self.config.steps)
            source = at_difficulty(self.source, self.curriculum.difficulty)
            loader: DataLoader[Batch] = DataLoader(
                StepBatches(source, self.config, self.charset, self.family, first, last),
                batch_size=None,
                num_workers=self.workers,
                prefetch_factor=4 if self.workers else None,
                worker_init_fn=leave_signals_to_the_trainer,
            )
            yield from loader
            first = last

    def log(self, record: dict[str, Any]) -> None:
        """Appends a line to log.jsonl."""
        self.run.mkdir(parents=True, exist_ok=True)
        with (self.run / "log.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")

    def train(self, *, minutes: float | None = None, validate: Validate | None = None) -> None:
        """Trains to the configured step or for so many minutes, whichever comes first.

        Saves regularly, at the end, and on SIGINT or SIGTERM. Raises DivergedError when the loss is not finite.
        """
        started = time.monotonic()
        already = self.seconds
        sums: dict[str, float] = {}
        counted = 0
        self.log({"event": "start", "step": self.step, "config": self.config.to_dict(), "time": time.time()})
        with (
            SummaryWriter(str(self.run / "curves")) as curves,
            stopping_on_signals() as stop,
            tqdm(total=self.config.steps, initial=self.step, unit="step", smoothing=0.05, mininterval=5) as bar,
        ):
            for batch in self.batches():
                parts = self.advance(batch)
                self.seconds = already + time.monotonic() - started
                sums = {name: sums.get(name, 0.0) + value for name, value in parts.items()}
                counted += 1
                bar.update()
                if self.step % self.config.log_every == 0:
                    means = {name: round(value / counted, 6) for name, value in sums.items()}
                    totals = {"pictures": self.pictures, "words": self.words, "seconds": round(self.seconds)}
                    self.log({"step": self.step, **means, **totals})
                    for name, value in means.items():
                        curves.add_scalar(name, value, self.step)
                    bar.set_postfix(loss=f"{means['loss']:.3f}", reading=f"{means['recognition']:.3f}")
                    sums, counted = {}, 0
                late = minutes is not None and time.monotonic() - started > minutes * 60
                if stop.asked or late or self.step % self.config.save_every == 0:
                    self.save()
                if validate is not None and (self.step % self.config.validate_every == 0):
                    self._validate(validate, curves)
                if stop.asked or late:
                    break
            self.save()
        self.log({"event": "stop", "step": self.step, "pictures": self.pictures, "seconds": round(self.seconds)})

    def _validate(self, validate: Validate, curves: SummaryWriter) -> None:
        scores = validate(self.ema.model)
        self.log({"step": self.step, "validation": scores, "pictures": self.pictures, "seconds": round(self.seconds)})
        for name, value in scores.items():
            curves.add_scalar(f"validation/{name}", value, self.step)
