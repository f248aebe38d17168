import os
from pathlib import Path

import pytest

from spotter.service.memory import bound
from spotter.service.settings import Settings


def test_every_store_of_bytes_is_counted_by_its_setting() -> None:
    settings = Settings(
        max_bytes=2000, max_upload_bytes_total=10_000, max_connections=2, decoders=3, max_pixels=100, queue_pixels=50,
        threads=1, max_working_side=100,
    )  # fmt: skip
    assert bound(settings) == {
        "uploads": 20_000 + 5 * 2000,
        "connections": 2 * 320 * 1024,
        "decoding": 6600,
        "processes": 3 * (2 * (160 * 2**20 + 4000) + 2200) + 64 * 2**20,
        "queue": 150,
        "batches": 24_000_000,
        "graphs": 1_600_000,
    }


def test_lanes_hold_a_batch_each_unless_it_is_one_picture() -> None:
    assert bound(Settings(threads=4))["batches"] == 0
    assert bound(Settings(threads=4, batch_pictures=2, batch_pixels=1000))["batches"] == 12_000
    assert bound(Settings(device="cuda", batch_pixels=1000))["batches"] == 6000


def test_lanes_that_decode_hold_a_small_picture_and_its_upload_each() -> None:
    cores = len(os.sched_getaffinity(0))
    decoding, not_decoding = bound(Settings(threads=cores)), bound(Settings(threads=cores, batch_pictures=2))
    assert decoding["decoding"] - not_decoding["decoding"] == cores * 3_000_000 * 22
    assert decoding["uploads"] - not_decoding["uploads"] == cores * (32 << 20)


def test_each_lane_of_a_processor_runs_a_graph() -> None:
    assert bound(Settings(threads=4, max_working_side=1000))["graphs"] == 640_000_000
    assert bound(Settings(device="cuda"))["graphs"] == 0


def test_what_is_fetched_is_counted_where_it_is_allowed() -> None:
    assert bound(Settings(fetch_urls=True))["uploads"] - bound(Settings())["uploads"] == 2 * (32 << 20)


def test_the_page_says_what_the_defaults_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    page = (Path(__file__).parents[2] / "docs" / "service.md").read_text()
    assert f"{sum(bound(Settings()).values()) / 1e9:.1f} GB" in page
