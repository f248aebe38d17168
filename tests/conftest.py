"""For the tests of several packages: a machine that is the same everywhere, registries, kernels, a single thread."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from spotter.ops.build import BuildError, build, compiler
from spotter.ops.native import LIBRARY, SOURCES, KernelsError, inspect
from spotter.registry.folder import FolderStore
from spotter.training import loop, recogniser_loop
from spotter.training.synthesis import fonts, vocabulary
from tests.reading.tiny import write_tiny_bundle
from tests.registry.stores import FolderPlace, MlflowPlace, Place, mlflow_server

_OPTIONS = ("SPOTTER_CHAOS", "SPOTTER_CHECK_ALL", "SPOTTER_DOCKER")  # what a person asks of the tests
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(scope="session", autouse=True)
def _same_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever the machine has, tests see two cores that are not faster in bfloat16 (which is measured, so two runs
    beside other work might differ), no fonts but Pillow's, no word lists, an empty home, and neither proxies nor
    settings from the shell."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for module in (loop, recogniser_loop):
            patch.setattr(module, "fast_bfloat16", lambda _device: False)
        patch.setattr(fonts, "usual_folders", list)
        patch.setattr(vocabulary, "_DICTIONARIES", ())
        vocabulary.vocabulary.cache_clear()
        patch.setattr(os, "sched_getaffinity", lambda _process: {0, 1})
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
        for name in list(os.environ):
            if name == "PORT" or name.lower() in _PROXIES or (name.startswith("SPOTTER_") and name not in _OPTIONS):
                patch.delenv(name)
        yield


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
    """The kernels of the graph's operators: a copy of those that the installation compiled, where they fit these
    sources, or compiled once. Skips where there are none and no compiler."""
    target = tmp_path_factory.mktemp("ops") / LIBRARY
    try:
        shutil.copyfile(inspect(SOURCES / LIBRARY).path, target)
    except KernelsError:
        try:
            compiler()
        except BuildError as error:
            pytest.skip(str(error))
        build(target)
    return target


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small nets gain nothing from more, and the same sums come out every time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry of tiny models: alias `live` answers at once, `slow` takes a good part of a second a batch."""
    folder = tmp_path_factory.mktemp("registry")
    store = FolderStore(folder / "registry")
    for alias, work in (("live", 0), ("slow", 16)):
        write_tiny_bundle(folder / alias, work=work)
        store.set_alias("spotter", alias, store.publish(folder / alias).version)
    return store.root
