"""The arithmetic that training uses on a device."""

import time

import torch

_SIDE = 768  # of the matrices that are multiplied for the measurement
_PAYS = 0.9  # of float32's time: bfloat16 must take less


def fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster on a device: on GPUs, and on CPUs that multiply it natively and faster than float32.

    Where bfloat16 is emulated (AVX2 and AVX-512 without BF16), a step takes eight times as long as in float32. Of two
    processors that report native bfloat16, a Zen 4 took half of float32's time and a Xeon (Sapphire Rapids without AMX)
    one and a half times that, so both types are timed.
    """
    if device.type != "cpu":
        return True
    capabilities = torch.cpu.get_capabilities()
    if not (capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")):
        return False
    return _seconds(torch.bfloat16) < _PAYS * _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    """The least time in seconds of a few matrix products."""
    matrix = torch.ones(_SIDE, _SIDE, dtype=dtype)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        torch.mm(matrix, matrix)
        best = min(best, time.perf_counter() - began)
    return best
