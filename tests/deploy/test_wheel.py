"""The wheel: complete, and serving where nothing of the checkout is. No test needs a network, nor compiles again what
the other tests have compiled; but the last, which `make chaos` has, installs what the wheel needs from the index."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from spotter import __version__
from spotter.ops.native import LIBRARY
from spotter.registry.folder import FolderStore
from tests.client.samples import FORM, STREET, STREET_WORDS
from tests.lengths import LONG
from tests.programs import OUTSIDE
from tests.service.serving import Serving

ROOT = Path(__file__).parents[2]
_LEFT = shutil.ignore_patterns(".*", "__pycache__", "*.so", "*.egg-info", "build", "dist", "runs", "work")
_LINKER = """#!/bin/sh
# Stands for a compiler whose work is done: the library is there.
for word; do case $previous in -o) target=$word ;; esac; previous=$word; done
case " $* " in *" -shared "*) cp "{library}" "$target" ;; *) : > "$target" ;; esac
"""


@dataclass(frozen=True)
class Installed:
    """A wheel, and the folder that it alone is installed in."""

    wheel: Path
    folder: Path

    @property
    def distribution(self) -> Distribution:
        """What the installer knows about it."""
        (found,) = distributions(path=[str(self.folder)])
        return found

    def environment(self) -> dict[str, str]:
        """Variables with which Python finds the installed package, and no checkout."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPOTTER_", "PYTHON"))}
        return {**kept, "PYTHONPATH": str(self.folder), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def pip(*words: str | Path, **variables: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, words)]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def install(folder: Path, **variables: str) -> Installed:
    """Builds the wheel of a copy of the checkout, beside which lies what does not belong in it, and installs it."""
    shutil.copytree(ROOT, folder / "checkout", ignore=_LEFT)
    (folder / "checkout" / "work").mkdir()
    (folder / "checkout" / "work" / "notes.py").touch()
    offline = ("--no-deps", "--no-index")
    pip("wheel", *offline, "--no-build-isolation", "-w", folder, folder / "checkout", **variables)
    shutil.rmtree(folder / "checkout")
    (wheel,) = folder.glob("*.whl")
    pip("install", *offline, "--no-compile", "--target", folder / "site", wheel)
    return Installed(wheel, folder / "site")


@pytest.fixture(scope="module")
def native(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built where a compiler is."""
    folder = tmp_path_factory.mktemp("native")
    compiler = folder / "c++"
    compiler.write_text(_LINKER.format(library=library))
    compiler.chmod(0o755)
    return install(folder, CXX=str(compiler))


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built where no compiler is."""
    folder = tmp_path_factory.mktemp("pure")
    return install(folder, CXX="", PATH=str(folder))


@pytest.fixture(params=["native", "pure"])
def installed(request: pytest.FixtureRequest) -> Installed:
    """Either."""
    found: Installed = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def served(installed: Installed, tmp_path: Path) -> Iterator[Serving]:
    """`spotter serve`, by the script that comes with the wheel."""
    with serve(tmp_path, installed.environment(), sys.executable, str(installed.folder / "bin" / "spotter")) as running:
        yield running


@contextlib.contextmanager
def serve(folder: Path, variables: Mapping[str, str], *program: str) -> Iterator[Serving]:
    """`spotter serve` by this program, in an empty folder. It must end in peace."""
    variables = {**variables, "SPOTTER_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache")}
    command = [*program, "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=variables, stderr=subprocess.PIPE, text=True) as process:
        running = Serving(process)
        try:
            yield running
        finally:
            process.terminate()
            assert running.exit_code() == 0


def test_every_file_of_the_package_is_in_it_and_none_besides(installed: Installed) -> None:
    package = ROOT / "spotter"
    ours = {
        file.relative_to(ROOT).as_posix(): file.read_bytes()
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".so" and not file.name.startswith(".")
    }
    assert len(ours) > 200
    with zipfile.ZipFile(installed.wheel) as archive:
        there = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    there.pop(f"spotter/ops/kernels/{LIBRARY}", None)
    assert there == ours


def test_it_is_named_and_says_what_it_needs(installed: Installed) -> None:
    found = installed.distribution
    assert found.name == "spotter-ocr"
    assert found.version == __version__
    (script,) = found.entry_points
    assert (script.group, script.name, script.value) == ("console_scripts", "spotter", "spotter.cli.main:main")
    needed = {Requirement(line).name for line in found.requires or []}
    assert {"onnxruntime", "torch", "spotter-ocr"} <= needed
    assert "spotter" not in needed  # PyPI has another program of that name


def test_its_tag_says_where_it_runs(native: Installed, pure: Installed) -> None:
    *_, tags = parse_wheel_filename(native.wheel.name)
    (tag,) = tags
    assert tag in set(sys_tags())
    assert (tag.interpreter, tag.abi) == ("py3", "none")
    assert tag.platform != "any"
    assert (native.folder / "spotter" / "ops" / "kernels" / LIBRARY).is_file()
    assert pure.wheel.name.endswith("-py3-none-any.whl")
    assert not (pure.folder / "spotter" / "ops" / "kernels" / LIBRARY).exists()


def test_what_is_imported_is_what_was_installed(installed: Installed, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import spotter; print(spotter.__file__)"]
    done = subprocess.run(
        command, cwd=tmp_path, env=installed.environment(), capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()) == installed.folder / "spotter" / "__init__.py"


def test_it_serves(installed: Installed, served: Serving) -> None:
    store = FolderStore(installed.folder / "spotter" / "registry" / "embedded")
    name = "spotter"
    bundle = store.open(name, store.aliases(name)["live"])
    golden = bundle.manifest.golden
    served.ready()
    answer = httpx.post(f"{served.url}/spot", content=bundle.read(golden.picture), timeout=60).json()
    assert not Counter(golden.words) - Counter(word["text"] for word in answer["words"])
    model = httpx.get(f"{served.url}/v1/model").json()
    assert model["digest"] == bundle.manifest.digest
    kernels = installed.folder / "spotter" / "ops" / "kernels" / LIBRARY
    assert model["operators"]["run"] == ("native" if kernels.exists() else "function")
    assert "<title>" in httpx.get(served.url).text
    assert httpx.get(f"{served.url}/playground/samples/form.pdf").content.startswith(b"%PDF")


@pytest.mark.timeout(1800)
@pytest.mark.skipif(not LONG, reason="it installs what the wheel needs: make chaos")
def test_installed_with_what_it_needs_and_no_more_it_reads(native: Installed, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    programs = tmp_path / "venv" / "bin"
    empty = tmp_path / "empty"
    empty.mkdir()
    inside = {"PATH": str(programs), "HOME": str(empty)}

    def run(*command: str | Path, **variables: str) -> str:
        done = subprocess.run(
            list(map(str, command)), cwd=empty, env={**inside, **variables}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(programs / "pip", "install", f"{native.wheel}[client]", **{**OUTSIDE, **inside})
    run(programs / "pip", "check")
    there = {each["name"].lower() for each in json.loads(run(programs / "pip", "list", "--format", "json"))}
    assert {"spotter-ocr", "onnxruntime", "httpx"} <= there
    assert not there & {"torch", "onnx", "opencv-python-headless", "pytest"}
    found = json.loads(run(programs / "spotter", "doctor", "--json"))
    assert found["ready"], found
    assert {each["name"]: each["status"] for each in found["checks"]}["kernels"] == "ok"
    assert set(run(programs / "spotter", "spot", "--format", "text", STREET).split()) >= STREET_WORDS
    patient = {"SPOTTER_TIMEOUT": "120", "SPOTTER_DOCUMENT_TIMEOUT": "120"}
    with serve(empty, inside | patient, str(programs / "spotter")) as server:
        server.ready()
        read = "import sys; from spotter.client import Client; print(Client(sys.argv[1]).read(sys.argv[2]).to_text())"
        assert set(run(programs / "python", "-c", read, server.url, STREET).split()) >= STREET_WORDS
        assert "Lindqvist" in run(programs / "python", "-c", read, server.url, FORM)
        assert "<title>" in httpx.get(server.url).text
