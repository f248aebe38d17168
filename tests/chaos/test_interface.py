"""Requests that schemathesis makes from our own OpenAPI document, to a real process: what it answers is documented,
and is no mistake of ours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import hypothesis
import pytest
import schemathesis
from schemathesis.specs.openapi import checks as openapi_checks

from spotter.formats.dialects.names import DialectName
from spotter.service.app import create_app
from spotter.service.settings import Settings
from tests.lengths import LONG
from tests.service.serving import Serving, serving

schemathesis.serializer.alias("application/cbor", "application/octet-stream")
schemathesis.serializer.alias("application/x-amz-json-1.1", "application/json")
DIALECTS = get_args(DialectName)
schema = schemathesis.openapi.from_dict(create_app(Settings(compat=DIALECTS)).openapi())


@pytest.fixture(scope="module")
def server(registry: Path) -> Iterator[Serving]:
    with serving(registry=registry, threads=1, max_bytes=100_000, compat=",".join(DIALECTS)) as process:
        process.ready(60)
        yield process


def no_mistake(_: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]) -> None:
    """No status above 499 but the one that a deadline of a millisecond earns."""
    late = response.status_code == 504 and "X-Request-Timeout-Ms" in (case.headers or {})
    assert late or response.status_code < 500, response.content


@schema.parametrize()
@hypothesis.settings(
    max_examples=1000 if LONG else 15, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
def test_answers_are_as_documented(case: schemathesis.Case[Any], server: Serving) -> None:
    case.call_and_validate(
        base_url=server.url,
        checks=[
            no_mistake,
            openapi_checks.status_code_conformance,
            openapi_checks.content_type_conformance,
            openapi_checks.response_schema_conformance,
        ],
    )
    assert server.process.poll() is None
