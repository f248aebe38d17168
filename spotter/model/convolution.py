"""A convolution whose weights' gradient takes less time on CPUs without AVX-512."""

from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Sides = tuple[int, int]
"""Down and across."""

_COLUMNS = 150_000
"""Numbers of the matrix of a band of rows, or of a part of a long one: about what a core's cache keeps."""
_ROW = _COLUMNS // 4
"""Numbers of the matrix of one row from which this takes less time than oneDNN's kernel."""


class Convolution(nn.Conv2d):
    """An `nn.Conv2d`, with another way to its weights' gradient where that is faster.

    oneDNN's kernel for AVX2 walks through whole maps, whatever their size: with 64 channels and a map of 128 x 128 it
    takes four times as long as the convolution itself, a third of a training step on a Zen 3. As matrix products
    (im2col, Chellapilla et al. 2006) of bands of rows that stay in the cache it takes 1.5 times as long. With AVX-512
    oneDNN is faster.
    """

    def forward(self, input: Tensor) -> Tensor:
        """As `nn.Conv2d.forward`."""
        if self.training and torch.is_grad_enabled() and self._large(input):
            form = (tuple(int(n) for n in sides) for sides in (self.stride, self.padding, self.dilation))
            out: Tensor = _BandedGradient.apply(input, self.weight, *form)  # type: ignore[no-untyped-call]
            return out if self.bias is None else out + self.bias[:, None, None]
        return super().forward(input)

    def _large(self, x: Tensor) -> bool:
        return (
            x.dtype == torch.float32
            and x.device.type == "cpu"
            and self.weight.requires_grad
            and self.groups == 1
            and self.weight[0].numel() * x.shape[3] > _ROW * self.stride[1]
            and torch.backends.cpu.get_cpu_capability() == "AVX2"
        )


class _BandedGradient(torch.autograd.Function):
    """A convolution without groups."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Sides, padding: Sides, dilation: Sides) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.form = stride, padding, dilation
        return F.conv2d(x, weight, None, stride, padding, dilation)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None, None, None]:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        of_input = None
        if ctx.needs_input_grad[0]:
            of_input = torch.ops.aten.convolution_backward(
                gradient, x, weight, None, *ctx.form, False, (0, 0), 1, (True, False, False)
            )[0]
        return of_input, weight_gradient(x, gradient, weight.shape[2:], *ctx.form), None, None, None


def weight_gradient(
    x: Tensor, gradient: Tensor, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides
) -> Tensor:
    """The gradient [O, C, h, w] of the weights of a convolution without groups, from its input [B, C, H, W] and the
    gradient of its output [B, O, H', W']."""
    (down, across), (below, beside) = kernel, padding
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, beside, beside, below, below)).contiguous()
    gradient = gradient.permute(0, 2, 3, 1).contiguous()
    pictures, rows, columns, outputs = gradient.shape
    channels = x.shape[1]
    size = down * across * channels
    most = max(1, _COLUMNS // size)  # columns of the map at a time: of several rows, or a part of one
    band, span = max(1, most // columns), min(columns, most)
    total = x.new_zeros(outputs, size)
    of_picture, of_row, of_column, _ = padded.stride()
    for picture, row, column in product(range(pictures), range(0, rows, band), range(0, columns, span)):
        wanted = gradient[picture, row : row + band, column : column + span]
        seen = padded.as_strided(
            (*wanted.shape[:2], down, across, channels),
            (stride[0] * of_row, stride[1] * of_column, dilation[0] * of_row, dilation[1] * of_column, 1),
            picture * of_picture + row * stride[0] * of_row + column * stride[1] * of_column,
        )
        total.addmm_(wanted.reshape(-1, outputs).t(), seen.reshape(-1, size))
    return total.reshape(outputs, down, across, channels).permute(0, 3, 1, 2)
