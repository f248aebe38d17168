"""Bytes meant to break us: whatever they are, the answer is 200 or a problem in the 400s, soon, and nothing stays."""

import hashlib
import resource
import time
from pathlib import Path

import pytest

from tests.reading.corpus import bit_flips, corpus, main, modes, tiny_and_foreign
from tests.service.conftest import Client

PIXELS = 4_000_000


@pytest.fixture(scope="module")
def files() -> list[tuple[str, bytes]]:
    """The corpus, made once."""
    return list(corpus())


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damage that it survives
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
async def test_no_bytes_at_all_make_a_5xx_a_hang_or_growth(client: Client, files: list[tuple[str, bytes]]) -> None:
    outcomes: dict[int, int] = {}
    slowest = ("", 0.0)
    async with client(max_pixels=PIXELS, decoders=1) as (http, service):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for name, data in files:
            began = time.process_time()
            response = await http.post("/spot", content=data, headers={"Content-Type": "image/jpeg"})
            slowest = max(slowest, (name, time.process_time() - began), key=lambda each: each[1])
            outcomes[response.status_code] = outcomes.get(response.status_code, 0) + 1
            assert response.status_code in (200, 413, 415, 422), (name, response.text)
            kind = "application/json" if response.status_code == 200 else "application/problem+json"
            assert response.headers["content-type"] == kind, name
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert (service.handler.admission.pictures, service.handler.admission.pixels, service.uploads.held) == (0, 0, 0)
        assert (await http.get("/health/live")).status_code == 200
    assert slowest[1] < 2, slowest
    assert grown < 200_000, f"{grown} KB stayed"
    assert len({name for name, _ in files}) == len(files) >= 450
    assert min(outcomes.get(status, 0) for status in (200, 413, 415, 422)) >= 10, outcomes


async def test_every_bomb_is_refused_by_its_header(client: Client, files: list[tuple[str, bytes]]) -> None:
    kinds = ("pixel bomb", "run-length", "tile bomb", "strip bomb", "scans", "million", "1,200 frames")
    bombs = {name: data for name, data in files if any(kind in name for kind in kinds)}
    assert {name.split()[0] for name in bombs} == {
        *("PNG", "JPEG", "WebP", "TIFF", "BMP", "GIF", "PNM", "JPEG2000", "AVIF")
    }
    async with client(max_pixels=PIXELS) as (http, service):
        for name, data in bombs.items():
            response = await http.post("/spot", content=data)
            assert response.status_code == 413, (name, response.text)
        assert 'spotter_batch_pictures_count{model="spotter"} 0.0' in service.metrics.render().decode()


def test_the_corpus_is_the_same_each_time_and_can_be_written(tmp_path: Path) -> None:
    def digest() -> str:
        whole = hashlib.sha256()
        for part in (bit_flips, modes):
            for name, data in part():
                whole.update(name.encode() + data)
        return whole.hexdigest()

    assert digest() == digest()
    assert main(tmp_path, tiny_and_foreign) == len(list(tmp_path.iterdir())) >= 10
