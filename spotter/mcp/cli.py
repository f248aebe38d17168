"""`spotter mcp`."""

import os
from pathlib import Path
from typing import Any

import click

from spotter import client
from spotter.formats.cli import settings_from
from spotter.mcp.readers import DocumentReader, LocalReader, ServiceReader
from spotter.mcp.server import build_server
from spotter.reading.settings import ReadingSettings
from spotter.registry.errors import RegistryError


@click.command()
@click.option("--url", help="Let the service there read (SPOTTER_URL; its key is SPOTTER_API_KEY).")
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Read only files below this folder; repeatable. Anywhere by default.",
)
@click.option("--threads", type=click.IntRange(1), help="Threads of the model; all cores by default.")
@click.option("--registry", help="Folder or mlflow+http(s)://...; the embedded one by default.")
@click.option("--model", metavar="NAME[@ALIAS]", help="The model; spotter by default, or the service's.")
@click.option("--alias", help="Alias or version; live by default.")
def mcp(url: str | None, roots: tuple[Path, ...], **options: Any) -> None:
    """Serve the Model Context Protocol on standard input and output.

    Assistants that speak it start this command themselves, and read pictures and PDFs with its tools: see docs/mcp.md.
    """
    build_server(_reader(url or os.environ.get(client.URL), options), roots).run("stdio")


def _reader(url: str | None, options: dict[str, Any]) -> DocumentReader:
    if url:
        model = options.pop("model")
        if given := ", ".join(f"--{name}" for name, value in options.items() if value is not None):
            raise click.UsageError(f"{given}: the service at {url} chooses its own")
        try:
            return ServiceReader(client.Client(url), model)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    try:
        return LocalReader(settings_from(ReadingSettings, options))
    except RegistryError as error:
        raise click.ClickException(str(error)) from None
