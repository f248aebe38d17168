from pathlib import Path

from spotter.service.memory import bound
from spotter.service.settings import Settings


def test_every_store_of_bytes_is_counted_by_its_setting() -> None:
    settings = Settings(
        max_bytes=2000, max_upload_bytes_total=10_000, max_connections=2, decoders=3, max_pixels=100, queue_pixels=50
    )
    assert bound(settings) == {
        "uploads": 20_000,
        "connections": 2 * 320 * 1024,
        "decoding": 6600,
        "queue": 150,
        "batches": 24_000_000,
    }


def test_the_page_says_what_the_defaults_come_to() -> None:
    page = (Path(__file__).parents[2] / "docs" / "service.md").read_text()
    assert f"{sum(bound(Settings()).values()) / 1e9:.1f} GB" in page
