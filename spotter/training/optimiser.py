"""The optimiser of a run, and its parameter groups."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from spotter.training.config import TrainConfig
from spotter.training.muon import Muon

_MOMENTS = (0.9, 0.98)
_MOMENTUM = 0.95


def optimiser(learners: nn.Module, config: TrainConfig, ends: Iterable[nn.Parameter] = ()) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), or Muon for the matrices and kernels between first and last
    layers. Norms, biases and scalars have no weight decay.

    ends: weights of first and last layers (see `Roles.ends` in `spotter.model.roles`), which AdamW trains even with
    Muon.
    """
    apart = {id(p) for p in ends}
    learnt = [p for p in learners.parameters() if p.requires_grad]
    muon = config.optimiser == "muon"
    hidden = [p for p in learnt if muon and p.ndim > 1 and id(p) not in apart]
    chosen = {id(p) for p in hidden}
    groups: list[dict[str, Any]] = [
        {"params": [p for p in learnt if p.ndim > 1 and id(p) not in chosen], "weight_decay": config.weight_decay},
        {"params": [p for p in learnt if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if not muon:
        return torch.optim.AdamW(groups, lr=config.learning_rate, betas=_MOMENTS)
    inner = {"params": hidden, "weight_decay": config.weight_decay, "orthogonal": True, "momentum": _MOMENTUM}
    return Muon([*groups, inner], lr=config.learning_rate, betas=_MOMENTS)
