"""Building the kernels for 64-bit ARM on another machine."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import find

COMPILER = "aarch64-linux-gnu-g++"
EMULATOR = "qemu-aarch64"


@contextmanager
def building_for_arm(folder: Path, flags: str = "") -> Iterator[None]:
    """Builds as on such a machine. folder: where a compiler may be written that takes these flags, too."""
    compiler = folder / "c++"
    compiler.write_text(f'#!/bin/sh\nexec {find(COMPILER)} {flags} "$@"\n')
    compiler.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", str(compiler))
        patch.setattr(platform, "machine", lambda: "aarch64")
        yield
