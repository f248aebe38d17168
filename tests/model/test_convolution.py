"""The gradient by matrix products is that of PyTorch's own convolution."""

import pytest
import torch
import torch.nn.functional as F

from spotter.model.convolution import Convolution, Sides, weight_gradient


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        ((3, 3), (1, 1), (1, 1), (1, 1)),
        ((3, 3), (1, 1), (4, 4), (4, 4)),
        ((1, 9), (1, 1), (0, 4), (1, 1)),
        ((3, 3), (2, 2), (1, 1), (1, 1)),
        ((2, 2), (2, 1), (0, 0), (1, 1)),
    ],
)
@pytest.mark.parametrize("shape", [(2, 24, 21, 70), (1, 24, 4, 1500)])  # several bands; rows in several parts
def test_the_weights_gradient(
    layout: torch.memory_format,
    shape: tuple[int, ...],
    kernel: Sides,
    stride: Sides,
    padding: Sides,
    dilation: Sides,
) -> None:
    torch.manual_seed(0)
    x = torch.randn(shape).contiguous(memory_format=layout)
    weight = torch.randn(5, 24, *kernel, requires_grad=True)
    out = F.conv2d(x, weight, None, stride, padding, dilation)
    gradient = torch.randn_like(out)
    (wanted,) = torch.autograd.grad(out, weight, gradient)
    found = weight_gradient(x, gradient, kernel, stride, padding, dilation)
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("capability", ["AVX2", "AVX512"])
def test_a_layer_learns_alike_either_way(capability: str, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    torch.manual_seed(0)
    layer = Convolution(32, 32, 3, stride, padding=1)
    assert layer.bias is not None
    x = torch.randn(2, 32, 20, 300, requires_grad=True)
    mine = layer(x)
    its = F.conv2d(x, layer.weight, layer.bias, stride, 1)
    torch.testing.assert_close(mine, its)
    gradient = torch.randn_like(its)
    parameters = (x, layer.weight, layer.bias)
    for one, other in zip(
        torch.autograd.grad(mine, parameters, gradient), torch.autograd.grad(its, parameters, gradient), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-4)
