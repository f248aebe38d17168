"""Checks of what a machine needs for reading, and of what would help. Each check reports what it found and, where
something is missing, what to do."""

import importlib.util
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from spotter import __version__

Status = Literal["ok", "note", "wrong"]
"""`note`: reading works without it, but less well, or for fewer files. `wrong`: nothing can be read until it is
repaired."""

EXTRAS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "client": (("httpx",), "spotter.client"),
    "mcp": (("mcp", "httpx"), "spotter mcp"),
    "bulk": (("ray", "pyarrow", "fsspec"), "spotter bulk"),
    "video": (("cv2", "scipy", "shapely"), "spotter video"),
    "heic": (("pi_heif",), "reads HEIC"),
    "otel": (("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"), "requests as spans"),
    "ocrmypdf": (("ocrmypdf", "httpx"), "ocrmypdf --plugin spotter.ocrmypdf"),
    "train": (("torch", "cv2", "shapely", "matplotlib", "jinja2", "tensorboard"), "training and evaluation"),
    "export": (("torch", "onnx", "onnxscript"), "spotter export"),
}
"""The modules of each extra, and its purpose; `gpu`, `docs` and `dev` are checked elsewhere or not at all."""
_FLAGS = {
    "x86": ("avx2", "fma", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512vbmi", "amx_int8"),
    "arm": ("asimd", "asimddp", "i8mm", "sve", "bf16"),
}
_AVX512 = {"avx512f", "avx512bw", "avx512vl", "avx512_vnni"}
_WIDTHS = {"vbmi": {*_AVX512, "avx512vbmi"}, "avx512": _AVX512, "avx2": {"avx2", "fma"}}
_PROVIDERS = {"cpu": "CPU", "cuda": "CUDA", "tensorrt": "Tensorrt"}


@dataclass(frozen=True)
class Check:
    """The result of a check. found: one line on what was found. remedy: what to do where the status is not `ok`.
    details: the same as values."""

    name: str
    status: Status
    found: str
    remedy: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def run_checks() -> Iterator[Check]:
    """Runs every check, the most important first. None raises."""
    for name, check in CHECKS.items():
        try:
            yield check()
        except ValidationError:
            yield Check(name, "wrong", "not looked at, for the settings are wrong", "Correct the settings first.")
        except Exception as error:  # an unexpected error must not hide the other checks
            yield Check(name, "wrong", f"{type(error).__name__}: {error}", "Install the program again.")


def _program() -> Check:
    python = platform.python_version()
    about = {"version": __version__, "python": python, "system": platform.system(), "machine": platform.machine()}
    found = f"Spotter {__version__}, Python {python}, {platform.system()} {platform.machine()}"
    return Check("program", "ok", found, details=about)


def _processor() -> Check:
    from spotter.reading.settings import cores

    flags = _flags()
    count = cores()
    known = [flag for flag in _FLAGS["x86"] + _FLAGS["arm"] if flag in flags]
    found = f"{count} core{'s' * (count > 1)} for this process; {' '.join(known) or 'no vector instructions known'}"
    about = {"cores": count, "instructions": known}
    if platform.machine() == "x86_64" and flags and "avx2" not in flags:
        return Check("processor", "note", found, "Without AVX2 the kernels are slow: use another machine.", about)
    return Check("processor", "ok", found, details=about)


def _flags() -> set[str]:
    """The processor's features by their names in Linux; empty on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return next(
        (set(line.partition(":")[2].split()) for line in lines if line.startswith(("flags", "Features"))), set()
    )


def _settings() -> Check:
    from spotter.service.settings import Settings, unknown_variables

    unknown = unknown_variables()
    try:
        changed = {name: str(getattr(Settings(), name)) for name in Settings().model_fields_set}
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}" for each in error.errors()
        )
        return Check("settings", "wrong", reasons, "Correct the SPOTTER_* variable: docs/service.md has all.")
    about = {"set": changed, "unknown": unknown}
    found = f"set: {', '.join(sorted(changed))}" if changed else "all at their defaults"
    if unknown:
        names = ", ".join(unknown)
        return Check("settings", "note", f"{found}; unknown: {names}", "Correct or unset them: docs/service.md.", about)
    return Check("settings", "ok", found, details=about)


def _runtime() -> Check:
    import onnxruntime

    from spotter.reading.settings import ReadingSettings

    device = ReadingSettings().device
    present = [each.removesuffix("ExecutionProvider") for each in onnxruntime.get_available_providers()]
    found = f"ONNX Runtime {onnxruntime.__version__}; {', '.join(present)}; reads on {device}"
    about = {"version": onnxruntime.__version__, "providers": present, "device": device}
    if _PROVIDERS[device] not in present:
        remedy = "pip install 'spotter-ocr[gpu]' in place of onnxruntime, or SPOTTER_DEVICE=cpu."
        return Check("runtime", "wrong", found, remedy, about)
    return Check("runtime", "ok", found, details=about)


def _kernels() -> Check:
    from spotter.ops import native
    from spotter.ops.build import BuildError, compiler

    try:
        kernels = native.find()
    except native.KernelsError as error:
        try:
            remedy = f"Run `spotter build-ops` (compiler: {compiler()})."
        except BuildError as lacking:
            remedy = f"Run `spotter build-ops`; {lacking}."
        if os.environ.get(native.VARIABLE) == "off":
            remedy = f"Unset {native.VARIABLE} to use them."
        return Check("kernels", "note", f"none, so operators run as functions, more slowly: {error}", remedy)
    variables = (native.CONVOLUTION_VARIABLE, native.BLOCKS_VARIABLE)
    wishes = {name: os.environ[name] for name in variables if os.environ.get(name)}
    widest = _widest(_flags())
    about = {"path": str(kernels.path), "cuda": kernels.cuda, "widest": widest, "chosen": wishes}
    chosen = "".join(f"; {name}={value}" for name, value in wishes.items())
    found = f"CPU{' and CUDA' * kernels.cuda}, with code for {widest} here{chosen}; {kernels.path}"
    return Check("kernels", "ok", found, details=about)


def _widest(flags: set[str]) -> str:
    """The widest instruction set for which the kernels have code and which the processor has, as a value of
    SPOTTER_BLOCKS."""
    return next((name for name, needed in _WIDTHS.items() if needed <= flags), "any")


def _model() -> Check:
    from spotter.reading.bundles import find_bundle
    from spotter.reading.reader import Reader
    from spotter.reading.session import Session
    from spotter.reading.settings import ReadingSettings
    from spotter.registry.errors import RegistryError

    settings = ReadingSettings()
    where = settings.registry or "embedded"
    try:
        bundle = find_bundle(settings)
        manifest = bundle.manifest
        session = Session(bundle, settings.session)
        began = time.monotonic()
        Reader(bundle, session, settings.limits).check_golden()
        seconds = time.monotonic() - began
    except RegistryError as error:
        remedy = f"Publish a good version, or choose another: SPOTTER_REGISTRY ({where}), SPOTTER_MODEL, SPOTTER_ALIAS."
        return Check("model", "wrong", str(error), remedy)
    found = (
        f"{manifest.name} {manifest.version}, {manifest.digest[:19]}, {len(manifest.charset)} characters, read at "
        f"{manifest.input.target_side} pixels; its golden picture in {seconds:.2f} s"
    )
    about = {
        "name": manifest.name,
        "version": manifest.version,
        "digest": manifest.digest,
        "registry": where,
        "characters": len(manifest.charset),
        "side": manifest.input.target_side,
        "operators": session.operators.run,
        "golden_seconds": round(seconds, 3),
    }
    return Check("model", "ok", found, details=about)


def _files() -> Check:
    from spotter.reading.kinds import KINDS

    lacking = {kind.label: kind.needs for kind in KINDS if not kind.readable}
    reads = [kind.label for kind in KINDS if kind.readable]
    about = {"reads": reads, "lacks": lacking}
    if lacking:
        remedy = "; ".join(f"{label} needs {needs}" for label, needs in lacking.items()) + "."
        return Check("files", "note", f"{', '.join(reads)} are read; {', '.join(lacking)} not", remedy, about)
    return Check("files", "ok", f"{', '.join(reads)} are read", details=about)


def _limits() -> Check:
    from spotter.service import memory
    from spotter.service.settings import Settings

    settings = Settings()
    most, present = sum(memory.bound(settings).values()), _memory()
    about = {
        "max_bytes": settings.max_bytes,
        "max_pixels": settings.max_pixels,
        "max_pages": settings.max_pages,
        "timeout": settings.timeout,
        "queue_pictures": settings.queue_pictures,
        "memory_bound": most,
        "memory": present,
    }
    found = (
        f"{settings.max_bytes / 1e6:.0f} MB and {settings.max_pixels / 1e6:.0f} megapixels a picture, "
        f"{settings.queue_pictures} pictures inside, at most {most / 1e9:.1f} of {present / 1e9:.1f} GB of memory"
    )
    if most > present:
        remedy = "Hostile pictures could fill the memory: lower the limits (docs/service.md#memory)."
        return Check("limits", "note", found, remedy, about)
    return Check("limits", "ok", found, details=about)


def _memory() -> int:
    """The memory in bytes that this process may use: the machine's, or the limit of its control group."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):
        return machine


def _fonts() -> Check:
    if not _has("train"):
        return Check("fonts", "ok", "not looked for: they are for training, and the train extra is not installed")
    from spotter.training.synthesis import fonts

    files = fonts.font_files(fonts.usual_folders())
    about = {"files": len(files)}
    if not files:
        remedy = "For `spotter synth` only: apt-get install fonts-dejavu fonts-liberation and others."
        return Check("fonts", "note", "none but Pillow's own, so training pictures would look alike", remedy, about)
    return Check("fonts", "ok", f"{len(files)} files, for training pictures", details=about)


def _extras() -> Check:
    present = {name: _has(name) for name in EXTRAS}
    lacking = [name for name, found in present.items() if not found]
    found = ", ".join(name for name, there in present.items() if there) or "none"
    if lacking:
        uses = "; ".join(f"{name} ({EXTRAS[name][1]})" for name in lacking)
        return Check(
            "extras", "note", f"installed: {found}", f"Where wanted, pip install 'spotter-ocr[NAME]': {uses}.", present
        )
    return Check("extras", "ok", f"installed: {found}", details=present)


def _has(extra: str) -> bool:
    modules, _ = EXTRAS[extra]
    return all(map(_installed, modules))


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the parent package is missing
        return False


CHECKS: Mapping[str, Callable[[], Check]] = {
    "program": _program,
    "processor": _processor,
    "settings": _settings,
    "runtime": _runtime,
    "kernels": _kernels,
    "model": _model,
    "files": _files,
    "limits": _limits,
    "fonts": _fonts,
    "extras": _extras,
}
