"""`spotter build-ops`."""

import os
import time
from pathlib import Path

import click

from spotter.ops.build import BuildError, build
from spotter.ops.native import KernelsError, inspect, places


@click.command("build-ops")
@click.option("--cuda", is_flag=True, help="Also compile the kernels for NVIDIA GPUs; needs nvcc.")
@click.option("--force", is_flag=True, help="Compile even if the existing library fits.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the library here; name it in SPOTTER_OPS to use it. Otherwise it lies where it is found.",
)
def build_ops(cuda: bool, force: bool, output: Path | None) -> None:
    """Compiles the native kernels of the graph's operators."""
    target = output or next((path for path in places() if _writable(path.parent)), None)
    if target is None:
        raise click.ClickException("no place to write to: give --output")
    if target.exists() and not force:
        try:
            if inspect(target).cuda or not cuda:
                click.echo(f"{target} fits already")
                return
        except KernelsError:
            pass
    began = time.monotonic()
    fresh = target.with_name(
        f".{target.name}.{os.getpid()}.new"
    )  # under the same name the dynamic loader would return the library that is already loaded
    try:
        build(fresh, cuda)
        found = inspect(fresh)
        fresh.replace(target)
    except (BuildError, KernelsError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        fresh.unlink(missing_ok=True)
    click.echo(f"{target}: CPU{' and CUDA' if found.cuda else ''}, {time.monotonic() - began:.1f} s")


def _writable(folder: Path) -> bool:
    """Whether a file could be written there, once the folder exists."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return os.access(existing, os.W_OK)
