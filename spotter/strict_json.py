"""Parses dataclasses from JSON with pydantic, strictly: no field may be unknown, missing without a default, or of
another type."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")
_WORDS = {"missing": "missing", "unexpected_keyword_argument": "unknown"}


def read(kind: type[T], text: str | bytes, where: str = "") -> T:
    """An instance of the dataclass `kind`, including nested dataclasses.

    Raises ValueError for the first mistake; the message says where it is, below `where`, and what is wrong. ValueErrors
    of a dataclass's own `__post_init__` are reported in the same way, other errors are raised unchanged.
    """
    try:
        return TypeAdapter(kind).validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (where, *first["loc"]) if where else first["loc"]))
        reason = _WORDS.get(first["type"], first["msg"].removeprefix("Value error, ").removeprefix("Input "))
        raise ValueError(f"{place}: {reason}" if place else reason) from None
