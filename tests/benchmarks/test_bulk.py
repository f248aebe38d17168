from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks import bulk
from spotter.bulk.plan import Part
from spotter.bulk.work import BulkRun, Count, Worker
from spotter.registry.folder import FolderStore
from tests.reading.tiny import picture, write_tiny_bundle

PICTURES = [picture((number, 100, 0), form="JPEG") for number in range(10)]


@pytest.fixture(autouse=True)
def _registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_bundle(tmp_path / "b", work=1)
    store = FolderStore(tmp_path / "registry")
    store.set_alias("spotter", "live", store.publish(tmp_path / "b").version)
    monkeypatch.setenv("SPOTTER_REGISTRY", str(store.root))
    monkeypatch.setenv("SPOTTER_CACHE", str(tmp_path / "cache"))


def without_ray(
    parts: Sequence[Part], bulk_run: BulkRun, workers: int, address: str | None
) -> Iterator[tuple[int, Count]]:
    worker = Worker(bulk_run)
    return ((len(part.items), worker.read(part)) for part in parts)


def test_all_ways_read_all_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "run", without_ray)
    batched, parallel, over_ray = bulk.measure(PICTURES, workers=1, part=3)
    assert batched.ratio == 1
    assert parallel.ratio == pytest.approx(parallel.rate / batched.rate)
    assert over_ray.rate > 0
    assert "over Ray" in bulk.as_table([batched, parallel, over_ray])


def test_a_run_that_leaves_pictures_out_has_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "run", lambda parts, job, workers, address: without_ray(parts[1:], job, workers, address))
    with pytest.raises(ValueError, match="7 records of 10"):
        bulk.measure(PICTURES, workers=1, part=3)


def test_too_few_pictures_tell_nothing() -> None:
    with pytest.raises(ValueError, match="too few"):
        bulk.measure(PICTURES, workers=2, part=3)
