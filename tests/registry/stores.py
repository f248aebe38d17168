"""Both kinds of registry for tests: a folder, and a real `mlflow server` on SQLite."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spotter.registry.folder import FolderStore
from spotter.registry.mlflow import MlflowStore
from spotter.registry.rest import RestClient
from spotter.registry.source import ModelStore

START_SECONDS = 300  # it takes ten on a quiet machine


class Place(Protocol):
    """A registry, and where it keeps a version's files, for tests that damage them."""

    @property
    def place(self) -> str:
        """What --registry takes."""

    @property
    def store(self) -> ModelStore:
        """The registry."""

    def folder(self, name: str, version: str) -> Path:
        """The folder with a version's files."""

    def force_alias(self, name: str, alias: str, version: str) -> None:
        """Points an alias at a version without verifying it, as somebody's other tool would."""


@dataclass(frozen=True)
class FolderPlace:
    root: Path

    @property
    def place(self) -> str:
        return str(self.root)

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.root)

    def folder(self, name: str, version: str) -> Path:
        return self.root / name / "versions" / version

    def force_alias(self, name: str, alias: str, version: str) -> None:
        path = self.root / name / "aliases.json"
        document = json.loads(path.read_text())
        document["aliases"][alias][-1] = version
        path.with_suffix(".new").write_text(json.dumps(document))
        path.with_suffix(".new").replace(path)


@dataclass(frozen=True)
class MlflowPlace:
    url: str
    artifacts: Path

    @property
    def place(self) -> str:
        return f"mlflow+{self.url}"

    @property
    def store(self) -> MlflowStore:
        return MlflowStore(self.url)

    def folder(self, name: str, version: str) -> Path:
        return self.artifacts / self.store.location(name, version)

    def force_alias(self, name: str, alias: str, version: str) -> None:
        body = {"name": name, "alias": alias, "version": version}
        RestClient(self.url).send("POST", "/api/2.0/mlflow/registered-models/alias", body)


@contextlib.contextmanager
def mlflow_server(folder: Path) -> Iterator[MlflowPlace]:
    """A server on a free port that keeps everything in `folder`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    artifacts = folder / "artifacts"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(artifacts)]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW")} | quiet
    log = folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        ) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, url, log)
            yield MlflowPlace(url, artifacts)
        finally:
            os.killpg(process.pid, 9)


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"mlflow server did not start: {log.read_text()}")
