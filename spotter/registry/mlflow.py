"""An MLflow model registry as a store of bundles, over its REST interface
(https://mlflow.org/docs/latest/rest-api.html): no MLflow package is needed.

A bundle is a model version whose artifacts are the bundle's files, kept by the server (`--serve-artifacts`, its
default) in a run. MLflow does not store former targets of an alias; a tag of the model stores them, for rolling back.
"""

import hashlib
import json
import os
import posixpath
import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spotter.registry.bundle import MANIFEST, copy_bundle, open_bundle
from spotter.registry.cache import verify
from spotter.registry.errors import BundleError, NotFoundError, RegistryError
from spotter.registry.manifest import Manifest, is_name
from spotter.registry.rest import HttpError, RestClient, basic_authorization

_API = "/api/2.0/mlflow"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_EXPERIMENT = "spotter-bundles"
_HISTORY = 20
_TAG = "spotter.alias."
_PAGE = "200"


class MlflowStore:
    """A `ModelStore` behind an MLflow server."""

    def __init__(self, url: str) -> None:
        """url: http(s)://[user:password@]host[:port][/prefix]. Without credentials in it, those of MLflow's own
        variables are sent: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."""
        self._client = RestClient(url, _authorization)
        self._places: dict[tuple[str, str], str] = {}

    @property
    def url(self) -> str:
        """The server's address, without credentials."""
        return self._client.url

    def names(self) -> list[str]:
        found = self._pages("/registered-models/search", "registered_models")
        return sorted(model["name"] for model in found if is_name(model["name"]))

    def versions(self, name: str) -> list[str]:
        self._model(name)
        found = self._pages("/model-versions/search", "model_versions", filter=f"name='{name}'")
        return [str(number) for number in sorted(int(version["version"]) for version in found)]

    def aliases(self, name: str) -> dict[str, str]:
        return {entry["alias"]: str(entry["version"]) for entry in self._model(name).get("aliases", [])}

    def location(self, name: str, version: str) -> str:
        """Where the server keeps a version's files, relative to its artifacts. Raises BundleError when another server
        keeps them."""
        if not version.isdecimal():
            raise NotFoundError(f"{name} has no version {version!r}")
        try:
            uri = self._client.get(_API + "/model-versions/get-download-uri", name=_checked(name), version=version)
        except HttpError as error:
            if error.code == "RESOURCE_DOES_NOT_EXIST":
                self._model(name)  # raises when there is no such model
                raise NotFoundError(f"{name} has no version {version!r}") from None
            raise
        place = self._places[name, version] = _place(uri["artifact_uri"])
        return place

    def stamp(self, name: str, version: str) -> str:
        folder = self.location(name, version)
        listed = self._client.get(_ARTIFACTS, path=folder).get("files", [])
        # Files can be overwritten without a change of the version, so its manifest is included.
        manifest = b"".join(self.read(name, version, MANIFEST)) if MANIFEST in _names(listed) else b""
        return hashlib.sha256(json.dumps([folder, listed], sort_keys=True).encode() + manifest).hexdigest()

    def read(self, name: str, version: str, file: str) -> Iterator[bytes]:
        # A fetch begins with the manifest; the other files are in the same folder.
        known = None if file == MANIFEST else self._places.get((name, version))
        folder = known or self.location(name, version)
        try:
            yield from self._client.pieces(_artifact(folder, file))
        except HttpError as error:
            # For a missing file some stores answer 404 and others 500, so the listing decides.
            listed = self._client.get(_ARTIFACTS, path=folder).get("files", [])
            if file not in _names(listed):
                raise BundleError(f"missing: {file}") from None
            raise error

    def publish(self, folder: Path, name: str | None = None) -> Manifest:
        bundle = open_bundle(folder)
        name = _checked(bundle.manifest.name if name is None else name)
        try:
            self._send("POST", "/registered-models/create", name=name)
        except HttpError as error:
            if error.code != "RESOURCE_ALREADY_EXISTS":
                raise
        run = self._send("POST", "/runs/create", experiment_id=self._experiment(), run_name=f"publish {name}")["run"]
        run_id, source = run["info"]["run_id"], f"{run['info']['artifact_uri']}/bundle"
        status, version = "FAILED", None
        try:
            place = _place(source)
            created = self._send("POST", "/model-versions/create", name=name, source=source, run_id=run_id)
            version = str(created["model_version"]["version"])
            with tempfile.TemporaryDirectory(prefix="spotter-publish-") as staging:
                copy = Path(staging) / version
                manifest = copy_bundle(bundle, copy, name=name, version=version)
                for file in sorted(copy.iterdir()):
                    self._client.put(_artifact(place, file.name), file)
            verify(self, name, version)
            status = "FINISHED"
        finally:
            if status == "FAILED" and version is not None:
                self._send("DELETE", "/model-versions/delete", name=name, version=version)
            self._send("POST", "/runs/update", run_id=run_id, status=status)
        return manifest

    def set_alias(self, name: str, alias: str, version: str) -> None:
        if not is_name(alias) or alias.isdecimal():
            raise RegistryError(f"{alias!r} cannot be an alias: letters, digits, '.', '_', '-', not a number")
        verify(self, name, version)
        history = self._history(name, alias)
        if history[-1:] != [version]:
            self._move(name, alias, [*history, version])

    def rollback(self, name: str, alias: str) -> str:
        history = self._history(name, alias)
        if not history:
            raise NotFoundError(f"{name} has no alias {alias!r}")
        if len(history) == 1:
            raise RegistryError(f"alias {alias!r} of {name} has named one version only")
        verify(self, name, history[-2])
        self._move(name, alias, history[:-1])
        return history[-2]

    def _move(self, name: str, alias: str, history: list[str]) -> None:
        kept = history[-_HISTORY:]
        self._send("POST", "/registered-models/set-tag", name=name, key=_TAG + alias, value=json.dumps(kept))
        self._send("POST", "/registered-models/alias", name=name, alias=alias, version=kept[-1])

    def _history(self, name: str, alias: str) -> list[str]:
        """The versions that the alias has named, the current one last, including changes made with MLflow itself."""
        model = self._model(name)
        current = {entry["alias"]: str(entry["version"]) for entry in model.get("aliases", [])}.get(alias)
        if current is None:
            return []
        tags = {tag["key"]: tag.get("value", "") for tag in model.get("tags", [])}
        try:
            history = [str(version) for version in json.loads(tags.get(_TAG + alias, "[]"))]
        except (ValueError, TypeError):
            raise RegistryError(f"the tag {_TAG + alias} of {name} is not a list of versions") from None
        if history[-1:] != [current]:
            history.append(current)  # it was changed otherwise, or `_move` was interrupted
        return history

    def _model(self, name: str) -> dict[str, Any]:
        try:
            model = self._client.get(_API + "/registered-models/get", name=_checked(name))["registered_model"]
        except HttpError as error:
            if error.code == "RESOURCE_DOES_NOT_EXIST":
                raise NotFoundError(f"there is no model {name!r} in {self.url}") from None
            raise
        return dict(model)

    def _experiment(self) -> str:
        """The experiment whose runs hold published bundles: MLflow keeps a version's files in a run."""
        try:
            found = self._client.get(_API + "/experiments/get-by-name", experiment_name=_EXPERIMENT)
        except HttpError as error:
            if error.code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return str(self._send("POST", "/experiments/create", name=_EXPERIMENT)["experiment_id"])
        return str(found["experiment"]["experiment_id"])

    def _pages(self, path: str, key: str, **query: str) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            page = {"page_token": token} if token else {}
            answer = self._client.get(_API + path, max_results=_PAGE, **query, **page)
            yield from answer.get(key, [])
            token = answer.get("next_page_token", "")
            if not token:
                return

    def _send(self, method: str, path: str, **body: str) -> dict[str, Any]:
        return self._client.send(method, _API + path, body)


def _place(uri: str) -> str:
    """The path in an artifact URI that the server resolves itself. Raises BundleError for any other."""
    parts = urllib.parse.urlsplit(uri)
    path = urllib.parse.unquote(parts.path).strip("/")
    if parts.scheme != "mlflow-artifacts" or not path or ".." in path.split("/"):
        raise BundleError(f"its artifacts are at {uri!r}, not kept by the server (mlflow-artifacts:/...)")
    return path


def _names(listed: list[dict[str, Any]]) -> set[str]:
    return {posixpath.basename(entry["path"]) for entry in listed}


def _artifact(folder: str, file: str) -> str:
    return f"{_ARTIFACTS}/{urllib.parse.quote(f'{folder}/{file}')}"


def _checked(name: str) -> str:
    if not is_name(name):
        raise RegistryError(f"{name!r} is not a model's name: lower-case letters, digits, '.', '_', '-'")
    return name


def _authorization() -> str | None:
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return f"Bearer {token}"
    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    return basic_authorization(user, password) if user and password else None
