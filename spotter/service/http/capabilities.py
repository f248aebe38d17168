"""Describes what this build reads, accepts and writes with its settings, from the same tables that the code uses."""

from collections.abc import Iterable
from typing import Any

from spotter import __version__
from spotter.reading.kinds import KINDS
from spotter.service.http.negotiation import JSON
from spotter.service.http.parameters import described
from spotter.service.http.schemas import RAW_BODIES, SPOT_ANSWER, SPOT_BODY
from spotter.service.settings import Settings

_LIMITS = (
    "max_bytes",
    "max_pixels",
    "max_side",
    "max_frames",
    "max_pictures",
    "max_pages",
    "max_working_side",
    "timeout",
    "document_timeout",
)


def describe(settings: Settings, compat: dict[str, list[str]], lexicons: Iterable[str]) -> dict[str, Any]:
    """The members of `schemas.Capabilities`. compat: paths of other services, by their names. lexicons: names."""
    json = ["image", *(["url"] if settings.fetch_urls else [])]
    return {
        "version": __version__,
        "reads": [
            {
                "name": kind.label,
                "media_types": kind.media_types,
                "suffixes": kind.suffixes,
                "pages": kind.pages,
                "read": kind.readable,
                "needs": None if kind.readable else kind.needs,
            }
            for kind in KINDS
        ],
        "bodies": [*RAW_BODIES, *SPOT_BODY["content"]],
        "json": json,
        "writes": [JSON, *SPOT_ANSWER["content"]],
        "parameters": described([str(each) for each in settings.references]),
        "lexicons": sorted(lexicons),
        "limits": {name: getattr(settings, name) for name in _LIMITS},
        "compat": compat,
    }
