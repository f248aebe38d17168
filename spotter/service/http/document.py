"""Completes the OpenAPI document with what FastAPI cannot know, and with what client generators need."""

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
    """The name of the function in generated clients: the route's name."""
    return route.name


def finish(document: Document, keys: bool, open_paths: Collection[str]) -> None:
    """Adds the problem's schema, which the typed errors refer to, and the ways to send a key.

    keys: whether this service needs keys; open_paths: those that never need one. Null is removed from the types of
    query and header parameters, where it cannot be sent: generated clients would send the word "null". It is also
    removed from the types of members that may be absent, as they then are: clients would have two values to check for.
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
