"""The parts over Ray Data's actors (https://docs.ray.io/en/latest/data/data.html): on this machine or a cluster."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from spotter.bulk.inputs import Item
from spotter.bulk.plan import Part
from spotter.bulk.work import Count, Job, Worker

_TRIES = 3  # of a part whose worker died


class _Actor:
    """One of Ray's workers with a model of its own."""

    def __init__(self, job: Job) -> None:
        self._worker = Worker(job)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        items = tuple(Item(url, member) for url, member in row["items"])
        count = self._worker.read(Part(int(row["number"]), items))
        return {"number": int(row["number"]), "items": len(items), "pages": count.pages, "dead": count.dead}


def run(parts: Sequence[Part], job: Job, workers: int, address: str | None) -> Iterator[tuple[int, Count]]:
    """(items, count) of each part as it is done. A worker that dies is replaced and its part read again.

    address: of a Ray cluster, None for this machine. Raises RuntimeError when a part cannot be finished.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray
    import ray.data

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is None:
        ray.init(num_cpus=workers, include_dashboard=False, **quiet)
    else:
        ray.init(address=address, **quiet)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = 0
        rows = [{"number": part.number, "items": [[item.url, item.member] for item in part.items]} for part in parts]
        done = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _Actor,
            fn_constructor_args=(job,),
            concurrency=min(workers, len(rows)),
            num_cpus=1,
            max_restarts=-1,
            max_task_retries=_TRIES,
        )
        for row in done.iter_rows():
            yield row["items"], Count(row["pages"], row["dead"])
    except ray.exceptions.RayError as error:
        raise RuntimeError(str(error).strip().splitlines()[-1]) from error
    finally:
        ray.shutdown()
