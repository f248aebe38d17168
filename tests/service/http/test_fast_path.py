from typing import Any

import pytest
from starlette.types import Scope

from spotter.service.http.fast_path import is_plain
from tests.reading.tiny import picture
from tests.service.conftest import Client


def scope(**changed: Any) -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "path": "/spot",
        "query_string": b"",
        "headers": [(b"host", b"x")],
        **changed,
    }


@pytest.mark.parametrize(
    "changed",
    [{"type": "lifespan"}, {"method": "GET"}, {"path": "/metrics"}, {"query_string": b"min_score=2"},
     {"headers": [(b"host", b"x"), (b"x-request-timeout-ms", b"x")]},
     {"headers": [(b"accept", b"text/html, Application/X-NDJSON;q=0.9")]}],
)  # fmt: skip
def test_only_a_plain_request_take_the_fast_path(changed: dict[str, Any]) -> None:
    assert is_plain(scope(headers=[(b"accept", b"*/*")]))
    assert not is_plain(scope(**changed))


@pytest.mark.parametrize("body", [picture((5, 6, 0)), b"", b"\x89PNG\r\n\x1a\n"])
async def test_both_ways_answer_alike(client: Client, body: bytes) -> None:
    async with client() as (http, _):
        short = await http.post("/spot", content=body)
        full = await http.post("/spot", content=body, headers={"X-Request-Timeout-Ms": "20000"})
        ignored = {"x-request-id", "server-timing"}
        assert short.status_code == full.status_code
        assert {k: v for k, v in short.headers.items() if k not in ignored} == {
            k: v for k, v in full.headers.items() if k not in ignored
        }
        answers = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in (short, full)]
        assert answers[0] == answers[1]


async def test_parameters_are_checked(client: Client) -> None:
    async with client() as (http, _):
        assert (await http.post("/spot?min_score=2", content=picture((5, 6, 0)))).status_code == 422
        assert (await http.post("/spot", headers={"X-Request-Timeout-Ms": "0"})).status_code == 422
