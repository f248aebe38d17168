"""Registries of both kinds, compiled kernels and a single thread, for the tests of several packages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from spotter.export.ops.build import BuildError, build, compiler
from tests.registry.stores import FolderPlace, MlflowPlace, Place, mlflow_server


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


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernels of the graph's operators, compiled once. Skips where there is no compiler."""
    try:
        compiler()
    except BuildError as error:
        pytest.skip(str(error))
    target = tmp_path_factory.mktemp("ops") / "libspotter_ops.so"
    build(target)
    return target


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small nets gain nothing from more, and the same sums come out every time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
