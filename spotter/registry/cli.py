"""`spotter models`: the registry from the shell."""

import functools
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from spotter.registry import cache
from spotter.registry.bundle import MANIFEST, open_bundle
from spotter.registry.errors import BundleError, RegistryError
from spotter.registry.manifest import Manifest
from spotter.registry.source import LIVE, ModelStore, read_manifest_of, resolve
from spotter.registry.stores import open_store

P = ParamSpec("P")
R = TypeVar("R")

_JSON = click.option("--json", "as_json", is_flag=True, help="As a JSON object.")


def _speaks_plainly(command: Callable[P, R]) -> Callable[P, R]:
    """Turns a registry's error into a message and exit code 1."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except RegistryError as error:
            raise click.ClickException(str(error)) from None

    return wrapped


@click.group()
@click.option(
    "--registry",
    envvar="SPOTTER_REGISTRY",
    help="A folder or mlflow+http(s)://host:port; the one that ships with the program by default.",
)
@click.pass_context
@_speaks_plainly
def models(context: click.Context, registry: str | None) -> None:
    """Publish, list, alias, roll back and verify bundles."""
    context.obj = open_store(registry)


@models.command("list")
@_JSON
@click.pass_obj
@_speaks_plainly
def list_(store: ModelStore, as_json: bool) -> None:
    """Lists models, their versions and aliases."""
    found = []
    for name in store.names():
        aliases = store.aliases(name)
        for version in store.versions(name):
            named = [alias for alias, target in sorted(aliases.items()) if target == version]
            found.append({"name": name, "version": version, "aliases": named})
            if not as_json:
                click.echo("\t".join([name, version, ",".join(named) or "-"]))
    if as_json:
        click.echo(json.dumps({"versions": found}, indent=2))


@models.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", help="Publish under this name instead of the manifest's.")
@click.option("--alias", help="Point this alias at the new version.")
@click.pass_obj
@_speaks_plainly
def publish(store: ModelStore, folder: Path, name: str | None, alias: str | None) -> None:
    """Verifies the bundle in FOLDER and publishes it as the next version."""
    manifest = store.publish(folder, name)
    if alias is not None:
        store.set_alias(manifest.name, alias, manifest.version)
    click.echo(f"{manifest.name} {manifest.version} {manifest.digest}")


@models.command()
@click.argument("name")
@click.argument("alias")
@click.argument("version")
@click.pass_obj
@_speaks_plainly
def alias(store: ModelStore, name: str, alias: str, version: str) -> None:
    """Points ALIAS of model NAME at VERSION."""
    store.set_alias(name, alias, version)
    click.echo(f"{name} {alias} -> {version}")


@models.command()
@click.argument("name")
@click.argument("alias", default=LIVE)
@click.pass_obj
@_speaks_plainly
def rollback(store: ModelStore, name: str, alias: str) -> None:
    """Points ALIAS of model NAME at the version it named before."""
    click.echo(f"{name} {alias} -> {store.rollback(name, alias)}")


@models.command()
@click.argument("target")
@click.argument("version", required=False)
@_JSON
@click.pass_obj
@_speaks_plainly
def verify(store: ModelStore, target: str, version: str | None, as_json: bool) -> None:
    """Verifies a bundle's folder, or VERSION (or alias) of model TARGET, or all of its versions.

    Checks all of them even if some are damaged; the exit code is then 1.
    """
    checks: list[tuple[str, Callable[[], Manifest]]]
    if version is None and (Path(target) / MANIFEST).is_file():
        checks = [(target, lambda: open_bundle(Path(target)).manifest)]
    else:
        versions = store.versions(target) if version is None else [resolve(store, target, version)]
        checks = [(f"{target} {each}", functools.partial(cache.verify, store, target, each)) for each in versions]
    found, wrong = [], 0
    for bundle, check in checks:
        try:
            manifest = check()
        except BundleError as error:
            wrong += 1
            found.append({"bundle": bundle, "ok": False, "problem": error.reason})
            click.echo(f"Error: {bundle}: {error.reason}", err=True)
            continue
        found.append(
            {
                "bundle": bundle,
                "ok": True,
                "name": manifest.name,
                "version": manifest.version,
                "digest": manifest.digest,
            }
        )
        if not as_json:
            click.echo(f"{manifest.name} {manifest.version} {manifest.digest} ok")
    if as_json:
        click.echo(json.dumps({"ok": not wrong, "bundles": found}, indent=2))
    sys.exit(1 if wrong else 0)


@models.command()
@click.argument("name")
@click.argument("version", default=LIVE)
@click.pass_obj
@_speaks_plainly
def show(store: ModelStore, name: str, version: str) -> None:
    """Prints the manifest of a VERSION (or alias) of model NAME as JSON, with its digest."""
    manifest, _ = read_manifest_of(store, name, resolve(store, name, version))
    click.echo(json.dumps({"digest": manifest.digest, **asdict(manifest)}, indent=2, ensure_ascii=False))
