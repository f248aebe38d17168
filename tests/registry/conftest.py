from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from spotter.registry.bundle import write_bundle
from spotter.registry.manifest import InputSpec, Manifest
from tests.registry.stores import FolderPlace, MlflowPlace, Place, mlflow_server

MODEL = b"\x3a\x02\x12\x00"  # a ModelProto whose graph (field 7) has an empty name (field 2)

WriteBundle = Callable[..., Manifest]


@pytest.fixture
def write(tmp_path: Path) -> WriteBundle:
    """Writes a small bundle; keyword arguments override what it says."""

    def write(folder: Path, **changes: object) -> Manifest:
        model, picture = tmp_path / "in.onnx", tmp_path / "in.png"
        model.write_bytes(bytes(changes.pop("content", MODEL)))  # type: ignore[call-overload]
        Image.new("RGB", (8, 8)).save(picture)
        values: dict[str, object] = {
            "model": model,
            "golden_picture": picture,
            "golden_words": ["EXIT"],
            "name": "spotter",
            "version": "7",
            "charset": "abc",
            "input": InputSpec(),
            "opset": 18,
            "provenance": {"data": ["made up"]},
            "metrics": {"none": {"f": 0.5}},
            "score_threshold": 0.5,
            "card": "# Card\n",
            **changes,
        }
        return write_bundle(folder, **values)  # type: ignore[arg-type]

    return write


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowPlace]:
    """A running MLflow server; tests share it, each with model names of its own."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as place:
        yield place


@pytest.fixture(params=["folder", "mlflow"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each kind of registry."""
    if request.param == "folder":
        (tmp_path / "registry").mkdir()
        return FolderPlace(tmp_path / "registry")
    server: MlflowPlace = request.getfixturevalue("mlflow")
    return server
