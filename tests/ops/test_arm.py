"""The kernels on 64-bit ARM: compiled with warnings as errors, and the random nonsense run by an emulator."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from spotter.ops.build import build, build_fuzzer
from tests.lengths import compiles
from tests.ops.arm import COMPILER, EMULATOR, building_for_arm
from tests.programs import find, needs

ROUNDS = 300
WHAT = "THE KERNELS ON ARM"
COMPILES = needs(COMPILER, WHAT, "Debian: apt-get install g++-aarch64-linux-gnu")
EMULATES = needs(EMULATOR, WHAT, "Debian: apt-get install qemu-user")


@pytest.fixture(autouse=True)
def _for_arm(tmp_path: Path) -> Iterator[None]:
    with building_for_arm(tmp_path, "-Werror"):
        yield


def emulated(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Runs a program for ARM with the libraries that came with the compiler."""
    libraries = Path(find(COMPILER) or "").parents[1] / "aarch64-linux-gnu"
    words = [str(find(EMULATOR)), "-L", str(libraries), *map(str, command)]
    # The search for leaks traces the process, which an emulated one cannot be.
    variables = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    return subprocess.run(words, env=variables, capture_output=True, text=True, timeout=800, check=False)


@compiles
@COMPILES
@pytest.mark.timeout(900)
def test_the_library_compiles_without_a_warning(tmp_path: Path) -> None:
    build(tmp_path / "lib.so")
    header = (tmp_path / "lib.so").read_bytes()[:20]
    assert header.startswith(b"\x7fELF\x02")
    assert int.from_bytes(header[18:20], "little") == 183  # EM_AARCH64


@compiles
@COMPILES
@EMULATES
@pytest.mark.timeout(900)
def test_sanitizers_find_nothing_in_random_nonsense(tmp_path: Path) -> None:
    build_fuzzer(tmp_path / "fuzz")
    ran = emulated(tmp_path / "fuzz", "1", str(ROUNDS))
    assert (ran.returncode, ran.stdout) == (0, f"{ROUNDS} rounds agree\n"), ran.stdout + ran.stderr
