"""A client for Python that openapi-python-client generates from a running service's OpenAPI document, against that
service."""

import base64
import datetime
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.client.generated.conftest import KEY
from tests.client.samples import FORM, STREET, STREET_WORDS
from tests.lengths import LONG
from tests.programs import find
from tests.service.serving import Serving

if TYPE_CHECKING:
    from spotter_api import Client

ROOT = Path(__file__).parents[3]
PACKAGE = "spotter_api"
SIDE = 512
"""Pixels at which the samples are read: few, to save time."""


@pytest.fixture(scope="module")
def folder(server: Serving, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the generated package is. What the generator cannot express is a failure."""
    folder = tmp_path_factory.mktemp("generated")
    _, _, rest = (ROOT / "docs/service.md").read_text().partition("### Generated clients\n")
    configuration = re.search(r"^```yaml\n(.*?)^```$", rest, re.MULTILINE | re.DOTALL)
    assert configuration is not None
    (folder / "generator.yml").write_text(configuration[1])
    generator = find("openapi-python-client")
    assert generator is not None
    command = [generator, "generate", "--url", f"{server.url}/openapi.json", "--config", "generator.yml"]
    command += ["--meta", "none", "--output-path", PACKAGE, "--fail-on-warning"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # its ruff formats what was generated
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(autouse=True)
def _importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)


@pytest.fixture
def client(server: Serving, _importable: None) -> "Iterator[Client]":
    from spotter_api import Client

    with Client(base_url=server.url, headers={"X-Api-Key": KEY}, timeout=httpx.Timeout(60)) as client:
        yield client


def test_a_raw_body_is_read(client: "Client") -> None:
    from spotter_api.api.read import spot
    from spotter_api.models import SpotAnswer, SpotDetail
    from spotter_api.types import UNSET, File

    answer = spot.sync(
        client=client, body=File(io.BytesIO(STREET.read_bytes())), detail=SpotDetail.LINES, max_side=SIDE
    )
    assert isinstance(answer, SpotAnswer)
    assert {word.text for word in answer.words} >= STREET_WORDS
    assert answer.reading is not None
    assert (answer.reading.turned, answer.reading.downscaled) == (0, True)
    assert answer.image.width > answer.reading.width
    assert answer.lines
    assert sum(len(line.text.split()) for line in answer.lines) == len(answer.words)
    assert answer.blocks is UNSET
    for word in answer.words:
        assert 0 < word.score <= 1
        assert word.characters is UNSET
        assert all(0 <= x <= answer.image.width and 0 <= y <= answer.image.height for x, y in word.polygon)


def test_several_files_are_read_each_with_its_own_kind_of_answer(client: "Client") -> None:
    from spotter_api.api.read import spot
    from spotter_api.models import DocumentAnswer, Problem, SpotAnswer, SpotAnswers, SpotFilesBody
    from spotter_api.types import File

    sent = [STREET.read_bytes(), FORM.read_bytes(), b"no picture"]
    answer = spot.sync(client=client, body=SpotFilesBody([File(io.BytesIO(each)) for each in sent]), max_side=SIDE)
    assert isinstance(answer, SpotAnswers)
    picture, document, problem = answer.results
    assert isinstance(picture, SpotAnswer)
    assert {word.text for word in picture.words} >= STREET_WORDS
    assert isinstance(document, DocumentAnswer)
    assert document.page_count == len(document.pages)
    assert isinstance(problem, Problem)
    assert problem.status == 415


def test_a_document_is_read_by_page(client: "Client") -> None:
    from spotter_api.api.read import spot
    from spotter_api.models import DocumentAnswer, PageAnswer, PageAnswerSource, SpotPdf
    from spotter_api.types import File

    form = File(io.BytesIO(FORM.read_bytes()))
    answer = spot.sync(client=client, body=form, pages="1", pdf=SpotPdf.OCR, max_side=SIDE)
    assert isinstance(answer, DocumentAnswer)
    (page,) = answer.pages
    assert isinstance(page, PageAnswer)
    assert (page.page, page.source) == (1, PageAnswerSource.PICTURE)
    assert page.words


async def test_base64_is_read_and_asyncio_works(server: Serving) -> None:
    from spotter_api import AuthenticatedClient
    from spotter_api.api.read import spot
    from spotter_api.models import SpotAnswer, SpotJsonBase64

    body = SpotJsonBase64(image=base64.b64encode(STREET.read_bytes()).decode())
    async with AuthenticatedClient(base_url=server.url, token=KEY, timeout=httpx.Timeout(60)) as client:
        answer = await spot.asyncio(client=client, body=body, max_side=SIDE)
    assert isinstance(answer, SpotAnswer)
    assert {word.text for word in answer.words} >= STREET_WORDS


def test_refusals_are_typed_problems(client: "Client", server: Serving) -> None:
    from spotter_api import AuthenticatedClient
    from spotter_api.api.about import model
    from spotter_api.api.read import spot
    from spotter_api.models import Problem, ProblemFault
    from spotter_api.types import UNSET, File

    broken = spot.sync_detailed(client=client, body=File(io.BytesIO(STREET.read_bytes()[:2000])))
    assert broken.status_code == 422
    assert isinstance(broken.parsed, Problem)
    assert (broken.parsed.type_, broken.parsed.status) == ("urn:spotter:problem:broken-picture", 422)
    assert broken.parsed.fault is ProblemFault.CLIENT
    assert broken.parsed.detail
    assert broken.parsed.remedy
    assert broken.parsed.request_id
    assert broken.parsed.retry_after is UNSET

    with AuthenticatedClient(base_url=server.url, token="not-the-key") as stranger:
        refused = spot.sync(client=stranger, body=File(io.BytesIO(b"")))
    assert isinstance(refused, Problem)
    assert refused.status == 401

    nobody = model.sync(client=client, model="nobody")
    assert isinstance(nobody, Problem)
    assert nobody.type_ == "urn:spotter:problem:model-not-found"
    wrong = model.sync(client=client, model="x" * 200)
    assert isinstance(wrong, Problem)
    assert wrong.type_ == "urn:spotter:problem:invalid-parameter"


def test_the_service_tells_of_itself(client: "Client") -> None:
    from spotter_api.api.about import capabilities, capacity, model, models
    from spotter_api.api.health import live, metrics, ready
    from spotter_api.models import Capabilities, Capacity, Health, HealthStatus, ModelAnswer, ModelsAnswer

    room = capacity.sync(client=client)
    assert isinstance(room, Capacity)
    assert 0 < room.pictures.room <= room.pictures.most
    assert room.seconds.most > 0
    assert room.retry_after is None

    able = capabilities.sync(client=client)
    assert isinstance(able, Capabilities)
    assert {kind.name: kind.read for kind in able.reads}["JPEG"]
    assert "max_side" in {parameter.name for parameter in able.parameters}
    assert able.limits["max_pixels"] > 1_000_000
    assert able.compat.to_dict() == {}

    served = model.sync(client=client)
    assert isinstance(served, ModelAnswer)
    assert isinstance(served.since, datetime.datetime)
    assert datetime.timedelta() < datetime.datetime.now(datetime.UTC) - served.since < datetime.timedelta(hours=1)
    assert served.refused is None
    every = models.sync(client=client)
    assert isinstance(every, ModelsAnswer)
    assert [(each.default, each.digest) for each in every.models] == [(True, served.digest)]

    for page, status in ((live, HealthStatus.LIVE), (ready, HealthStatus.READY)):
        state = page.sync(client=client)
        assert isinstance(state, Health)
        assert state.status is status
    assert "spotter_ready 1.0" in (metrics.sync(client=client) or "")


def test_the_picture_of_a_page_comes_as_bytes(client: "Client") -> None:
    from PIL import Image
    from spotter_api.api.read import page_picture
    from spotter_api.types import File

    drawn = page_picture.sync(client=client, body=File(io.BytesIO(FORM.read_bytes())), side=300)
    assert isinstance(drawn, File)
    with Image.open(drawn.payload) as image:
        assert (image.format, max(image.size)) == ("PNG", 300)


@pytest.mark.timeout(600)
@pytest.mark.skipif(not LONG, reason="mypy takes ten seconds and more for the generated package: make chaos")
def test_what_this_file_does_with_it_is_well_typed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text("[mypy]\nfollow_imports = silent\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(tmp_path / "mypy.ini")]
    command += ["--cache-dir", str(tmp_path / "cache"), __file__]
    environment = {**os.environ, "MYPYPATH": f"{folder}:{ROOT}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
