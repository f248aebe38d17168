"""The clients and the real service."""

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from spotter.client import (
    AsyncClient,
    Client,
    DocumentAnswer,
    PageAnswer,
    PageProblem,
    PictureAnswer,
)
from spotter.client.errors import (
    BrokenPictureError,
    InvalidParameterError,
    ModelNotFoundError,
    UnauthorizedError,
    UnsupportedPictureError,
)
from tests.reading.documents import HELLO, coloured, pdf, tiff
from tests.reading.tiny import picture
from tests.service.conftest import Client as InMemory
from tests.service.serving import Serving, serving

KEY = "a-key-of-the-tests-0001"
COLOURS = [(5, 6, 0), (7, 0, 0), (0, 250, 0)]


@pytest.fixture(scope="module")
def server(registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A service that asks for a key and is patient."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(KEY)
    with serving(registry=registry, threads=1, api_keys_file=keys, document_timeout=100) as running:
        running.ready()
        yield running


@pytest.fixture
def client(server: Serving) -> Iterator[Client]:
    with Client(server.url, api_key=KEY) as client:
        yield client


def texts(answer: PictureAnswer | DocumentAnswer) -> list[str]:
    return [word.text for word in answer.words]


def test_every_kind_of_source_is_read(client: Client, tmp_path: Path) -> None:
    data = picture((5, 6, 0))
    file = tmp_path / "picture.png"
    file.write_bytes(data)
    pixels = np.full((64, 96, 3), (5, 6, 0), np.uint8)
    sources = (data, file, str(file), io.BytesIO(data), pixels, Image.fromarray(pixels))
    for source in sources:
        answer = client.read(source)
        assert isinstance(answer, PictureAnswer)
        assert texts(answer) == ["005", "006"]
        assert answer.to_text() == "005\n006"
        assert (answer.image.width, answer.image.height) == (96, 64)
        assert answer.reading is not None
        assert answer.draw(data if isinstance(source, io.BytesIO) else source).size == (96, 64)
    assert len(answer.to_dataframe()) == 2
    whole = client.read(data, detail="words")
    assert isinstance(whole, PictureAnswer)
    assert (whole.lines, whole.blocks) == (None, None)


def test_options_reach_the_service(client: Client) -> None:
    data = picture((5, 6, 0))
    assert texts(client.read(data, ignore=[(0, 0, 96, 32)])) == ["006"]
    assert texts(client.read(data, min_score=0.95)) == []
    assert texts(client.read(data, charset="056")) == ["005", "006"]
    assert texts(client.read(data, lexicon=["006", "007"])) == ["006"]
    assert texts(client.read(data, pattern="\\d{2}5", language_model="off")) == ["005"]
    read = client.read(data, detail="characters")
    assert [[each.text for each in word.characters or ()] for word in read.words] == [["0", "0", "5"], ["0", "0", "6"]]
    with pytest.raises(InvalidParameterError, match="max_side"):
        client.read(data, max_side=1)


def test_a_model_is_named_from_those_that_are_served(client: Client) -> None:
    (served,) = client.models()
    assert (served["model"], served["default"]) == ("spotter", True)
    answer = client.read(picture((5, 6, 0)), model="spotter@live")
    assert isinstance(answer, PictureAnswer)
    assert answer.model.name == "spotter"
    with pytest.raises(ModelNotFoundError, match="there is no model 'abcnet' here") as raised:
        client.read(picture((5, 6, 0)), model="abcnet")
    assert raised.value.status == 404


def test_documents_are_read_whole_by_pages_and_as_they_come(client: Client) -> None:
    data = coloured(COLOURS)
    document = client.read(data)
    assert isinstance(document, DocumentAnswer)
    assert (document.page_count, texts(document)) == (3, ["005", "006", "007", "250"])
    assert document.to_text() == "005\n006\n\f007\n\f250"
    pages = list(client.read_pages(data, pages=[3, 1]))
    assert [page.page for page in pages] == [1, 3]
    assert all(isinstance(page, PageAnswer) for page in pages)
    assert client.read_document(picture((7, 0, 0))).to_text() == "007"
    carried = client.read_document(pdf([HELLO]), pdf="text").read[0]
    assert (carried.source, carried.reading, texts(carried)) == ("text", None, ["Hello", "World"])
    drawn = carried.draw(client.page_picture(pdf([HELLO])))
    assert drawn.size == (carried.image.width, carried.image.height)
    mixed = client.read_document(pdf([HELLO], count=2)).pages
    assert [type(page) for page in mixed] == [PageAnswer, PageProblem]


def test_other_forms_come_as_the_service_writes_them(client: Client) -> None:
    assert client.read_as(picture((5, 6, 0)), "text") == b"005\n006\n"
    written = client.read_as(tiff(COLOURS), "pdf", pages="2-")
    assert len(pypdfium2.PdfDocument(written)) == 2


def test_problems_are_errors_with_a_remedy(client: Client, server: Serving) -> None:
    with pytest.raises(UnsupportedPictureError, match=r"415 .*the bytes are no JPEG") as caught:
        client.read(b"nothing")
    assert caught.value.fault == "client"
    assert caught.value.request_id
    with pytest.raises(BrokenPictureError):
        client.read(picture((1, 2, 3))[:60])
    with Client(server.url) as stranger, pytest.raises(UnauthorizedError, match="Authorization: Bearer KEY"):
        stranger.read(picture((1, 2, 3)))


def test_many_pictures_each_get_their_own_words(client: Client) -> None:
    sources = [picture((n, 0, 0)) for n in range(1, 21)]
    found = list(client.read_many([*sources, b"nothing"], concurrency=4))
    assert [texts(each.result()) for each in found[:-1]] == [[f"{n:03d}"] for n in range(1, 21)]
    assert isinstance(found[-1].error, UnsupportedPictureError)
    assert client.model()["name"] == "spotter"
    assert "parameters" in client.capabilities()


def test_the_page_on_frameworks_makes_a_document_of_each_page(client: Client, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "client.md").read_text()
    (lines,) = re.findall(r"^```python\n(def documents.*?)^```$", text, re.MULTILINE | re.DOTALL)
    defined: dict[str, Any] = {}
    exec(lines, defined)
    (tmp_path / "one.png").write_bytes(picture((5, 6, 0)))
    (tmp_path / "three.tif").write_bytes(tiff(COLOURS))
    files = [tmp_path / "one.png", tmp_path / "three.tif"]
    found = list(defined["documents"](client, files))
    places = [(files[0], 1), *((files[1], number) for number in (1, 2, 3))]
    assert [about for _, about in found] == [{"source": str(file), "page": number} for file, number in places]
    assert [text for text, _ in found] == [page.to_text() for file in files for page in client.read_document(file).read]
    assert found[0][0]


async def test_the_async_client_reads_the_same(in_memory: InMemory) -> None:
    async with in_memory(document_timeout=100) as (http, _):
        async with AsyncClient("http://spotter", http=http) as client:
            await client.wait_until_ready()
        assert not http.is_closed, "whoever brings a client of its own closes it"
        assert texts(await client.read(picture((5, 6, 0)))) == ["005", "006"]
        data = tiff(COLOURS)
        assert [page.page async for page in client.read_pages(data)] == [1, 2, 3]
        assert (await client.read_document(data, pages="2")).to_text() == "007"
        assert await client.read_as(picture((7, 0, 0)), "text") == b"007\n"
        assert Image.open(io.BytesIO(await client.page_picture(data, 2, side=16))).width == 16
        found = [each async for each in client.read_many([picture((n, 0, 0)) for n in range(1, 9)])]
        assert [texts(each.result()) for each in found] == [[f"{n:03d}"] for n in range(1, 9)]
        assert (await client.model())["name"] == "spotter"
        assert (await client.capabilities())["version"]


def test_it_needs_httpx_alone() -> None:
    absent = ("torch", "onnxruntime", "fastapi", "numpy", "pydantic", "PIL", "pandas", "tqdm", "orjson", "uvicorn")
    script = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({absent!r}))\n"
        "from spotter.client import Client\n"
        "Client('http://127.0.0.1:1').close()\n"
        "print(*(name for name, module in sys.modules.items() if module and name.startswith('spotter.')))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert all(name.startswith("spotter.client") for name in done.stdout.split())
