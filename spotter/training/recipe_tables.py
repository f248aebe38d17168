"""Writes tables of a recipe."""

import json
from collections.abc import Mapping
from typing import Any


def toml_tables(name: str, values: Mapping[str, Any]) -> list[str]:
    """The lines of a TOML table and of the tables below it; strings, numbers, booleans and lists of them are written as
    in JSON."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    lines = [f"[{name}]", *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in plain.items())]
    below = [toml_tables(f"{name}.{key}", value) for key, value in values.items() if isinstance(value, Mapping)]
    return ["\n".join(lines), *(text for each in below for text in each)]
