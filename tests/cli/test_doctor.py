import builtins
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from spotter.cli import checks
from spotter.cli.main import main
from spotter.ops import native
from spotter.registry.folder import FolderStore
from tests.reading.tiny import write_tiny_bundle


def examine(registry: Path, **variables: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what was found by name."""
    environment = {"SPOTTER_REGISTRY": str(registry), "SPOTTER_THREADS": "1", **variables}
    result = CliRunner().invoke(main, ["doctor", "--json"], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    answer = json.loads(result.output)
    assert answer["ready"] is (result.exit_code == 0)
    return result.exit_code, {check["name"]: check for check in answer["checks"]}


def test_a_machine_that_can_read_is_ready_whatever_else_it_lacks(registry: Path) -> None:
    code, found = examine(registry, SPOTTER_OPS="off")
    assert code == 0
    assert list(found) == list(checks.CHECKS)
    assert found["processor"]["details"]["cores"] == 2
    assert "CPU" in found["runtime"]["details"]["providers"]
    assert found["kernels"]["status"] == "note"
    assert "Unset SPOTTER_OPS" in found["kernels"]["remedy"]
    model = found["model"]["details"]
    assert (model["name"], model["version"], model["operators"]) == ("spotter", "1", "none")
    assert model["digest"].startswith("sha256:")
    assert "JPEG" in found["files"]["details"]["reads"]
    assert found["limits"]["details"]["max_bytes"] == 32 << 20
    assert found["fonts"]["status"] == "note", "the tests see no fonts"
    assert "spotter synth" in found["fonts"]["remedy"]


def test_it_needs_nothing_that_serving_does_not(registry: Path) -> None:
    modules = {module.partition(".")[0] for modules, _ in checks.EXTRAS.values() for module in modules}
    script = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({sorted(modules)!r}))\n"
        "from spotter.cli.main import main\n"
        "main(['doctor', '--json'])\n"
    )
    environment = {**os.environ, "SPOTTER_REGISTRY": str(registry), "SPOTTER_OPS": "off"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert not any(found["extras"]["details"].values())
    assert "not looked for" in found["fonts"]["found"]


def test_in_words_each_thing_has_a_line_and_each_lack_its_remedy(registry: Path) -> None:
    result = CliRunner().invoke(main, ["doctor"], env={"SPOTTER_REGISTRY": str(registry), "SPOTTER_OPS": "off"})
    assert result.exit_code == 0
    for name in checks.CHECKS:
        assert f" {name} " in result.output
    assert "-> Unset SPOTTER_OPS" in result.output
    assert result.output.endswith("Ready: `spotter demo` shows it, `spotter serve` serves.\n")


def test_a_model_that_does_not_read_its_golden_picture_is_wrong(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "bundle", golden=("073", "something else"))
    store = FolderStore(tmp_path / "registry")
    store.set_alias("spotter", "live", store.publish(tmp_path / "bundle").version)
    code, found = examine(store.root)
    assert code == 1
    assert found["model"]["status"] == "wrong"
    assert "golden picture" in found["model"]["found"]
    assert "SPOTTER_ALIAS" in found["model"]["remedy"]


@pytest.mark.parametrize(
    ("variables", "name", "status", "message"),
    [
        ({"SPOTTER_ALIAS": "none"}, "model", "wrong", "none"),
        ({"SPOTTER_PORT": "x"}, "settings", "wrong", "PORT"),
        ({"SPOTTER_PROT": "1"}, "settings", "note", "SPOTTER_PROT"),
        ({"SPOTTER_DEVICE": "cuda"}, "runtime", "wrong", "cuda"),
        ({"SPOTTER_MAX_UPLOAD_BYTES_TOTAL": str(1 << 60)}, "limits", "note", "GB of memory"),
    ],
)
def test_what_is_set_wrongly_is_found(
    registry: Path, variables: dict[str, str], name: str, status: str, message: str
) -> None:
    code, found = examine(registry, **variables)
    assert code == (status == "wrong")
    assert found[name]["status"] == status
    assert message in found[name]["found"]
    assert found[name]["remedy"]
    assert not any("anew" in check["remedy"] for check in found.values())


def test_a_package_that_is_broken_hides_nothing_else(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str, *arguments: Any, **others: Any) -> Any:
        if name == "onnxruntime":
            raise ImportError("libsomething.so: cannot open shared object file")
        return importing(name, *arguments, **others)

    importing = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", broken)
    code, found = examine(registry)
    assert code == 1
    assert "libsomething.so" in found["runtime"]["found"]
    assert found["files"]["status"] == "ok"


def test_kernels_are_told_with_what_they_use_here(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Path("/built/libspotter_ops.so")
    monkeypatch.setattr(native, "find", lambda: native.Kernels(library, False))
    monkeypatch.setattr(checks, "_flags", lambda: {"avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512_vnni"})
    _, found = examine(registry, SPOTTER_BLOCKS="any")
    assert found["kernels"]["details"] == {
        "path": str(library),
        "cuda": False,
        "widest": "avx512",
        "chosen": {native.BLOCKS_VARIABLE: "any"},
    }


def test_every_extra_is_looked_for() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) == {*checks.EXTRAS, "gpu", "docs", "dev"}
