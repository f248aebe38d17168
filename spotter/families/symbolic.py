"""Emits this project's custom operators into a graph during export, in place of their arithmetic."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from spotter import OPERATORS_VERSION
from spotter.ops.interface import DOMAIN


def emit(
    operator: str,
    inputs: Sequence[Tensor],
    attributes: Mapping[str, int],
    dtype: torch.dtype,
    shape: Sequence[int | torch.SymInt],
) -> Tensor:
    """The output of an operator of the domain `spotter`: one tensor of that type and shape."""
    out: Tensor = torch.onnx.ops.symbolic(
        f"{DOMAIN}::{operator}", inputs, dict(attributes), dtype=dtype, shape=shape, version=OPERATORS_VERSION
    )
    return out


def sample_regions(features: Tensor, grid: Tensor, image_index: Tensor) -> Tensor:
    """Replaces `spotter.model.regions.sample_regions` during export."""
    shape = (grid.shape[0], features.shape[1], grid.shape[1], grid.shape[2])
    return emit("SampleRegions", (features, grid, image_index), {}, features.dtype, shape)
