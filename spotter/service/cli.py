"""`spotter serve`."""

from typing import Any

import click

from spotter.formats.cli import settings_from
from spotter.service import server
from spotter.service.app import create_app
from spotter.service.settings import Settings


@click.command()
@click.option("--host", help="Address to listen on (SPOTTER_HOST; 127.0.0.1).")
@click.option("--port", type=int, help="Port to listen on (SPOTTER_PORT or PORT; 8000).")
@click.option("--registry", help="Folder or mlflow+http(s)://... (SPOTTER_REGISTRY; the embedded one).")
@click.option("--model", help="Name of the model (SPOTTER_MODEL; spotter).")
@click.option("--alias", help="Alias or version to serve (SPOTTER_ALIAS; live).")
def serve(**options: Any) -> None:
    """Run the HTTP service. More settings come from SPOTTER_* variables: see docs/service.md."""
    settings = settings_from(Settings, options)
    server.leave(server.run(create_app(settings), settings))
