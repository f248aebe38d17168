"""Folds batch norms into the convolutions before them (Jacob et al. 2018, arXiv:1712.05877, section 3.2), and branches
that were trained apart into one convolution."""

from copy import deepcopy
from typing import TypeVar

from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from spotter.model.blocks import BranchedBlock

Model = TypeVar("Model", bound=nn.Module)


def folded(model: Model) -> Model:
    """A copy of a model in evaluation mode that computes the same without batch norms and branches.

    ONNX Runtime folds them too, but not in a quantised graph: there each would be computed in float between two
    roundings.
    """
    copy = deepcopy(model)
    for module in list(copy.modules()):
        if isinstance(module, BranchedBlock):
            module.merge()
    for module in copy.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for index, (layer, after) in enumerate(zip(list(module), list(module)[1:], strict=False)):
            if isinstance(layer, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
                module[index] = fuse_conv_bn_eval(layer, after)
                module[index + 1] = nn.Identity()
    return copy
