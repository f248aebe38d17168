"""Finds the compiled kernels of the graph's operators, and checks that they fit this program.

They are part of the program and never of a model. `spotter build-ops` and the package's own build compile them; see
docs/operators.md. Without them the operators' bodies run, which every graph contains.
"""

import ctypes
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spotter import OPERATORS_VERSION

SOURCES = Path(__file__).parent / "kernels"
LIBRARY = "libspotter_ops.so"
VARIABLE = "SPOTTER_OPS"
"""The path of a library to use, or `off` to use none."""
CONVOLUTION_VARIABLE = "SPOTTER_WINOGRAD"
"""`on` or `off`: whether the kernel of QLinearConv3x3 is used; unset: where it is faster."""
BLOCKS_VARIABLE = "SPOTTER_BLOCKS"
"""`off`, or the instruction set whose kernels of a recogniser's stem and blocks are used: `any`, `avx2`, `avx512` or
`vbmi`; unset: the best one that the processor has, where the kernels are faster."""


class KernelsError(Exception):
    """There are no kernels to use; the message says why."""


@dataclass(frozen=True)
class Kernels:
    """A library that fits this program. cuda: whether it holds kernels for the GPU, in addition to those for the
    CPU."""

    path: Path
    cuda: bool


def digest(sources: Path = SOURCES) -> str:
    """The digest of the kernels' sources; a library contains the digest of the sources from which it was built."""
    found = hashlib.sha256()
    for file in sorted(file for file in sources.iterdir() if file.suffix in (".h", ".cpp", ".cu")):
        found.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def places() -> Iterator[Path]:
    """The paths where a library may be: next to its sources, or, where that folder cannot be written, in the user's
    cache (https://specifications.freedesktop.org/basedir-spec/latest/)."""
    yield SOURCES / LIBRARY
    yield cache_folder("ops") / LIBRARY


def cache_folder(name: str) -> Path:
    """A folder in the user's cache for files that this machine creates."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "spotter" / name


def inspect(path: Path) -> Kernels:
    """Reads a library's version and digest. Raises KernelsError when it cannot be loaded, has other operators than this
    program, or was built from other sources."""
    try:
        library = ctypes.CDLL(str(path.resolve()))
        sources = library.spotter_ops_sources
        abi = library.spotter_ops_abi()
        cuda = bool(library.spotter_ops_cuda())
    except (OSError, AttributeError) as error:
        raise KernelsError(f"{path.name} is no library of operators: {error}") from None
    sources.restype = ctypes.c_char_p
    if abi != OPERATORS_VERSION:
        raise KernelsError(f"{path.name} has version {abi} of the operators, not {OPERATORS_VERSION}")
    if sources().decode() != digest():
        raise KernelsError(f"{path.name} was built from other sources: run `spotter build-ops`")
    return Kernels(path, cuda)


def find() -> Kernels:
    """The library to use. Raises KernelsError when there is none, when none fits, or when it is switched off."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "off":
        raise KernelsError(f"{VARIABLE} is off")
    if wanted:
        return inspect(Path(wanted))
    for path in places():
        if path.exists():
            return inspect(path)
    raise KernelsError("not built: run `spotter build-ops`")
