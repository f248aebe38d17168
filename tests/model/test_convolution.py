"""The gradient by matrix products is that of PyTorch's own convolution."""

import pytest
import torch
import torch.nn.functional as F

from spotter.model.convolution import Convolution, weight_gradient


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("kernel", "padding", "dilation"), [((3, 3), (1, 1), (1, 1)), ((3, 3), (4, 4), (4, 4)), ((1, 9), (0, 4), (1, 1))]
)
def test_the_weights_gradient(
    layout: torch.memory_format, kernel: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 24, 21, 70).contiguous(memory_format=layout)  # several bands, the last one narrower
    weight = torch.randn(5, 24, *kernel, requires_grad=True)
    out = F.conv2d(x, weight, None, 1, padding, dilation)
    gradient = torch.randn_like(out)
    (wanted,) = torch.autograd.grad(out, weight, gradient)
    torch.testing.assert_close(weight_gradient(x, gradient, kernel, padding, dilation), wanted, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("capability", ["AVX2", "AVX512"])
def test_a_layer_learns_alike_either_way(capability: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    torch.manual_seed(0)
    layer = Convolution(32, 32, 3, padding=1)
    assert layer.bias is not None
    x = torch.randn(2, 32, 20, 140, requires_grad=True)
    mine = layer(x)
    its = F.conv2d(x, layer.weight, layer.bias, 1, 1)
    torch.testing.assert_close(mine, its)
    gradient = torch.randn_like(its)
    parameters = (x, layer.weight, layer.bias)
    for one, other in zip(
        torch.autograd.grad(mine, parameters, gradient), torch.autograd.grad(its, parameters, gradient), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-4)
