"""Compiles the kernels. This needs a C++17 compiler (GCC or Clang), and nvcc for the GPU, but no headers of ONNX
Runtime."""

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from spotter import OLDEST_OPERATORS_VERSION, OPERATORS_VERSION
from spotter.ops.native import SOURCES, digest

SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g")
_VERSIONS = (
    f"-DSPOTTER_VERSION={OPERATORS_VERSION}",
    f"-DSPOTTER_OLDEST_VERSION={OLDEST_OPERATORS_VERSION}",
)
_COMMON = ("-std=c++17", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", "-Wall", "-Wextra", *_VERSIONS)
_QUIET = ("-Wno-uninitialized", "-Wno-maybe-uninitialized")  # false warnings about GCC 12's own header (GCC bug 105593)
_AVX512 = ("-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512vnni", *_QUIET)
_INSTRUCTIONS = {
    "any": (),
    "avx2": ("-mavx2", "-mfma", "-mf16c"),
    "avx512": _AVX512,
    "vbmi": (*_AVX512, "-mavx512vbmi"),
}
_CUDA_CODE = (
    "-gencode=arch=compute_80,code=sm_80",
    "-gencode=arch=compute_90,code=sm_90",
    "-gencode=arch=compute_90,code=compute_90",  # compiled by the driver for newer GPUs
)
_SECONDS = 300


class BuildError(Exception):
    """The kernels could not be compiled; the message says why."""


def compiler() -> str:
    """The C++ compiler: `CXX`, or the first one that is found. Raises BuildError."""
    named = os.environ.get("CXX")
    found = named or next(filter(None, map(shutil.which, ("g++", "c++", "clang++"))), None)
    if found is None:
        raise BuildError("there is no C++ compiler: install g++ or set CXX")
    return found


def build(target: Path, cuda: bool = False) -> None:
    """Writes the shared library atomically: a process that has loaded the old one keeps it. Raises BuildError."""
    if cuda and shutil.which("nvcc") is None:
        raise BuildError("there is no nvcc for the GPU's kernels")
    cxx = compiler()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        wide = ["-DSPOTTER_AVX2"] if "avx2" in instruction_sets() else []
        defines = [f'-DSPOTTER_SOURCES="{digest()}"', *wide, *(["-DSPOTTER_CUDA"] if cuda else [])]
        jobs = _sampling(cxx, scratch, ("-O3",))
        if wide:
            jobs["winograd_operator.o"] = [cxx, *_COMMON, "-O2", "-c", str(SOURCES / "winograd_operator.cpp")]
            jobs |= _filtering(cxx, ("-O3",))
        jobs |= _blocks(cxx, ("-O3",))
        for part in ("block_operator", "stem_operator"):
            jobs[f"{part}.o"] = [cxx, *_COMMON, "-O2", *wide, "-c", str(SOURCES / f"{part}.cpp")]
        jobs["operators.o"] = [cxx, *_COMMON, "-O2", *defines, "-c", str(SOURCES / "operators.cpp")]
        jobs["search_operator.o"] = [cxx, *_COMMON, "-O2", "-c", str(SOURCES / "search_operator.cpp")]
        jobs["search.o"] = _searching(cxx, ("-O2",))
        if cuda:
            host = ("-Xcompiler", "-fPIC,-fvisibility=hidden", "-ccbin", cxx)
            jobs["cuda.o"] = ["nvcc", "-std=c++17", "-O3", *_CUDA_CODE, *host, "-c", str(SOURCES / "sample_cuda.cu")]
        _run([[*command, "-o", str(scratch / output)] for output, command in jobs.items()])
        # Linked statically, so that the machine that runs the library needs no runtime library of the compiler.
        linker = ["nvcc", "-shared", "-cudart", "static", "-ccbin", cxx] if cuda else [cxx, "-shared"]
        static = ["-Xcompiler", "-static-libstdc++,-static-libgcc"] if cuda else ["-static-libstdc++", "-static-libgcc"]
        library = scratch / target.name
        _run([[*linker, *static, *(str(scratch / output) for output in jobs), "-o", str(library)]])
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            shutil.copy(library, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def build_fuzzer(target: Path) -> None:
    """Writes a program that runs the kernels on random input under the address and undefined-behaviour sanitizers.
    Raises BuildError."""
    cxx = compiler()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        flags = ("-O1", *SANITIZERS)
        jobs = _sampling(cxx, scratch, flags)
        wide = []
        if "avx2" in instruction_sets():
            wide = ["-DSPOTTER_AVX2"]
            jobs |= _filtering(cxx, flags)
        jobs |= _blocks(cxx, flags)
        jobs["search.o"] = _searching(cxx, flags)
        exact = "-ffp-contract=off"  # the reference search must round like the kernel
        jobs["fuzz.o"] = [cxx, *_COMMON, *flags, *wide, exact, "-c", str(SOURCES / "fuzz.cpp")]
        _run([[*command, "-o", str(scratch / output)] for output, command in jobs.items()])
        _run([[cxx, *SANITIZERS, *(str(scratch / output) for output in jobs), "-o", str(target)]])


def instruction_sets() -> tuple[str, ...]:
    """The instruction sets for which sampling is compiled; the library chooses one at run time."""
    return ("any", "avx2") if platform.machine() in ("x86_64", "AMD64") else ("any",)


def _sampling(cxx: str, scratch: Path, flags: Sequence[str]) -> dict[str, list[str]]:
    source = str(SOURCES / "sample.cpp")
    return {
        f"{name}.o": [cxx, *_COMMON, *flags, *_INSTRUCTIONS[name], f"-DSPOTTER_ISA={name}", "-c", source]
        for name in instruction_sets()
    }


def _searching(cxx: str, flags: Sequence[str]) -> list[str]:
    # Sums must be rounded as in the operator's body, so that both choose the same texts.
    return [cxx, *_COMMON, *flags, "-ffp-contract=off", "-c", str(SOURCES / "search.cpp")]


def _filtering(cxx: str, flags: Sequence[str]) -> dict[str, list[str]]:
    jobs = {
        f"winograd_{name}.o": [
            *(cxx, *_COMMON, *flags, *_INSTRUCTIONS[name], f"-DSPOTTER_ISA={name}"),
            *("-c", str(SOURCES / "winograd.cpp")),
        ]
        for name in ("avx2", "avx512")
    }
    return jobs | {"winograd_points.o": [cxx, *_COMMON, *flags, "-c", str(SOURCES / "winograd_points.cpp")]}


def _blocks(cxx: str, flags: Sequence[str]) -> dict[str, list[str]]:
    # Vectors of 64 bytes are split where the processor has none; the warning about the calling convention is
    # irrelevant.
    common = (cxx, *_COMMON, *flags, "-Wno-psabi")
    names = ("any", "avx2", "avx512", "vbmi") if "avx2" in instruction_sets() else ("any",)
    return {
        f"{part}_{name}.o": [*common, *_INSTRUCTIONS[name], f"-DSPOTTER_ISA={name}", "-c", str(SOURCES / f"{part}.cpp")]
        for part in ("block", "stem")
        for name in names
        if (part, name) != ("stem", "vbmi")
    }


def _run(commands: Sequence[Sequence[str]]) -> None:
    """Runs the commands in parallel. Raises BuildError with the output of the first failure."""
    with ThreadPoolExecutor(len(commands)) as pool:
        list(pool.map(_run_one, commands))


def _run_one(command: Sequence[str]) -> None:
    try:
        ran = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(str(error)) from None
    if ran.returncode:
        raise BuildError(f"{' '.join(command)}\n{ran.stdout.strip()}")
