"""Composes synthetic pictures on the training device: worker processes send layouts instead of pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch

from spotter.training.batch import Batch
from spotter.training.sample import Sample, Source
from spotter.training.synthesis.device import BatchPlan, DeviceComposer, plan
from spotter.training.synthesis.sources import PlannedSample


@runtime_checkable
class Plannable(Protocol):
    """A source that can give layouts, for a device to compose."""

    def planned(self) -> Source:
        """The same source with layouts instead of pictures in its synthetic samples."""
        ...


@dataclass(frozen=True)
class PlannedBatch(Batch):
    """A batch some of whose `images` are empty: those at `empty` [K], in the order of `plan`."""

    empty: tuple[int, ...]
    plan: BatchPlan


def planned(source: Source) -> Source:
    """The source with layouts instead of synthetic pictures, for a device to compose; a source without any is returned
    unchanged."""
    return source.planned() if isinstance(source, Plannable) else source


def with_plan(batch: Batch, samples: Sequence[Sample]) -> Batch:
    """The batch of these samples, with a plan for those whose pictures are missing."""
    missing = {n: sample for n, sample in enumerate(samples) if isinstance(sample, PlannedSample)}
    if not missing:
        return batch
    several = list(missing.values())
    batch_plan = plan([sample.layout for sample in several], several[0].pool)
    return PlannedBatch(**vars(batch), empty=tuple(missing), plan=batch_plan)


def composed(batch: Batch, composer: DeviceComposer) -> Batch:
    """The batch, on the composer's device, with all its pictures."""
    if not isinstance(batch, PlannedBatch):
        return batch
    index = torch.tensor(batch.empty, device=batch.images.device)
    return replace(batch, images=batch.images.index_copy(0, index, composer.compose_plan(batch.plan)))
