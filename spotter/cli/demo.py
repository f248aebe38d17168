"""`spotter demo`."""

import socket
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from typing import Any

import click

from spotter.formats.cli import settings_from
from spotter.service import server
from spotter.service.app import create_app
from spotter.service.settings import Settings

SAMPLES = {"street": "street.webp", "receipt": "receipt.webp", "form": "form.pdf"}
_HOST = "127.0.0.1"
_POLL_SECONDS = 0.1


@click.command()
@click.option("--sample", type=click.Choice(list(SAMPLES)), default="street", show_default=True, help="What is read.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; a free one by default.")
@click.option("--registry", help="Folder or mlflow+http(s)://... (SPOTTER_REGISTRY; the embedded one).")
@click.option("--model", metavar="NAME[@ALIAS]", help="The model (SPOTTER_MODEL; spotter).")
@click.option("--alias", help="Alias or version to serve (SPOTTER_ALIAS; live).")
def demo(sample: str, no_browser: bool, port: int, **options: Any) -> None:
    """Run the service for this machine only, and open its playground in a browser with a sample.

    Ctrl-C ends it.
    """
    own = {"host": _HOST, "port": port or _free_port(), "playground": True, "grace": 0.0, "log_level": "warning"}
    # The option None would not override SPOTTER_API_KEYS_FILE, and the page would ask for a key.
    settings = settings_from(Settings, {**options, **own}).model_copy(update={"api_keys_file": None})
    address = f"http://{_HOST}:{settings.port}"
    page = f"{address}/#sample={SAMPLES[sample]}"
    threading.Thread(target=_open_when_ready, args=(address, page, not no_browser), daemon=True).start()
    server.leave(server.run(create_app(settings), settings))


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _open_when_ready(address: str, page: str, browser: bool) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        time.sleep(_POLL_SECONDS)
        try:
            opener.open(f"{address}/health/ready", timeout=5).close()
            break
        except (OSError, urllib.error.HTTPError):
            continue
    click.echo(f"Spotter is at {page} until Ctrl-C")
    if browser and not webbrowser.open(page):
        click.echo("There is no browser here: open the address in one.", err=True)
