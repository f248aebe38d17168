"""The options of reading a picture."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypedDict

Region = tuple[int, int, int, int]
"""(x, y, width, height), pixels of the picture after its EXIF rotation."""
Query = list[tuple[str, str | int | float | bool | None]]
"""Query parameters in the form that httpx accepts."""


class Options(TypedDict, total=False):
    """The parameters of `POST /spot`; docs/service.md explains each.

    model: NAME or NAME@ALIAS. pages: of a PDF or TIFF, from 1: numbers, or a text such as `1-3,7`. detail: `blocks`
    unless given, which `to_text` and tables need. lexicon: words, or `@NAME` for one of the service's lists.
    """

    model: str
    min_score: float
    detail: Literal["words", "lines", "blocks", "characters"]
    charset: str
    pattern: str
    lexicon: str | Sequence[str]
    language_model: Literal["off"]
    max_side: int
    region: Region
    ignore: Sequence[Region]
    min_height: float
    pages: str | Iterable[int]
    pdf: Literal["auto", "ocr", "text"]


def query(options: Options) -> Query:
    """The query parameters. The values are validated by the service."""
    found: Query = []
    for name, value in options.items():
        if value is None:
            continue
        if name == "ignore":
            assert isinstance(value, Sequence)
            found += [(name, _rectangle(each)) for each in value]
        elif name == "region":
            found.append((name, _rectangle(value)))
        elif name in ("pages", "lexicon") and not isinstance(value, str):
            assert isinstance(value, Iterable)
            found.append((name, ",".join(map(str, value))))
        else:
            found.append((name, str(value)))
    return found


def _rectangle(value: object) -> str:
    assert isinstance(value, Sequence)
    return ",".join(map(str, value))
