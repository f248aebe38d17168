"""The training loop: resumable to the step, stoppable at any moment."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from spotter.families.build import build_spotter, load_spotter
from spotter.families.catalogue import family_named
from spotter.families.config import SpotterConfig
from spotter.families.interface import Truth
from spotter.model.charset import Charset
from spotter.model.family import Maps
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.recogniser import Recogniser
from spotter.model.roles import matches
from spotter.model.spotter import Features, Spotter
from spotter.model.weights import load_state
from spotter.training import checkpoint
from spotter.training.batch import Batch
from spotter.training.compose import composed
from spotter.training.config import ATTENTION, EMA, IMAGENET, MODULES, TrainConfig, parts_of
from spotter.training.curriculum import Curriculum, at_difficulty
from spotter.training.distill import Distiller, TeacherOutput
from spotter.training.ema import ExponentialMovingAverage
from spotter.training.imagenet import ImageNetFeatures
from spotter.training.losses import attention_loss, detector_losses, recognition_loss, word_weights
from spotter.training.optimiser import optimiser
from spotter.training.precision import fast_bfloat16
from spotter.training.run_log import RunLog, plot
from spotter.training.run_state import RunState, Stateful
from spotter.training.sample import Source
from spotter.training.starting_weights import load_starting_weights
from spotter.training.step_batches import StepBatches
from spotter.training.stopping import leave_signals_to_the_trainer, stopping_on_signals
from spotter.training.synthesis.device import DeviceComposer
from spotter.training.weighting import LossWeighting

_WIDTH_STEP = 16

Validate = Callable[[Spotter], dict[str, float]]


class DivergedError(RuntimeError):
    """The loss or its gradient is not finite. The last checkpoint was written before that."""


@dataclass(frozen=True)
class RecognitionLosses:
    """Means over words. ctc: CTC's loss per character. attention: the attention decoder's loss, 0 where there is no
    such decoder. taught: the divergence from the teacher's output, 0 without a teacher."""

    ctc: Tensor
    attention: Tensor
    taught: Tensor


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


class Trainer(RunState):
    """One run in one folder: `last.pt` (the full state), `log.jsonl` and TensorBoard curves."""

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
        """composer: composes the pictures of a source that gives layouts (see `spotter.training.compose.planned`).

        Raises ValueError where the run names parts of a loss that the model's family does not have.
        """
        super().__init__(run)
        self.family = family_named(model_config.family)
        config.check(self.family)
        self.composer = composer
        self.log = RunLog(run)
        self.source = source
        self.config = config
        self.device = torch.device(device)
        self.workers = workers
        self.charset = charset or Charset(model_config.characters)
        torch.manual_seed(config.seed)
        self.bfloat16 = fast_bfloat16(self.device)
        self.model_config = model_config
        self.model = build_spotter(model_config, self.charset).to(self.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = ExponentialMovingAverage(self.model, config.ema)
        parts = parts_of(self.family, config.losses.own)
        names = (*parts, ATTENTION) if self._attends else parts
        self.weighting = LossWeighting(config.losses.weighting, names, config.losses.period).to(self.device)
        self.curriculum = Curriculum(config.difficulty)
        self._ctc = 0.0
        self.distiller = self._distiller()
        learners = nn.ModuleList([self.model, self.weighting, *([self.distiller] if self.distiller else [])])
        roles = self.model.roles
        ends = [p for name, p in self.model.named_parameters() if matches(name, roles.ends)]
        self.optimiser = optimiser(learners, config, ends)

    @property
    def _attends(self) -> bool:
        """Whether an attention decoder is trained in addition to CTC."""
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

    def parts(self) -> Mapping[str, Stateful]:
        """As `RunState.parts`; the weights of a teacher are not saved."""
        parts: dict[str, Stateful] = {
            "weights": self.model,
            "ema": self.ema.model,
            "weighting": self.weighting,
            "curriculum": self.curriculum,
            "optimiser": self.optimiser,
        }
        adapter = self.distiller.adapter if self.distiller else None
        return parts if adapter is None else parts | {"adapter": adapter}

    def settings(self) -> Mapping[str, Any]:
        """As `RunState.settings`."""
        return {"model_config": self.model_config.to_dict(), "train_config": self.config.to_dict()}

    def resume(self) -> None:
        """Continues from `last.pt`. Raises ValueError when it is not the state of a run of this model."""
        state = load_state(self.last)
        try:
            self.restore(state, newer=("weighting", "curriculum"))
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{self.last} is not the state of a run of this model: {error}") from error

    def start_from(self, path: Path, fresh: Sequence[str] = ()) -> None:
        """Takes the weights of a checkpoint, and the number of pictures that it was trained on, but starts at step 0.

        fresh: as of `load_starting_weights`, which raises ValueError.
        """
        self.pictures, self.history = load_starting_weights(self.model, path, fresh)
        self.ema.model.load_state_dict(self.model.state_dict())

    def export_weights(self, path: Path) -> None:
        """Writes the EMA weights in half precision: enough to share, to start another run from, or to export."""
        weights = self.ema.model.state_dict()
        state = checkpoint.shared(self.model_config.to_dict(), weights, self.step, self.pictures, self.history)
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
                else RecognitionLosses(nothing, nothing, nothing)
            )
        self._ctc = float(reading.ctc.detach())
        ramp = min(1.0, 0.1 + 0.9 * self.step / max(weights.recognition_ramp, 1))
        parts = detector_losses(self.family, maps, batch, self.config)
        parts["recognition"] = weights.recognition * ramp * reading.ctc
        if self._attends:
            parts[ATTENTION] = weights.attention * ramp * reading.attention
        parts = dict(self.weighting(parts))
        if stage:
            parts = {name: part if name in stage.losses else part * 0 for name, part in parts.items()}
        if self.distiller and teacher_output:
            parts |= self.distiller.losses(teacher_output, features, maps, reading.taught)
        return parts

    def _recognition(
        self, features: Features, maps: Maps, batch: Batch, teacher_output: TeacherOutput | None
    ) -> RecognitionLosses:
        readable = batch.readable.nonzero().squeeze(1)
        nothing = maps.score.sum() * 0
        if not len(readable):
            return RecognitionLosses(nothing, nothing, nothing)
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step)
        # Always the same number of words, some of them twice with different jitter: with constant shapes the CPU's
        # convolution kernels need not be prepared again in every step.
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
            return RecognitionLosses(read / len(words), nothing, nothing)
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
        return RecognitionLosses(total / len(words), attended / len(words), difference / len(words))

    def advance(self, batch: Batch) -> dict[str, float]:
        """Trains one step; returns the parts of the loss by name, and with them their sum, the gradient's norm, the
        learning rate and the difficulty. Raises DivergedError when the loss or its gradient is not finite."""
        rate = self.config.rate(self.step)
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
            self.curriculum.note(self._ctc, self.step)
        self.pictures += len(batch.images)
        self.words += self.config.words if batch.targets else 0
        return {name: value.item() for name, value in parts.items()} | {
            "loss": loss.item(),
            "norm": float(norm),
            "rate": rate,
            "difficulty": self.curriculum.difficulty,
        }

    def batches(self) -> Iterator[Batch]:
        """The batches of the remaining steps."""
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

    def train(self, *, minutes: float | None = None, validate: Validate | None = None) -> None:
        """Trains until the configured number of steps or for `minutes`, whichever comes first.

        Saves regularly, at the end, and on SIGINT or SIGTERM. Raises DivergedError when the loss is not finite.
        """
        already = self.seconds
        self.log.record({"event": "start", "step": self.step, "config": self.config.to_dict(), "time": time.time()})
        with (
            self.log.curves() as curves,
            stopping_on_signals(minutes) as stop,
            tqdm(total=self.config.steps, initial=self.step, unit="step", smoothing=0.05, mininterval=5) as bar,
        ):
            for batch in self.batches():
                self.log.add(self.advance(batch))
                self.seconds = already + stop.seconds
                bar.update()
                if self.step % self.config.log_every == 0:
                    means = self.log.means(6)
                    totals = {"pictures": self.pictures, "words": self.words, "seconds": round(self.seconds)}
                    self.log.record({"step": self.step, **means, **totals})
                    plot(curves, means, self.step)
                    bar.set_postfix(loss=f"{means['loss']:.3f}", reading=f"{means['recognition']:.3f}")
                ends = stop.requested
                if ends or self.step % self.config.save_every == 0:
                    self.save()
                if validate is not None and self.step % self.config.validate_every == 0:
                    self._validate(validate, curves)
                if ends:
                    break
            self.save()
        self.log.record({"event": "stop", "step": self.step, "pictures": self.pictures, "seconds": round(self.seconds)})

    def _validate(self, validate: Validate, curves: SummaryWriter) -> None:
        scores = validate(self.ema.model)
        totals = {"pictures": self.pictures, "seconds": round(self.seconds)}
        self.log.record({"step": self.step, "validation": scores, **totals})
        plot(curves, scores, self.step, "validation/")
