import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from spotter import OPERATORS_VERSION
from spotter.ops import cli, native
from spotter.ops.build import BuildError, compiler


def test_it_builds_once_where_it_is_found(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def copy(target: Path, cuda: bool) -> None:
        built.append(cuda)
        target.unlink(missing_ok=True)  # one that is loaded must not change
        target.write_bytes(library.read_bytes())

    monkeypatch.setattr(cli, "build", copy)
    monkeypatch.setattr(cli, "places", lambda: iter([tmp_path / native.LIBRARY]))
    said = [CliRunner().invoke(cli.build_ops, words).output for words in ([], [], ["--force"])]
    assert said[0].startswith(f"{tmp_path / native.LIBRARY}: CPU, ")
    assert "fits already" in said[1]
    assert built == [False, False]


def test_what_does_not_fit_is_built_anew(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "ops.so"
    target.write_bytes(b"something else")
    monkeypatch.setattr(cli, "build", lambda target, cuda: target.write_bytes(library.read_bytes()))
    result = CliRunner().invoke(cli.build_ops, ["--output", str(target)])
    assert result.exit_code == 0, result.output
    assert native.inspect(target).path == target


def test_a_library_of_other_sources_is_built_anew(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which was loaded, to be asked, under the name that the new one gets."""
    source, target = tmp_path / "other.cpp", tmp_path / "lib" / "ops.so"
    source.write_text(
        'extern "C" const char *spotter_ops_sources() { return "other"; }\n'
        f'extern "C" int spotter_ops_abi() {{ return {OPERATORS_VERSION}; }}\n'
        'extern "C" int spotter_ops_cuda() { return 0; }\n'
    )
    target.parent.mkdir()
    subprocess.run([compiler(), "-shared", "-fPIC", str(source), "-o", str(target)], check=True)
    with pytest.raises(native.KernelsError, match="other sources"):
        native.inspect(target)

    def copy(target: Path, cuda: bool) -> None:
        target.unlink(missing_ok=True)
        shutil.copy(library, target)

    monkeypatch.setattr(cli, "build", copy)
    result = CliRunner().invoke(cli.build_ops, ["--output", str(target)])
    assert result.exit_code == 0, result.output
    assert target.read_bytes() == library.read_bytes()
    assert list(target.parent.iterdir()) == [target]


def test_failures_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(target: Path, cuda: bool) -> None:
        raise BuildError("there is no C++ compiler")

    monkeypatch.setattr(cli, "build", fail)
    result = CliRunner().invoke(cli.build_ops, ["--output", str(tmp_path / "ops.so")])
    assert result.exit_code == 1
    assert "no C++ compiler" in result.output
    monkeypatch.setattr(cli, "places", lambda: iter([Path("/proc/ops.so")]))
    monkeypatch.setattr(cli, "_writable", lambda folder: False)
    assert "no place" in CliRunner().invoke(cli.build_ops).output
