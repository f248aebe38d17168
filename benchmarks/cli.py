"""`spotter bench`: the benchmarks. See docs/benchmarks.md."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks import (
    batches,
    bundles,
    capacity,
    capacity_check,
    environment,
    graph,
    hints,
    page,
    peers,
    pictures,
    profiling,
    servers,
    serving,
    table,
)
from benchmarks.options import JSON, PEER_MODELS, POOL, REGISTRY, SIDES, parse_list, parse_size
from benchmarks.process import ServeError
from spotter.reading import imaging
from spotter.reading.errors import ProblemError
from spotter.reading.gpu import Device
from spotter.reading.imaging import PictureLimits
from spotter.reading.kinds import PICTURE_SUFFIXES
from spotter.reading.reader import Reader
from spotter.reading.session import Session, SessionOptions
from spotter.registry.errors import RegistryError
from spotter.training.data import ppocr, tesseract

DEFAULT_BUNDLE = "spotter"
STREET = (1280, 720, 20)
"""Width, height and number of words of the picture for which figures are given."""

_NEEDS = {
    "ops": ("onnx",),
    "accuracy": ("shapely",),
    "bulk": ("ray", "fsspec"),
    "synth": ("cv2",),
    "train-step": ("cv2", "torch"),
    "parts": ("torch",),
}
"""The modules that a benchmark needs in addition to those for serving."""


@dataclass(frozen=True)
class Report:
    """The result of one benchmark. settings: what its figures depend on. paragraphs: its tables as text."""

    name: str
    document: dict[str, Any]
    settings: tuple[str, ...]
    paragraphs: tuple[str, ...]
    as_json: bool = False


@click.group(invoke_without_command=True)
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Annotated pictures, to score all readers on them too: icdar2015/val and so on.",
)  # fmt: skip
@PEER_MODELS
@JSON
@click.pass_context
def bench(ctx: click.Context, data: Path | None, peer_models: tuple[str, ...], as_json: bool) -> list[Report]:
    """Run the benchmarks: all of them in a short form, or the one named. See docs/benchmarks.md."""
    if ctx.invoked_subcommand is not None:
        return []
    rapid = find_spec("rapidocr") is not None
    engines = ["rapidocr", *(["rapidocr-openvino"] if find_spec("openvino") else [])] if rapid else []
    manners = ["rapidocr", "rapidocr-reference"] if rapid else []
    others = ["tesseract"] if tesseract.version() else []
    models = _repeated("--peer-models", peer_models or [ppocr.SMALL, *([ppocr.TINY] if ppocr.tiny_installed() else [])])
    frameworks = [name for name in servers.FRAMEWORKS if find_spec(name)]
    short = {
        "graph": [*_repeated("--peer", engines + others), *models],
        "ops": ["--rounds", "5"],
        "accuracy": [str(data), *_repeated("--peer", manners + others), *models],
        "serve": ["--seconds", "3", *_repeated("--peer", frameworks)],
        "capacity": ["--seconds", "3"],
        "bulk": ["--count", "48"],
        "synth": ["--seconds", "2"],
        "train-step": ["--steps", "3"],
    }
    if data is None:
        del short["accuracy"]
    reports = []
    for name, arguments in short.items():
        missing = [module for module in _NEEDS.get(name, ()) if find_spec(module) is None]
        if missing:
            click.echo(f"{name} skipped: {', '.join(missing)} not installed (the {_extra(name)} extra)", err=True)
            continue
        command = bench.commands[name]
        with command.make_context(name, list(arguments), parent=ctx) as within:
            reports.append(command.invoke(within))
    return reports


@bench.result_callback()
def show(result: Report | list[Report], as_json: bool, **options: object) -> None:
    """Prints one JSON document, or a line about the machine and the tables."""
    reports = result if isinstance(result, list) else [result]
    machine = environment.describe()
    if as_json or any(report.as_json for report in reports):
        documents = {report.name: report.document for report in reports}
        click.echo(json.dumps({"environment": asdict(machine), **documents}, indent=2))
        return
    click.echo(machine.line())
    for report in reports:
        click.echo("\n" + "\n\n".join([f"{report.name}: {', '.join(report.settings)}", *report.paragraphs]))


@bench.command("graph")
@click.option(
    "--bundle", "names", multiple=True, help="Folder, or NAME[@ALIAS] in the registry; repeat to compare.",
    default=[DEFAULT_BUNDLE], show_default=True,
)  # fmt: skip
@REGISTRY
@SIDES
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
@click.option("--device", type=click.Choice(["cpu", "cuda", "tensorrt"]), default="cpu", show_default=True)
@click.option("--cuda-graphs", is_flag=True, help="Record and replay the dense part's kernels, as SPOTTER_CUDA_GRAPHS.")
@click.option(
    "--batches", "counts", callback=parse_list, default="",
    help="Also pictures a second in batches of so many, as 1,8,32, which is the default on a GPU.",
)  # fmt: skip
@click.option("--peer", "peer_names", multiple=True, help=f"Another reader to compare with: {', '.join(peers.PEERS)}.")
@PEER_MODELS
@click.option("--profile", "profiled", is_flag=True, help="Also show each bundle's time by stage and by operator.")
@JSON
def graph_command(
    names: tuple[str, ...],
    registry: Path | None,
    sides: tuple[int, ...],
    files: tuple[Path, ...],
    size: tuple[int, int],
    words: int,
    threads: int,
    rounds: int,
    device: Device,
    cuda_graphs: bool,
    counts: tuple[float, ...],
    peer_names: tuple[str, ...],
    peer_models: tuple[str, ...],
    profiled: bool,
    as_json: bool,
) -> Report:
    """Time the whole graph on one picture, with bundles and peers in turns."""
    if profiled and device != "cpu":
        raise click.UsageError("--profile is for the cpu: on another device a node's time is that of its launch")
    if cuda_graphs and device != "cuda":
        raise click.UsageError("--cuda-graphs goes with --device cuda")
    if any(count != int(count) for count in counts):
        raise click.UsageError("--batches takes whole numbers")
    sizes = tuple(int(count) for count in counts) or (() if device == "cpu" else batches.BATCHES)
    options = SessionOptions(threads, device, cuda_graphs)
    try:
        named = bundles.at_sides([bundles.find(name, registry) for name in names], sides)
        others = [peers.open_peer(name, threads, models) for name, models in peers.with_models(peer_names, peer_models)]
        contestants = graph.open_contestants(named, others, options)
        read = _pictures(files, size, words)
        results = [graph.measure(name, pixels, contestants, rounds) for name, pixels in read]
        rates = [(name, batches.measure(named, pixels, options, sizes, rounds)) for name, pixels in read if sizes]
        profiles = [
            (f"{each.label}, {name}", profiling.profile(each.bundle, pixels, threads, rounds))
            for name, pixels in (read if profiled else ())
            for each in named
        ]
    except (RegistryError, peers.PeerError, ProblemError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except ImportError as error:
        raise click.ClickException(f"{error}; --profile needs the export extra") from None
    return Report(
        "graph",
        {
            "threads": threads,
            "device": device,
            "cuda_graphs": cuda_graphs,
            "results": [result.as_dict() for result in results],
            "batches": [{"picture": name, "rates": [rate.as_dict() for rate in found]} for name, found in rates],
            "profiles": [{"name": name, **asdict(found)} for name, found in profiles],
        },
        (_plural(threads, "thread"), device, _plural(rounds, "round")),
        (
            *(result.as_table() for result in results),
            "Milliseconds, medians; p10, p90 and the ratio to the first reader are of the whole reading.",
            *(f"{name}, in batches\n{batches.as_table(found)}" for name, found in rates),
            *(f"{name}: {found.milliseconds:.1f} ms in nodes\n{found.as_table()}" for name, found in profiles),
        ),
        as_json,
    )


@bench.command("ops")
@click.option("--regions", type=click.IntRange(1), default=64, show_default=True, help="Patches that are sampled.")
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True, help="Of ONNX Runtime.")
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True, help="Turns of each.")
@JSON
def ops_command(regions: int, threads: int, rounds: int, as_json: bool) -> Report:
    """Time the sampling operators: kernels, bodies, and a plain copy of the bytes."""
    _need("ops")
    from benchmarks import ops
    from spotter.ops.native import KernelsError, find

    try:
        library, absent = find().path, ""
    except KernelsError as error:
        library, absent = None, f"There are no kernels to time: {error}."
    setting = ops.Setting(regions=regions, threads=threads)
    found = ops.measure(setting, library, rounds)
    return Report(
        "ops",
        {"rounds": rounds, **found.as_dict()},
        (_plural(threads, "thread"), _plural(rounds, "round"), setting.line()),
        (found.as_table(), *([absent] if absent else [])),
        as_json,
    )


@bench.command("accuracy")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--bundle", "names", multiple=True, default=[DEFAULT_BUNDLE], show_default=True, help="As of `graph`.")
@REGISTRY
@SIDES
@click.option("--peer", "peer_names", multiple=True, help="Another reader: rapidocr[-reference] or tesseract.")
@PEER_MODELS
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of every reader.")
@click.option("--limit", type=click.IntRange(1), help="Only the first pictures of each set.")
@JSON
def accuracy_command(
    data: Path,
    names: tuple[str, ...],
    registry: Path | None,
    sides: tuple[int, ...],
    peer_names: tuple[str, ...],
    peer_models: tuple[str, ...],
    threads: int,
    limit: int | None,
    as_json: bool,
) -> Report:
    """Score bundles and peers on the sets in DATA (icdar2015/val, icdar2003/val, sroie/val), and time them."""
    _need("accuracy")
    from benchmarks import accuracy
    from spotter.training.data.annotations import AnnotationError

    try:
        named = bundles.at_sides([bundles.find(name, registry) for name in names], sides)
        readers = [(each.label, accuracy.open_bundle(each, threads)) for each in named]
        readers += [
            accuracy.open_peer(name, threads, models) for name, models in peers.with_models(peer_names, peer_models)
        ]
        results = accuracy.measure(readers, accuracy.datasets(data), limit)
    except (RegistryError, peers.PeerError, AnnotationError) as error:
        raise click.ClickException(str(error)) from None
    if not results:
        raise click.ClickException(f"there is no icdar2015/val, icdar2003/val or sroie/val in {data}")
    return Report(
        "accuracy",
        {"threads": threads, "results": accuracy.as_dicts(results)},
        (_plural(threads, "thread"), "F in per cent, no lexicon"),
        (accuracy.as_table(results),),
        as_json,
    )


@bench.command("serve")
@click.option("--bundle", "name", default=DEFAULT_BUNDLE, show_default=True, help="Folder, or NAME[@ALIAS].")
@REGISTRY
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
@click.option(
    "--peer", "peer_names", multiple=True,
    help=f"Let another serve the same model too: {', '.join(servers.FRAMEWORKS)}; with :N in N worker processes.",
)  # fmt: skip
@click.option(
    "--peer-python", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=Path(sys.executable),
    help="The interpreter where the peers are installed together with spotter; by default this one.",
)  # fmt: skip
@JSON
def serve_command(
    name: str,
    registry: Path | None,
    folder: Path | None,
    threads: int,
    seconds: float,
    clients: tuple[float, ...],
    rates: tuple[float, ...],
    peer_names: tuple[str, ...],
    peer_python: Path,
    as_json: bool,
) -> Report:
    """Start the service and load it over loopback."""
    sent = _encoded(folder)
    if not clients or any(count != int(count) for count in clients):
        raise click.UsageError("--clients takes whole numbers")
    try:
        others = tuple(servers.Peer(peer, peer_python) for peer in peer_names)
        plan = serving.LoadPlan(sent, threads, tuple(int(count) for count in clients), rates, seconds, others)
        report = serving.run(bundles.find(name, registry).bundle, plan)
    except (RegistryError, ServeError, ProblemError) as error:
        raise click.ClickException(str(error)) from None
    return Report(
        "serve",
        {"threads": threads, "pictures": len(sent), **report.as_dict()},
        (_plural(threads, "thread") if threads else "a thread a core", _plural(len(sent), "picture")),
        (report.as_table(),),
        as_json,
    )


@bench.command("hints")
@click.option("--bundle", "name", default=DEFAULT_BUNDLE, show_default=True, help="Folder, or NAME[@ALIAS].")
@REGISTRY
@click.option("--threads", type=click.IntRange(0), default=0, show_default=True, help="Of the graph; 0: one a core.")
@click.option("--rounds", type=click.IntRange(1), default=50, show_default=True, help="Turns of each hint.")
@JSON
def hints_command(name: str, registry: Path | None, threads: int, rounds: int, as_json: bool) -> Report:
    """Start the service and see what each hint costs a request."""
    picture = pictures.jpeg(pictures.draw(*STREET))
    try:
        report = hints.run(bundles.find(name, registry).bundle, picture, threads, rounds)
    except (RegistryError, ServeError) as error:
        raise click.ClickException(str(error)) from None
    return Report(
        "hints",
        {"threads": threads, "rounds": rounds, "overheads_ms": report.as_dict()},
        (_plural(threads, "thread") if threads else "a thread a core", _plural(rounds, "round")),
        (report.as_table(),),
        as_json,
    )


@bench.command("page")
@click.option("--bundle", "name", default=DEFAULT_BUNDLE, show_default=True, help="Folder, or NAME[@ALIAS].")
@REGISTRY
@click.option("--words", callback=parse_list, default="1300", show_default=True, help="On the page, by commas.")
@click.option("--points", type=click.FloatRange(3, 40), default=6.0, show_default=True, help="Size of the letters.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of the graph.")
@JSON
def page_command(
    name: str, registry: Path | None, words: tuple[float, ...], points: float, threads: int, as_json: bool
) -> Report:
    """Read an A4 page of small print, drawn at 300 dots an inch."""
    try:
        bundle = bundles.find(name, registry).bundle
        reader = Reader(bundle, Session(bundle, SessionOptions(threads)))
        pages = [page.read(reader, int(count), points) for count in words]
    except (RegistryError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    return Report(
        "page",
        {"threads": threads, "points": points, "pages": page.as_dicts(pages)},
        (_plural(threads, "thread"), f"{points:g} points"),
        (page.as_table(pages),),
        as_json,
    )


@bench.command("capacity")
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), default=20.0, show_default=True, help="Pictures a second."
)
@click.option(
    "--p99", type=click.FloatRange(0, min_open=True), default=2.0, show_default=True,
    help="Seconds within which 99% are to be answered.",
)  # fmt: skip
@click.option("--busy", type=click.FloatRange(0.1, 0.99), default=0.9, show_default=True, help="Most, with one gone.")
@click.option("--bundle", "name", default=DEFAULT_BUNDLE, show_default=True, help="Folder, or NAME[@ALIAS].")
@REGISTRY
@click.option("--threads", type=click.IntRange(0), default=0, show_default=True, help="Of the graph; 0: one a core.")
@click.option("--seconds", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Of each run.")
@JSON
def capacity_command(
    rate: float,
    p99: float,
    busy: float,
    name: str,
    registry: Path | None,
    threads: int,
    seconds: float,
    as_json: bool,
) -> Report:
    """Measure one replica, check how well a queueing formula predicts it under load, and compute the replicas for a
    load."""
    try:
        found = capacity_check.run(bundles.find(name, registry).bundle, _street(), threads, seconds)
        needed = capacity.need(found.replica, rate, p99, busy)
    except (RegistryError, ServeError, ProblemError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    return Report(
        "capacity",
        {"threads": threads, **found.as_dict(), "rate": rate, "p99_seconds": p99, "need": asdict(needed)},
        (_plural(threads, "thread") if threads else "a thread a core", f"{rate:g} a second", f"p99 {p99:g} s"),
        (found.as_table(), capacity_check.explained(needed)),
        as_json,
    )


@bench.command("bulk")
@click.option(
    "--pictures", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of pictures to read; drawn ones of 1280x720 with 20 words by default.",
)  # fmt: skip
@click.option(
    "--count", type=click.IntRange(1), default=128, show_default=True, help="Pictures to read, again and again."
)
@click.option("--part", type=click.IntRange(1), default=8, show_default=True, help="Pictures to a file of output.")
@click.option("--workers", type=click.IntRange(0), default=0, show_default=True, help="0: one a core.")
@JSON
def bulk_command(folder: Path | None, count: int, part: int, workers: int, as_json: bool) -> Report:
    """Time `spotter bulk` over Ray and plain loops that read the same pictures in one process."""
    _need("bulk")
    from benchmarks import bulk

    workers = workers or len(os.sched_getaffinity(0))
    read = _encoded(folder)
    try:
        found = bulk.measure([read[number % len(read)] for number in range(count)], workers, part)
    except (RegistryError, ProblemError, RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    return Report(
        "bulk",
        {"workers": workers, "pictures": count, "speeds": bulk.as_dicts(found)},
        (_plural(workers, "worker"), _plural(count, "picture")),
        (bulk.as_table(found),),
        as_json,
    )


@bench.command("synth")
@POOL
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder with `backgrounds`."
)
@click.option("--size", type=click.IntRange(64), default=512, show_default=True, help="Side of the pictures, pixels.")
@click.option("--seconds", type=click.FloatRange(0.01), default=3.0, show_default=True, help="For each source.")
@JSON
def synth_command(pool: Path | None, data: Path | None, size: int, seconds: float, as_json: bool) -> Report:
    """Count the synthetic pictures that one core makes (`spotter synth bench` also measures devices)."""
    _need("synth")
    from spotter.training.synthesis.cli import measure, open_sources

    speeds = {kind: asdict(measure(source, size, seconds)) for kind, source in open_sources(pool, data).items()}
    return Report(
        "synth",
        {"size": size, "sources": speeds},
        ("a second of CPU time on one core", f"{size} x {size} pixels"),
        (
            table.render(
                ("source", *next(iter(speeds.values()))), [(kind, *each.values()) for kind, each in speeds.items()]
            ),
        ),
        as_json,
    )


@bench.command("train-step")
@click.option(
    "--recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Whose network, sides, pictures and words a step; the defaults of all otherwise.",
)  # fmt: skip
@POOL
@click.option("--device", default="cpu", show_default=True, help="A torch device, as `cpu` or `cuda`.")
@click.option("--threads", type=click.IntRange(0), default=0, show_default=True, help="Of torch; 0: one a core.")
@click.option("--steps", type=click.IntRange(1), default=5, show_default=True, help="Timed at each side.")
@JSON
def train_step_command(
    recipe: Path | None, pool: Path | None, device: str, threads: int, steps: int, as_json: bool
) -> Report:
    """Time a training step on synthetic pictures that are made beforehand."""
    _need("train-step")
    from benchmarks import training_step
    from spotter.families.config import SpotterConfig
    from spotter.training.config import TrainConfig
    from spotter.training.mixture import Mixture
    from spotter.training.recipe import RecipeError, read_recipe
    from spotter.training.synthesis.cli import open_sources

    try:
        read = read_recipe(recipe) if recipe else None
    except RecipeError as error:
        raise click.ClickException(str(error)) from None
    config, model = (read.train, read.model) if read else (TrainConfig(), SpotterConfig())
    source = Mixture([(each, 1.0) for each in open_sources(pool, None).values()])
    threads = threads or len(os.sched_getaffinity(0))
    found = training_step.measure(config, model, source, steps=steps, device=device, threads=threads)
    return Report(
        "train-step",
        {"threads": threads, "device": device, "sides": [each.as_dict() for each in found]},
        (_plural(threads, "thread"), device, _plural(steps, "step"), str(recipe or "default recipe")),
        (training_step.as_table(found),),
        as_json,
    )


@bench.command("parts")
@click.option("--only", "wanted", multiple=True, help="Choices whose names hold this word; may be repeated.")
@click.option("--size", callback=parse_size, default="1024x576", show_default=True, help="Of the picture, by 64s.")
@click.option("--words", type=click.IntRange(1, 500), default=20, show_default=True, help="Read in the picture.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of torch.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each.")
@JSON
def parts_command(
    wanted: tuple[str, ...], size: tuple[int, int], words: int, threads: int, rounds: int, as_json: bool
) -> Report:
    """Count the weights and time one picture of each choice of the network's configuration (docs/models.md)."""
    _need("parts")
    from benchmarks import parts

    if any(side % 64 or not side for side in size):
        raise click.UsageError("--size takes multiples of 64")
    try:
        found = parts.measure(parts.named(wanted), size, words, threads, rounds)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    return Report(
        "parts",
        {"threads": threads, "rounds": rounds, "size": size, "words": words, "costs": [asdict(each) for each in found]},
        (_plural(threads, "thread"), _plural(rounds, "round"), f"{size[0]} x {size[1]} pixels", _plural(words, "word")),
        (
            parts.as_table(found),
            "Milliseconds of a processor in PyTorch, the least of all turns; the ratio is to the defaults'.",
        ),
        as_json,
    )


def _repeated(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _extra(name: str) -> str:
    return {"ops": "export", "bulk": "bulk"}.get(name, "train")


def _need(name: str) -> None:
    for module in _NEEDS[name]:
        if find_spec(module) is None:
            raise click.ClickException(f"{name} needs {module}: install the {_extra(name)} extra")


def _encoded(folder: Path | None) -> tuple[bytes, ...]:
    """The encoded pictures of a folder, or eight generated ones."""
    if folder is None:
        return _street()
    found = tuple(file.read_bytes() for file in sorted(folder.iterdir()) if file.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        raise click.ClickException(f"there are no pictures in {folder}")
    return found


def _pictures(files: tuple[Path, ...], size: tuple[int, int], words: int) -> list[tuple[str, graph.Pixels]]:
    """Decoded pictures, upright, RGB, with their names. Raises ProblemError or ValueError."""
    if not files:
        return [(f"drawn, {_plural(words, 'word')}", np.asarray(pictures.draw(*size, words)))]
    return [(str(file), np.asarray(imaging.decode(file.read_bytes(), PictureLimits()))) for file in files]


def _street() -> tuple[bytes, ...]:
    """JPEGs of 200 kB."""
    return tuple(pictures.jpeg(pictures.draw(*STREET, seed), quality=85) for seed in range(8))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
