"""The environment to be stated with a figure: machine, code and versions."""

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from spotter import __version__

_PACKAGES = ("onnxruntime", "onnxruntime-gpu", "numpy", "torch")


@dataclass(frozen=True)
class Environment:
    """cpu: the processor's model by the system's name. cores: how many this process may use. commit: of the checkout
    from which the package runs, None when it is installed elsewhere. versions: of the installed packages."""

    cpu: str
    cores: int
    python: str
    spotter: str
    commit: str | None
    versions: dict[str, str]

    def line(self) -> str:
        """The environment as one line, printed above the tables."""
        code = f"spotter {self.spotter}" + (f" ({self.commit})" if self.commit else "")
        parts = [f"{self.cpu}, {self.cores} cores", code, *(f"{name} {at}" for name, at in self.versions.items())]
        return "; ".join(parts)


def describe() -> Environment:
    """This process's environment."""
    return Environment(
        cpu_model(), len(os.sched_getaffinity(0)), platform.python_version(), __version__, _commit(), _versions()
    )


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name from Linux's /proc/cpuinfo, or its architecture where there is none."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """`git describe` of the checkout that holds this package; a package in site-packages has none."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
