"""Distributes the parts over Ray Data's actors (https://docs.ray.io/en/latest/data/data.html), locally or on a
cluster."""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from spotter.bulk.inputs import Item
from spotter.bulk.plan import Part
from spotter.bulk.work import BulkRun, Count, Worker


class _Actor:
    """A Ray worker with its own model."""

    def __init__(self, bulk_run: BulkRun) -> None:
        self._worker = Worker(bulk_run)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        items = tuple(Item(**item) for item in row["items"])
        count = self._worker.read(Part(int(row["number"]), items))
        return {"number": int(row["number"]), "items": len(items), "pages": count.pages, "dead": count.dead}


class _Driver:
    """Runs Ray Data on a machine of the cluster, since Ray Data does not work over a client connection."""

    def __init__(self, parts: Sequence[Part], bulk_run: BulkRun, workers: int) -> None:
        self._counts = _counts(parts, bulk_run, workers)

    def next(self) -> tuple[int, Count] | None:
        """The next result of `run`, None at the end."""
        return next(self._counts, None)


def run(parts: Sequence[Part], bulk_run: BulkRun, workers: int, address: str | None) -> Iterator[tuple[int, Count]]:
    """(items, count) of each part as it is done. Ray replaces a worker that dies, and its part is read again;
    `Worker.read` ensures that this ends.

    address: of a Ray cluster, None for this machine. Raises RuntimeError when a part cannot be finished.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # with the default of 15, workers yield to any other process
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it logs errors that it recovers from
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is None:
        ray.init(address="local", num_cpus=workers, include_dashboard=False, **quiet)
    else:
        ray.init(address=address, **quiet)
    try:
        if ray.util.client.ray.is_connected():
            driver = ray.remote(num_cpus=0)(_Driver).remote(parts, bulk_run, workers)
            yield from iter(lambda: ray.get(driver.next.remote()), None)
        else:
            yield from _counts(parts, bulk_run, workers)
    except ray.exceptions.RayError as error:
        raise RuntimeError(str(error).strip().splitlines()[-1]) from error
    finally:
        ray.shutdown()


def _counts(parts: Sequence[Part], bulk_run: BulkRun, workers: int) -> Iterator[tuple[int, Count]]:
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = 0
    rows = [{"number": part.number, "items": [asdict(item) for item in part.items]} for part in parts]
    done = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        _Actor,
        fn_constructor_args=(bulk_run,),
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows))),
        num_cpus=1,
    )
    for row in done.iter_rows():
        yield row["items"], Count(row["pages"], row["dead"])
