"""Where bfloat16 pays."""

import pytest
import torch

from spotter.training import precision
from spotter.training.precision import fast_bfloat16

NATIVE = {"avx512_bf16": True}


@pytest.mark.parametrize(
    ("capabilities", "seconds", "fast"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, 0.5, False),
        (NATIVE, 0.5, True),
        ({"amx_bf16": True}, 0.5, True),
        ({"architecture": "aarch64"}, 0.5, False),
        (NATIVE, 1.5, False),
    ],
)
def test_a_cpu_must_multiply_it_natively_and_fast(
    capabilities: dict[str, object], seconds: float, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(precision, "_seconds", lambda dtype: seconds if dtype is torch.bfloat16 else 1.0)
    assert fast_bfloat16(torch.device("cpu")) is fast


def test_products_take_time() -> None:
    assert 0 < precision._seconds(torch.float32) < 10


def test_a_gpu_always_does() -> None:
    assert fast_bfloat16(torch.device("cuda"))
