"""What programs need of the OpenAPI document that generate clients from it. openapi-python-client,
@hey-api/openapi-ts and openapi-typescript were found to stumble over what these tests forbid."""

import re
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any, get_args

import pytest

from spotter.formats.dialects.names import DialectName
from spotter.service.app import create_app
from spotter.service.http.schemas import SpotAnswer
from spotter.service.keys import OPEN
from spotter.service.settings import Settings

BODIES = {"application/octet-stream", "multipart/form-data", "application/json"}


def described(**settings: Any) -> dict[str, Any]:
    return create_app(Settings(**settings)).openapi()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """With every path that there may be."""
    return described(compat=get_args(DialectName))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_functions_get_short_names_of_their_own(document: dict[str, Any]) -> None:
    names = {path: operation["operationId"] for path, operation in operations(document)}
    assert len(set(names.values())) == len(names)
    ours = {path: name for path, name in names.items() if not path.startswith("/compat")}
    assert ours == {
        "/spot": "spot",
        "/health/live": "live",
        "/health/ready": "ready",
        "/metrics": "metrics",
        "/v1/model": "model",
        "/v1/models": "models",
        "/v1/capabilities": "capabilities",
        "/v1/capacity": "capacity",
        "/v1/page": "page_picture",
    }
    assert all(re.fullmatch(r"[a-z]\w*", name) for name in names.values())
    assert all(operation["tags"] for _, operation in operations(document))


def test_every_operation_says_what_it_answers(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        assert set(operation["responses"]) > {"200"} or path == "/metrics"
        for status, response in operation["responses"].items():
            schemas = {kind: content["schema"] for kind, content in response["content"].items()}
            assert all(schemas.values()), (path, status)
            if status != "200" and not path.startswith("/compat"):
                assert schemas == {"application/problem+json": {"$ref": "#/components/schemas/Problem"}}, (path, status)


def test_members_that_may_be_absent_are_never_null(document: dict[str, Any]) -> None:
    optional = {
        (kind, name): member
        for kind, schema in document["components"]["schemas"].items()
        for name, member in schema.get("properties", {}).items()
        if name not in schema.get("required", ())
    }
    assert optional["Problem", "retry_after"]["type"] == "integer"
    assert optional["WordAnswer", "characters"]["items"] == {"$ref": "#/components/schemas/CharacterAnswer"}
    assert not [place for place, member in optional.items() if {"type": "null"} in member.get("anyOf", ())]


def test_everything_that_is_referred_to_is_there(document: dict[str, Any]) -> None:
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= schemas


def test_parameters_have_one_type_and_no_null(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert "anyOf" not in parameter["schema"], (path, parameter["name"])
            assert parameter["schema"]["type"] != "null"
    (side,) = [each for each in document["paths"]["/spot"]["post"]["parameters"] if each["name"] == "max_side"]
    assert (side["schema"]["type"], side["schema"]["minimum"], side["required"]) == ("integer", 64, False)


@pytest.mark.parametrize("path", ["/spot", "/v1/page"])
def test_a_file_is_sent_by_a_type_that_generators_know(document: dict[str, Any], path: str) -> None:
    body = document["paths"][path]["post"]["requestBody"]
    assert body["required"]
    assert set(body["content"]) == BODIES
    assert body["content"]["application/octet-stream"]["schema"] == {"type": "string", "format": "binary"}
    assert "any Content-Type" in body["description"]
    assert body["content"]["multipart/form-data"]["schema"]["required"] == ["images"]
    kinds = body["content"]["application/json"]["schema"]["oneOf"]
    assert [kind["required"] for kind in kinds] == [["image"], ["url"]]
    assert all(list(kind["properties"]) == kind["required"] and not kind["additionalProperties"] for kind in kinds)


def test_json_comes_first_among_the_answers(document: dict[str, Any]) -> None:
    content = document["paths"]["/spot"]["post"]["responses"]["200"]["content"]
    assert next(iter(content)) == "application/json"
    required = document["components"]["schemas"][SpotAnswer.__name__]["required"]
    assert {"model", "image", "words", "reading", "warnings"} == set(required)


def test_kinds_of_answer_are_told_apart_by_what_they_must_have(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    answers = document["paths"]["/spot"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    pages, results = schemas["DocumentAnswer"]["properties"]["pages"], schemas["SpotAnswers"]["properties"]["results"]
    for union in (answers, pages["items"], results["items"]):
        kinds = [each["$ref"].rpartition("/")[2] for each in union["anyOf"]]
        for kind, other in permutations(kinds, 2):
            assert set(schemas[kind]["required"]) - set(schemas[other]["properties"]), (kind, other)


def test_what_is_no_answer_cannot_be_taken_for_one(document: dict[str, Any]) -> None:
    for kind in ("Problem", "PageProblem"):  # open ones have every member, as types of TypeScript see it
        assert not document["components"]["schemas"][kind].get("additionalProperties")


def test_the_ways_to_send_a_key_are_told_and_needed_only_where_one_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a-key-of-the-tests-0001")
    with_keys, without = described(api_keys_file=tmp_path / "keys"), described()
    for document in (with_keys, without):
        schemes = document["components"]["securitySchemes"]
        assert {name for each in document["security"] for name in each} == set(schemes)
        for path, operation in operations(document):
            assert operation.get("security") == ([] if path in OPEN else None)
    assert {} in without["security"]
    assert {} not in with_keys["security"]


def test_the_document_is_made_once() -> None:
    app = create_app(Settings())
    assert app.openapi() is app.openapi()
