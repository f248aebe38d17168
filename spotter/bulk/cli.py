"""`spotter bulk`."""

import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

import click
from pydantic import ValidationError
from tqdm import tqdm

from spotter.bulk.inputs import InputError, find
from spotter.bulk.output import SUFFIXES
from spotter.bulk.plan import Part, PlanError, agree, left
from spotter.bulk.work import BulkRun, Count, Worker
from spotter.reading.bundles import find_bundle
from spotter.reading.settings import ReadingSettings
from spotter.registry.errors import RegistryError


@click.command()
@click.argument("inputs", nargs=-1, required=True)
@click.argument("output")
@click.option("--format", "form", type=click.Choice(list(SUFFIXES)), default="jsonl", show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Models side by side; a core each by default.")
@click.option("--address", help="Of a Ray cluster (ray://HOST:10001 or auto); this machine if absent.")
@click.option("--in-process", is_flag=True, help="One worker in this process, without Ray.")
@click.option("--part", type=click.IntRange(1), default=32, show_default=True, help="Inputs to a file of output.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Least score of a word; the model's by default.")
@click.option("--registry", help="Folder or mlflow+http(s)://...; the embedded one by default.")
@click.option("--model", metavar="NAME[@ALIAS]", help="The model; spotter by default.")
@click.option("--alias", help="Alias or version; live by default.")
def bulk(
    inputs: tuple[str, ...],
    output: str,
    form: str,
    workers: int | None,
    address: str | None,
    in_process: bool,
    part: int,
    min_score: float | None,
    **options: str | None,
) -> None:
    """Read every picture, TIFF frame and PDF page of INPUTS into OUTPUT.

    INPUTS are files, folders, globs and tar shards, OUTPUT is a folder; all on this machine or on storage that fsspec
    can access (s3://, gs://, ...). The same command again continues where it stopped. Inputs that cannot be read are in
    OUTPUT/dead-*.jsonl with the reason.
    """
    try:
        settings = ReadingSettings.model_validate({**{k: v for k, v in options.items() if v is not None}, "threads": 1})
        bundle = find_bundle(settings)
        identity = {"model": bundle.manifest.digest, "format": form, "min_score": min_score}
        bulk_run = BulkRun(output, form, settings.model_dump(mode="json"), min_score)
        items = find(inputs)
        if not items:
            raise InputError("the inputs hold nothing to read")
        parts = agree(bulk_run.store(), items, part, identity)
        todo = left(bulk_run.store(), parts, SUFFIXES[form])
    except (InputError, PlanError, RegistryError, OSError, ValidationError) as error:
        raise click.ClickException(str(error)) from None
    count = workers or len(os.sched_getaffinity(0))
    pages = dead = 0
    done = sum(len(each.items) for each in parts) - sum(len(each.items) for each in todo)
    try:
        with tqdm(total=len(items), initial=done, unit="input", smoothing=0.1, disable=None) as bar:
            for number, result in _alone(todo, bulk_run) if in_process else _over_ray(todo, bulk_run, count, address):
                pages, dead = pages + result.pages, dead + result.dead
                bar.update(number)
                bar.set_postfix(dead=dead)
        bulk_run.store().tidy()
    except (OSError, RuntimeError) as error:
        raise click.ClickException(f"{error}; the same command goes on from here") from None
    click.echo(f"{pages} pages read, {dead} dead letters", err=True)


def _alone(parts: Sequence[Part], bulk_run: BulkRun) -> Iterator[tuple[int, Count]]:
    worker = Worker(bulk_run) if parts else None
    for each in parts:
        assert worker is not None
        yield len(each.items), worker.read(each)


def _over_ray(
    parts: Sequence[Part], bulk_run: BulkRun, workers: int, address: str | None
) -> Iterator[tuple[int, Count]]:
    if not parts:
        return
    if find_spec("ray") is None:
        raise click.ClickException("Ray is not installed: pip install 'spotter-ocr[bulk]', or --in-process")
    from spotter.bulk.distributed import run

    yield from run(parts, bulk_run, workers, address)
