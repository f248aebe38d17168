"""The importance of a network's channels."""

from collections.abc import Iterable

import torch
import torch_pruning
from torch import Tensor

from spotter.families.interface import Family
from spotter.model.spotter import Spotter
from spotter.training.batch import Batch
from spotter.training.config import TrainConfig
from spotter.training.losses import detector_losses
from spotter.training.pruning.channels import Channels


def by_scale(channels: Channels) -> dict[str, Tensor]:
    """The absolute value of the batch norms' scales of each channel [C] of a group (Liu et al. 2017, Network Slimming,
    arXiv:1708.06519), or the norm of its weights where there is no batch norm, as shares of the group's total."""
    scale = torch_pruning.importance.BNScaleImportance(normalizer="sum")

    def judge(group: "torch_pruning.Group") -> Tensor:
        found: Tensor | None = scale(group)
        return _written(group) if found is None else found

    return channels.judged(judge)


def _written(group: "torch_pruning.Group") -> Tensor:
    """The norms of the weights that write each channel, as shares of their sum."""
    convolutions = (dep.layer for dep, _ in group if dep.pruning_fn == torch_pruning.prune_conv_out_channels)
    norms = sum(layer.weight.detach().flatten(1).norm(dim=1) for layer in convolutions)
    assert isinstance(norms, Tensor)
    return norms / norms.sum()


def by_loss(
    channels: Channels, model: Spotter, family: Family, batches: Iterable[Batch], config: TrainConfig
) -> dict[str, Tensor]:
    """The change of the detector's loss without each channel [C], to first order: |sum of w dL/dw|, the mean over the
    layers that write or read it and over batches (Molchanov et al. 2019, arXiv:1906.10771). Raises ValueError without a
    batch."""
    judge = torch_pruning.importance.GroupTaylorImportance(multivariable=True, normalizer=None)
    found: list[dict[str, Tensor]] = []
    for batch in batches:
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)  # a recogniser that reads the maps gets no gradient
        maps = model.detect(model.features(batch.images))
        parts = detector_losses(family, maps, batch, config)
        torch.autograd.backward(torch.stack(list(parts.values())).sum())
        found.append(channels.judged(judge))
    model.zero_grad()
    if not found:
        raise ValueError("importance by the loss needs at least one batch of pictures")
    return {name: torch.stack([each[name] for each in found]).mean(0) for name in found[0]}
