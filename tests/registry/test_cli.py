import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spotter.registry.cli import models
from tests.registry.conftest import WriteBundle


@pytest.fixture
def registry(tmp_path: Path, write: WriteBundle) -> Path:
    write(tmp_path / "b")
    return tmp_path / "registry"


def call(registry: Path, *arguments: str) -> Result:
    registry.mkdir(exist_ok=True)
    return CliRunner().invoke(models, ["--registry", str(registry), *arguments])


def test_the_life_of_a_model(registry: Path, tmp_path: Path) -> None:
    bundle = str(tmp_path / "b")
    assert call(registry, "publish", bundle, "--alias", "live").output.startswith("spotter 1 sha256:")
    assert call(registry, "publish", bundle).output.startswith("spotter 2 sha256:")
    assert call(registry, "list").output == "spotter\t1\tlive\nspotter\t2\t-\n"
    assert call(registry, "alias", "spotter", "live", "2").output == "spotter live -> 2\n"
    assert json.loads(call(registry, "show", "spotter").output)["version"] == "2"
    assert call(registry, "rollback", "spotter").output == "spotter live -> 1\n"
    assert call(registry, "verify", "spotter").output.count(" ok\n") == 2
    assert call(registry, "verify", "spotter", "live").output.startswith("spotter 1 sha256:")
    assert call(registry, "verify", bundle).output.startswith("spotter 7 sha256:")


def test_programs_get_json(registry: Path, tmp_path: Path) -> None:
    bundle = str(tmp_path / "b")
    assert json.loads(call(registry, "list", "--json").stdout) == {"versions": []}
    for options in (["--alias", "live"], []):
        call(registry, "publish", bundle, *options)
    assert json.loads(call(registry, "list", "--json").stdout) == {
        "versions": [
            {"name": "spotter", "version": "1", "aliases": ["live"]},
            {"name": "spotter", "version": "2", "aliases": []},
        ]
    }
    digests = [json.loads(call(registry, "show", "spotter", each).stdout)["digest"] for each in ("1", "2")]
    verified = call(registry, "verify", "spotter", "--json")
    assert (verified.exit_code, verified.stderr) == (0, "")
    assert json.loads(verified.stdout) == {
        "ok": True,
        "bundles": [
            {"bundle": f"spotter {version}", "ok": True, "name": "spotter", "version": version, "digest": digest}
            for version, digest in zip(("1", "2"), digests, strict=True)
        ],
    }


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_damaged_version_does_not_keep_others_from_being_looked_at(
    registry: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    for _ in range(2):
        call(registry, "publish", str(tmp_path / "b"))
    (registry / "spotter" / "versions" / "1" / "model.onnx").write_bytes(b"")
    result = call(registry, "verify", "spotter", *options)
    assert result.exit_code == 1
    why = "model.onnx has 0 bytes"
    assert result.stderr.startswith(f"Error: spotter 1: {why}")
    if options:
        answer = json.loads(result.stdout)
        first, second = answer["bundles"]
        assert (answer["ok"], first["ok"], first["bundle"], second["ok"]) == (False, False, "spotter 1", True)
        assert why in first["problem"]
    else:
        assert result.stdout.startswith("spotter 2 sha256:")


@pytest.mark.parametrize(
    "arguments",
    [("verify", "nothing"), ("alias", "nothing", "live", "1"), ("rollback", "nothing"), ("show", "nothing")],
)
def test_an_error_is_a_sentence_and_exit_code_1(registry: Path, arguments: tuple[str, ...]) -> None:
    result = call(registry, *arguments)
    assert result.exit_code == 1
    assert result.output.startswith("Error: there is no model 'nothing'")


def test_a_damaged_bundle_does_not_verify(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "b" / "model.onnx").write_bytes(b"")
    result = call(registry, "verify", str(tmp_path / "b"))
    assert result.exit_code == 1
    assert "model.onnx has 0 bytes" in result.output
