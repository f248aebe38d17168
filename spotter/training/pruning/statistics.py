"""Computes the batch norms' statistics of a pruned network again."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from spotter.model.spotter import Spotter


@torch.no_grad()
def renew_statistics(model: Spotter, pictures: Iterable[Tensor]) -> None:
    """Computes the means and variances of the detector's batch norms again, from batches of pictures uint8
    [B, H, W, 3].

    Without some channels of the layers before it, a map has another mean and variance than those learnt, which causes
    most of a pruned network's loss of accuracy (Li et al. 2020, EagleEye, arXiv:2007.02491).
    """
    norms = [
        module
        for part in (model.backbone, model.neck, model.head)
        for module in part.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # None: the mean over all batches
        norm.train()
    for images in pictures:
        model.detect(model.features(images))
    model.eval()
