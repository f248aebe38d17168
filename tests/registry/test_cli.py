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
