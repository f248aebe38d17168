"""Bytes meant to break us: whatever they are, the answer is 200 or a problem in the 400s, soon, and nothing stays."""

import hashlib
import resource
import time
from pathlib import Path

import pytest

from tests.lengths import LONG
from tests.reading.corpus import bit_flips, corpus, encode, main, modes, noise, tiny_and_foreign
from tests.reading.documents import HELLO, pdf
from tests.service.conftest import Client

PIXELS = 4_000_000


@pytest.fixture(scope="module")
def files() -> list[tuple[str, bytes]]:
    """The corpus, made once; of what is cut or has bits turned over, `make test` takes every second one."""
    made = list(corpus())
    many = [name for name, _ in made if " cut at " in name or " flipped " in name]
    left_out = set() if LONG else set(many[1::2])
    return [(name, data) for name, data in made if name not in left_out]


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


# The longest fill the line of a request, which uvicorn and httpx both bound.
QUERIES = (
    {"pattern": "(((a{1,9}){1,9}){1,9}){1,9}"},
    {"pattern": "(" * 5_000},
    {"pattern": "(a|a)*" * 1_000},
    {"pattern": "[^" + "\\" * 3_000},
    {"lexicon": ",".join(f"word{number}" for number in range(4_500))},
    {"lexicon": "a" * 60_000},
    {"lexicon": "@../../etc/passwd"},
    {"charset": "".join(chr(code) for code in range(0x20, 0x1000))},
    {"region": "1e308,1e308,1e308,1e308"},
    {"region": "-5,-5,1,1"},
    {"region": "nan,0,9,9"},
    {"ignore": ["0,0,1,1"] * 2_500},
    {"min_height": "inf"},
    {"min_height": "-1"},
    {"max_side": "9" * 400},
    {"pages": "1-" + "9" * 400},
    {"pages": ",".join(["1-999999"] * 4_000)},
    {"pages": "9-1"},
    {"model": "spotter@" * 5_000},
)


@pytest.mark.parametrize(
    "query", QUERIES, ids=lambda query: f"{next(iter(query))} {str(next(iter(query.values())))[:12]}"
)
@pytest.mark.parametrize("form", ["PNG", "PDF"])
async def test_no_hint_makes_a_5xx_or_a_hang(client: Client, query: dict[str, str | list[str]], form: str) -> None:
    content = encode(noise(), "PNG") if form == "PNG" else pdf([HELLO] * 2)
    async with client(decoders=1) as (http, service):
        began = time.process_time()
        response = await http.post("/spot", content=content, params=query)
        assert response.status_code in (200, 404, 413, 422), response.text[:500]
        assert time.process_time() - began < 2
        assert (service.handler.admission.pictures, service.uploads.held) == (0, 0)
        if response.status_code != 200:
            problem = response.json()
            assert response.headers["content-type"] == "application/problem+json"
            assert len(problem["detail"]) < 1_000


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
