"""Compares `spotter bulk` over Ray with plain loops that do the same work in one process."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import table
from spotter.bulk.distributed import run
from spotter.bulk.inputs import Item, find
from spotter.bulk.output import SUFFIXES
from spotter.bulk.plan import parts_of
from spotter.bulk.work import BulkRun, Worker
from spotter.reading import imaging
from spotter.reading.bundles import find_bundle
from spotter.reading.imaging import PictureLimits, Prepared
from spotter.reading.reader import Reader
from spotter.reading.second_look import closer
from spotter.reading.session import Session, SessionOptions
from spotter.reading.settings import ReadingSettings
from spotter.reading.words import read_page, render
from spotter.registry.manifest import InputSpec

BATCH = 4
"""The number of pictures in a batch of the plain loop."""


@dataclass(frozen=True)
class Speed:
    """start: seconds before the first part was begun. rate: pictures per second from then on. ratio: this rate divided
    by the batched loop's."""

    label: str
    start: float
    rate: float
    ratio: float


def measure(pictures: Sequence[bytes], workers: int, part: int) -> list[Speed]:
    """Reads the pictures over Ray with `workers` actors and `part` pictures in a file, and by each loop one half of
    them before and the other half after it, since a machine's speed may change.

    Raises RegistryError or ProblemError, and ValueError where there are too few pictures for a measurement.
    """
    if len(pictures) < 2 * workers * part:
        raise ValueError(f"{len(pictures)} pictures are too few for {workers} workers with parts of {part}")
    with TemporaryDirectory() as place:
        folder = Path(place)
        for number, data in enumerate(pictures):
            (folder / f"{number:05d}.jpg").write_bytes(data)
        items = find([place])
        loops = (partial(_batched, reader=_reader(workers), threads=workers), partial(_side_by_side, workers=workers))
        half = len(items) // 2
        before = [_seconds(loop, items[:half]) for loop in loops]
        start, over_ray = _over_ray(items, folder / "out", workers, part)
        after = [_seconds(loop, items[half:]) for loop in loops]
        batched, parallel = (len(items) / (first + second) for first, second in zip(before, after, strict=True))
    return [
        Speed(f"plain loop, batches of {BATCH}", 0.0, batched, 1.0),
        Speed("plain loop, pictures side by side", 0.0, parallel, parallel / batched),
        Speed("spotter bulk over Ray", start, over_ray, over_ray / batched),
    ]


def as_table(speeds: Sequence[Speed]) -> str:
    """A table with a row for each way of reading."""
    rows = [(each.label, each.start, each.rate, each.ratio) for each in speeds]
    return table.render(("", "start, s", "pictures a second", "ratio"), rows)


def as_dicts(speeds: Sequence[Speed]) -> list[dict[str, Any]]:
    """The results as JSON values."""
    return [asdict(each) for each in speeds]


def _settings() -> ReadingSettings:
    return ReadingSettings(threads=1)


def _reader(threads: int) -> Reader:
    bundle = find_bundle(_settings())
    reader = Reader(bundle, Session(bundle, SessionOptions(threads)))
    reader.pace()
    return reader


def _seconds(loop: Callable[[Sequence[Item]], int], items: Sequence[Item]) -> float:
    began = time.monotonic()
    if (found := loop(items)) != len(items):
        raise ValueError(f"{found} records of {len(items)} pictures")
    return time.monotonic() - began


def _batched(items: Sequence[Item], reader: Reader, threads: int) -> int:
    """Reads in batches of one shape, by a model with all threads, with pictures decoded ahead; closer looks also run in
    batches."""
    settings = _settings()
    lines: list[str] = []

    def prepare(item: Item, spec: InputSpec) -> Prepared:
        return imaging.prepare(item.read(), spec, PictureLimits())

    def emit(item: Item, seen: Prepared, rows: Any) -> None:
        found = read_page(rows, seen, reader.manifest, reader.manifest.score_threshold)
        lines.append(json.dumps({"input": item.name, "words": [render(word) for word in found.words]}))

    def infer(batch: list[tuple[Item, Prepared]], closest: int) -> None:
        small: list[tuple[Item, InputSpec]] = []
        for (item, seen), rows in zip(batch, reader.infer([seen for _, seen in batch]), strict=True):
            spec = closer(rows, seen, reader.manifest.input, closest)
            if spec is None:
                emit(item, seen, rows)
            else:
                small.append((item, spec))
        again: dict[tuple[int, ...], list[tuple[Item, Prepared]]] = defaultdict(list)
        for item, spec in small:
            seen = prepare(item, spec)
            again[seen.padded.shape].append((item, seen))
        for group in again.values():
            infer(group, 0)

    waiting: dict[tuple[int, ...], list[tuple[Item, Prepared]]] = defaultdict(list)
    with ThreadPoolExecutor(threads) as pool:
        ahead = [pool.submit(prepare, item, reader.input) for item in items[: 2 * BATCH]]
        for index, item in enumerate(items):
            seen = ahead[index].result()
            if index + 2 * BATCH < len(items):
                ahead.append(pool.submit(prepare, items[index + 2 * BATCH], reader.input))
            shape = seen.padded.shape
            waiting[shape].append((item, seen))
            if len(waiting[shape]) == BATCH:
                infer(waiting.pop(shape), settings.closest)
        for batch in waiting.values():
            infer(batch, settings.closest)
    return len(lines)


def _side_by_side(items: Sequence[Item], workers: int) -> int:
    """Reads with threads in one process, each with its own picture and core."""
    with TemporaryDirectory() as output:
        bulk_run = BulkRun(output, "jsonl", _settings().model_dump(mode="json"))
        shares = parts_of(items, -(-len(items) // workers))
        with ThreadPoolExecutor(workers) as pool:
            readers = [Worker(bulk_run) for _ in shares]
            return sum(pool.map(lambda pair: pair[0].read(pair[1]).pages, zip(readers, shares, strict=True)))


def _over_ray(items: Sequence[Item], output: Path, workers: int, part: int) -> tuple[float, float]:
    """Seconds until the first parts, and pictures per second once all workers had finished one, from the times of the
    output files."""
    bulk_run = BulkRun(str(output), "jsonl", _settings().model_dump(mode="json"))
    parts = parts_of(items, part)
    began = time.time()
    pages = sum(count.pages for _, count in run(parts, bulk_run, workers, None))
    if pages != len(items):
        raise ValueError(f"{pages} records of {len(items)} pictures")
    sizes = {each.name + SUFFIXES["jsonl"]: len(each.items) for each in parts}
    ended = sorted((file.stat().st_mtime, sizes[file.name]) for file in output.glob("part-*"))
    warm, last = ended[workers - 1][0], ended[-1][0]
    rate = sum(size for _, size in ended[workers:]) / (last - warm)
    return max(0.0, ended[0][0] - began - workers * ended[0][1] / rate), rate
