"""`spotter bench`: the benchmarks are in the repository, and not part of the installed package."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click

_PACKAGE = "benchmarks"


def checkouts() -> Iterator[Path]:
    """Folders that may be the repository: the one that contains this package, and the current one."""
    yield Path(__file__).parents[2]
    yield Path.cwd()


def find() -> click.Command:
    """The benchmarks' command from the repository, or one that explains where the benchmarks are."""
    for root in checkouts():
        if (root / _PACKAGE / "cli.py").is_file() and (root / "spotter").is_dir():
            if str(root) not in sys.path:
                sys.path.insert(0, str(root))
            return cast(click.Command, importlib.import_module(f"{_PACKAGE}.cli").bench)
    return missing


@click.command("bench", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def missing(arguments: tuple[str, ...]) -> None:
    """Run the benchmarks, which are in the repository and not installed with the package."""
    raise click.ClickException("the benchmarks are not installed: run this in a checkout of Spotter's repository")


bench = find()
