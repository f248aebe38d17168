"""Finishes the OpenAPI document: what FastAPI cannot know, and what programs need that generate clients from it."""

from collections.abc import Collection
from typing import Any

from fastapi.routing import APIRoute

from spotter.service.http.schemas import Problem

Document = dict[str, Any]

SECURITY_SCHEMES: Document = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of SPOTTER_API_KEYS_FILE."},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The same, for other clients."},
}


def operation_id(route: APIRoute) -> str:
    """By which generated clients name their functions: the route's name."""
    return route.name


def finish(document: Document, keys: bool, open_paths: Collection[str]) -> None:
    """Adds the problem's schema, which the typed errors refer to, and the ways to send a key.

    keys: whether keys are asked for here; open_paths: those that never ask for one. Query and header parameters lose
    their null, which neither can have: generated clients would send the word. So do members that may be absent, which
    then are: clients would have two values to look for.
    """
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.setdefault("Problem", Problem.model_json_schema())
    for schema in schemas.values():
        members = schema.get("properties", {})
        for name in members.keys() - schema.get("required", ()):
            members[name] = _without_null(members[name])
    components["securitySchemes"] = SECURITY_SCHEMES
    asked: list[Document] = [{"bearer": []}, {"api_key": []}]
    document["security"] = asked if keys else [{}, *asked]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path in open_paths:
                operation["security"] = []
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _without_null(parameter["schema"])


def _without_null(schema: Document) -> Document:
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return {**kinds[0], **{name: value for name, value in schema.items() if name != "anyOf"}}
