"""`spotter bench`: the benchmarks. See docs/benchmarks.md."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np

from spotter.cli.benchmarks import bundles, environment, graph, peers, pictures, profiling, serving
from spotter.cli.benchmarks.process import ServeError
from spotter.registry.errors import RegistryError
from spotter.service import imaging
from spotter.service.cli import SUFFIXES
from spotter.service.errors import ServiceError
from spotter.service.imaging import PictureLimits
from spotter.service.session import SessionOptions

DEFAULT_BUNDLE = "spotter"
STREET = (1280, 720, 20)
"""Width, height and words of the picture that figures are about."""


def parse_size(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    """(width, height) of "1280x720"."""
    width, _, height = value.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 16 <= min(int(width), int(height)) <= 16384):
        raise click.BadParameter(f"{value!r} is not a size such as 1280x720")
    return int(width), int(height)


def parse_list(ctx: click.Context, param: click.Parameter, value: str) -> tuple[float, ...]:
    """The positive numbers of "1,4,16"."""
    try:
        numbers = tuple(float(part) for part in value.split(",") if part.strip())
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of numbers such as 1,4,16") from None
    if not all(0 < number < 1e6 for number in numbers):
        raise click.BadParameter("the numbers must be positive")
    return numbers


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
@click.option("--profile", "profiled", is_flag=True, help="Also show each bundle's time by stage and by operator.")
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
    profiled: bool,
    as_json: bool,
) -> None:
    """Time the whole graph on one picture, bundles and peers taking turns."""
    if profiled and device != "cpu":
        raise click.UsageError("--profile is for the cpu: on another device a node's time is that of its launch")
    try:
        named = [bundles.find(name, registry) for name in names]
        contestants = graph.open_contestants(
            named, [peers.open_peer(name, threads, peer_models) for name in peer_names], SessionOptions(threads, device)
        )
        read = _pictures(files, size, words)
        results = [graph.measure(name, pixels, contestants, rounds) for name, pixels in read]
        profiles = [
            (f"{each.label}, {name}", profiling.profile(each.bundle, pixels, threads, rounds))
            for name, pixels in (read if profiled else ())
            for each in named
        ]
    except (RegistryError, peers.PeerError, ServiceError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except ImportError as error:
        raise click.ClickException(f"{error}; --profile needs the export extra") from None
    _print(
        as_json,
        {
            "threads": threads,
            "device": device,
            "graph": [result.as_dict() for result in results],
            "profile": [{"name": name, **asdict(found)} for name, found in profiles],
        },
        (_plural(threads, "thread"), device, _plural(rounds, "round")),
        [
            *(result.as_table() for result in results),
            "Milliseconds, medians; p10, p90 and the ratio to the first reader are of the whole reading.",
            *(f"{name}: {found.milliseconds:.1f} ms in nodes\n{found.as_table()}" for name, found in profiles),
        ],
    )


@bench.command("serve")
@click.option("--bundle", "name", default=DEFAULT_BUNDLE, show_default=True, help="Folder, or NAME[@ALIAS].")
@_REGISTRY
@click.option(
    "--pictures",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of pictures to send; drawn ones of 1280x720 with 20 words by default.",
)
@click.option("--threads", type=click.IntRange(0), default=0, show_default=True, help="Of the graph; 0: one a core.")
@click.option("--seconds", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Of each run.")
@click.option("--clients", callback=parse_list, default="1,4,16", show_default=True, help="Of the closed loops.")
@click.option(
    "--rates",
    callback=parse_list,
    default="",
    help="Of the open loops, requests a second; by default 0.5, 0.9 and 2 times the best closed loop.",
)
@_JSON
def serve_command(
    name: str,
    registry: Path | None,
    folder: Path | None,
    threads: int,
    seconds: float,
    clients: tuple[float, ...],
    rates: tuple[float, ...],
    as_json: bool,
) -> None:
    """Start the service and load it over loopback."""
    if folder is None:
        sent = tuple(pictures.jpeg(pictures.draw(*STREET, seed)) for seed in range(8))
    else:
        sent = tuple(file.read_bytes() for file in sorted(folder.iterdir()) if file.suffix.lower() in SUFFIXES)
    if not sent:
        raise click.ClickException(f"there are no pictures in {folder}")
    if not clients or any(count != int(count) for count in clients):
        raise click.UsageError("--clients takes whole numbers")
    plan = serving.Plan(sent, threads, tuple(int(count) for count in clients), rates, seconds)
    try:
        report = serving.run(bundles.find(name, registry).bundle, plan)
    except (RegistryError, ServeError, ServiceError) as error:
        raise click.ClickException(str(error)) from None
    _print(
        as_json,
        {"threads": threads, "pictures": len(sent), "serve": report.as_dict()},
        (_plural(threads, "thread") if threads else "a thread a core", _plural(len(sent), "picture")),
        [report.as_table()],
    )


def _print(as_json: bool, document: dict[str, Any], settings: Sequence[str], paragraphs: Sequence[str]) -> None:
    """One JSON document, or a line about the machine with the benchmark's settings and paragraphs below it."""
    machine = environment.describe()
    if as_json:
        click.echo(json.dumps({"environment": asdict(machine), **document}, indent=2))
    else:
        click.echo("\n\n".join([machine.line(*settings), *paragraphs]))


def _pictures(files: tuple[Path, ...], size: tuple[int, int], words: int) -> list[tuple[str, graph.Pixels]]:
    """Decoded pictures, upright RGB, with their names. Raises ServiceError or ValueError."""
    if not files:
        return [(f"drawn, {_plural(words, 'word')}", np.asarray(pictures.draw(*size, words)))]
    return [(str(file), np.asarray(imaging.decode(file.read_bytes(), PictureLimits()))) for file in files]


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
