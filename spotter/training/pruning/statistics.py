"""Batch norm's statistics of a network whose channels have become fewer."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from spotter.model.spotter import Spotter


@torch.no_grad()
def renew_statistics(model: Spotter, pictures: Iterable[Tensor]) -> None:
    """Takes the means and variances of the detector's batch norms anew, from batches of pictures uint8 [B, H, W, 3].

    A map that lacks channels of the layers before has another mean and variance than the ones that were learnt, and
    that is most of what a pruned network loses (Li et al. 2020, EagleEye, arXiv:2007.02491).
    """
    norms = [
        module
        for part in (model.backbone, model.neck, model.head)
        for module in part.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
        norm.train()
    for images in pictures:
        model.detect(model.features(images))
    model.eval()
