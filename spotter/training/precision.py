"""The arithmetic that training uses on a device."""

import torch


def fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 pays on a device: on GPUs, and on CPUs that multiply it natively.

    Where it is only imitated (AVX2 and plain AVX-512), a step takes eight times as long as in float32.
    """
    if device.type != "cpu":
        return True
    told = torch.cpu.get_capabilities()
    return bool(told.get("avx512_bf16") or told.get("amx_bf16"))
