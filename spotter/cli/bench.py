"""`spotter bench`: the benchmarks. See docs/benchmarks.md."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click
import numpy as np

from spotter.cli.benchmarks import bundles, environment, graph, peers, pictures
from spotter.registry.errors import RegistryError
from spotter.service import imaging
from spotter.service.errors import ServiceError
from spotter.service.imaging import PictureLimits
from spotter.service.session import SessionOptions

DEFAULT_BUNDLE = "spotter"


def parse_size(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    """(width, height) of "1280x720"."""
    width, _, height = value.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 16 <= min(int(width), int(height)) <= 16384):
        raise click.BadParameter(f"{value!r} is not a size such as 1280x720")
    return int(width), int(height)


_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
_REGISTRY = click.option(
    "--registry",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Registry in which bundles are looked up by name; the embedded one by default.",
)


@click.group()
def bench() -> None:
    """Run the benchmarks."""


@bench.command("graph")
@click.option(
    "--bundle", "names", multiple=True, help="Folder, or NAME[@ALIAS] in the registry; repeat to compare.",
    default=[DEFAULT_BUNDLE], show_default=True,
)  # fmt: skip
@_REGISTRY
@click.option(
    "--picture", "files", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A picture to read instead of the drawn one; may be repeated.",
)  # fmt: skip
@click.option("--size", callback=parse_size, default="1280x720", show_default=True, help="Of the drawn picture.")
@click.option("--words", type=click.IntRange(0, 500), default=20, show_default=True, help="In the drawn picture.")
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="Of ONNX Runtime, within the graph."
)
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True, help="Turns of each reader.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--peer", "peer_names", multiple=True, help=f"Another reader beside ours: {', '.join(peers.PEERS)}.")
@click.option(
    "--peer-models", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The peer's det.onnx, rec.onnx and keys.txt; its own default otherwise.",
)  # fmt: skip
@_JSON
def graph_command(
    names: tuple[str, ...],
    registry: Path | None,
    files: tuple[Path, ...],
    size: tuple[int, int],
    words: int,
    threads: int,
    rounds: int,
    device: Literal["cpu", "cuda"],
    peer_names: tuple[str, ...],
    peer_models: Path | None,
    as_json: bool,
) -> None:
    """Time the whole graph on one picture, bundles and peers taking turns."""
    try:
        contestants = graph.open_contestants(
            [bundles.find(name, registry) for name in names],
            [peers.open_peer(name, threads, peer_models) for name in peer_names],
            SessionOptions(threads, device),
        )
        results = [graph.measure(name, pixels, contestants, rounds) for name, pixels in _pictures(files, size, words)]
    except (RegistryError, peers.PeerError, ServiceError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    machine = environment.describe()
    if as_json:
        found = {"environment": asdict(machine), "threads": threads, "device": device}
        click.echo(json.dumps({**found, "graph": [result.as_dict() for result in results]}, indent=2))
        return
    click.echo(machine.line(_plural(threads, "thread"), device, _plural(rounds, "round")))
    for result in results:
        click.echo(f"\n{result.as_table()}")
    click.echo("\nMilliseconds, medians; p10, p90 and the ratio to the first reader are of the whole reading.")


def _pictures(files: tuple[Path, ...], size: tuple[int, int], words: int) -> list[tuple[str, graph.Pixels]]:
    """Decoded pictures, upright RGB, with their names. Raises ServiceError or ValueError."""
    if not files:
        return [(f"drawn, {_plural(words, 'word')}", np.asarray(pictures.draw(*size, words)))]
    return [(str(file), np.asarray(imaging.decode(file.read_bytes(), PictureLimits()))) for file in files]


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
