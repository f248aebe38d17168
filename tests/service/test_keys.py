import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from spotter.service.keys import ApiKeys, read_keys
from spotter.service.settings import Settings
from tests.reading.tiny import picture
from tests.service.conftest import Client
from tests.service.test_app import problem_of

ONE, OTHER = b"the-first-key-0001", b"the-other-key-0002"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_bytes(b"# for the scanners\n" + ONE + b"\n\n  " + OTHER + b"  \n")
    return path


def test_keys_of_the_file_pass_and_others_do_not(file: Path) -> None:
    keys = ApiKeys(file)
    assert keys.accepts(ONE)
    assert keys.accepts(OTHER)
    for key in (b"", ONE[:-1], ONE + b"x", b"# for the scanners", b"\xff" * 100):
        assert not keys.accepts(key)


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(file: Path) -> None:
    now = 0.0
    keys = ApiKeys(file, lambda: now)
    file.write_bytes(OTHER)
    os.utime(file, ns=(1, 1))
    assert keys.accepts(ONE), "looked at the disk again at once"
    now = 2.0
    assert not keys.accepts(ONE)
    assert keys.accepts(OTHER)
    for broken in (b"", b"short"):
        file.write_bytes(broken)
        now += 2
        assert keys.accepts(OTHER)
    file.unlink()
    now += 2
    assert keys.accepts(OTHER)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"short", b"two words of one key"])
def test_files_that_would_be_unsafe_are_refused_at_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="key"):
        read_keys(path)
    with pytest.raises(ValidationError, match="key"):
        Settings(api_keys_file=path)
    with pytest.raises(ValidationError, match="cannot be read"):
        Settings(api_keys_file=tmp_path / "absent")


async def test_work_needs_a_key_and_probes_do_not(client: Client, file: Path) -> None:
    async with client(api_keys_file=file) as (http, service):
        body = picture((1, 2, 0))
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": ONE.decode()}, {"X-Api-Key": "x"}):
            response = await http.post("/spot", content=body, headers=headers)
            problem_of(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"
        assert "spotter_stage_seconds_count" not in service.metrics.render().decode(), "work was done without a key"
        problem_of(await http.get("/v1/model"), 401, "unauthorized")
        problem_of(await http.get("/nothing"), 401, "unauthorized")
        for good in ({"Authorization": f"bearer {ONE.decode()}"}, {"X-Api-Key": OTHER.decode()}):
            assert (await http.post("/spot", content=body, headers=good)).status_code == 200
        for path in ("/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json"):
            assert (await http.get(path)).status_code == 200
