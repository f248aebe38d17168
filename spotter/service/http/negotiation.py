"""Chooses the format of an answer, by `?format=` or the Accept header (RFC 9110, 12.5.1)."""

from typing import Literal

from spotter.formats.forms import FORMS, FormName

JSON = "application/json"
LINES = "application/x-ndjson"
FormatName = Literal["json", FormName]
Accepted = Literal["lines", FormatName]
"""`lines`: JSON lines."""

_MEDIA_TYPES: dict[str, Accepted] = {
    JSON: "json",
    LINES: "lines",
    **{media_type: name for name, form in FORMS.items() for media_type in form.media_types},
}
_INDIFFERENT = (b"*/*", JSON.encode())


def is_indifferent(accept: bytes) -> bool:
    """Whether an Accept header certainly allows JSON as the answer."""
    return accept in _INDIFFERENT


def accepted(accept: str) -> Accepted:
    """The format that an Accept header prefers: of the supported ones that it names, the one with the greatest q, the
    first of equal ones; JSON where it names none."""
    best, found = 0.0, _MEDIA_TYPES[JSON]
    for part in accept.split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        name = _MEDIA_TYPES.get(media_type, "json" if media_type in ("*/*", "application/*") else None)
        if name is not None and quality > best:
            best, found = quality, name
    return found


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
