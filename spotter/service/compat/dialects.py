"""The table of dialects. Their paths, their part of the OpenAPI document and of `/v1/capabilities`, and the table in
docs/compat.md are made from it."""

import os
from collections.abc import Iterable, Mapping

from spotter.formats.dialects.names import DialectName
from spotter.service.compat import doctr, liteparse, paddlex, rapidocr, tesseract, textract
from spotter.service.compat.dialect import PREFIX, Dialect
from spotter.service.http.middleware import Refuse

_CBOR = textract.CBOR_PATH

# fmt: off
DIALECTS: tuple[Dialect, ...] = (
    Dialect("tesseract", "/tesseract", "form: `file`; `options`, JSON", "text, TSV, hOCR or ALTO", tesseract.WIRE),
    Dialect("doctr", "/ocr", "form: `files`, pictures or one PDF", "a page each: blocks, lines, words", doctr.WIRE),
    Dialect("paddlex", "/ocr", "JSON: `file`, base64 or an address", "`result.ocrResults`, a page each", paddlex.WIRE),
    Dialect("rapidocr", "/ocr", "form: `image_file` or `image_data`", "lines by their number", rapidocr.WIRE),
    Dialect("textract", "", "JSON 1.1: `Document.Bytes`, base64", "`Blocks`: PAGE, LINE, WORD", textract.WIRE_JSON),
    Dialect("textract", _CBOR, "CBOR: `Document.Bytes`", "the same in CBOR", textract.WIRE_CBOR),
    Dialect("liteparse", "/ocr", "form: `file`, `language`", "`results`: lines", liteparse.WIRE),
)
# fmt: on


def chosen(names: Iterable[DialectName]) -> tuple[Dialect, ...]:
    """The dialects with these names, in the table's order."""
    wanted = frozenset(names)
    return tuple(dialect for dialect in DIALECTS if dialect.name in wanted)


def by_path(dialects: Iterable[Dialect]) -> Mapping[str, Dialect]:
    """Dialects by their paths, with and without a slash at the end, which some clients add."""
    return {path: dialect for dialect in dialects for path in (dialect.address, f"{dialect.address}/")}


def refusal_of(dialects: Iterable[Dialect], path: str) -> Refuse | None:
    """The function by which problems of a path are answered in the form of the dialect that it belongs to, even where
    the path does not exist: the one of the dialect's most similar path. None for other paths."""
    own = [dialect for dialect in dialects if f"{path}/".startswith(f"{PREFIX}/{dialect.name}/")]
    alike = max(own, key=lambda dialect: len(os.path.commonpath([dialect.address, path])), default=None)
    return None if alike is None else alike.wire.refuse


def paths(dialects: Iterable[Dialect]) -> dict[str, list[str]]:
    """Their paths, by name."""
    found: dict[str, list[str]] = {}
    for dialect in dialects:
        found.setdefault(dialect.name, []).append(dialect.address)
    return found
