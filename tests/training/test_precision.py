"""Where bfloat16 pays."""

import pytest
import torch

from spotter.training.precision import fast_bfloat16


@pytest.mark.parametrize(
    ("told", "fast"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"architecture": "aarch64"}, False),
    ],
)
def test_a_cpu_must_multiply_it_natively(told: dict[str, object], fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told)
    assert fast_bfloat16(torch.device("cpu")) is fast


def test_a_gpu_always_does() -> None:
    assert fast_bfloat16(torch.device("cuda"))
