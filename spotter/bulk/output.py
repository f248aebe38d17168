"""Encodes a part's output: JSON lines or Parquet, and dead letters for what could not be read."""

import io
import json
from collections.abc import Sequence
from typing import Any

SUFFIXES = {"jsonl": ".jsonl", "parquet": ".parquet"}
DEAD = "dead-"

Record = dict[str, Any]


def as_unicode(text: str) -> str:
    """The text with a backslash escape for each byte that is not UTF-8, as file names may contain."""
    return text.encode(errors="backslashreplace").decode()


def as_json_lines(records: Sequence[Record]) -> bytes:
    """The records as JSON lines."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def as_parquet(records: Sequence[Record]) -> bytes:
    """The records as a Parquet file; without records the file has the same columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    scores = [(name, pa.float64()) for name in ("score", "detection_score", "reading_score", "direction")]
    numbers = [*scores, ("line", pa.int64()), ("block", pa.int64())]
    texts = [("text", pa.string()), ("script", pa.string())]  # a script is null unless it is unknown
    word = pa.struct([("polygon", pa.list_(pa.list_(pa.float64()))), *texts, *numbers])
    columns = [("input", pa.string()), ("page", pa.int64()), ("width", pa.int64()), ("height", pa.int64())]
    schema = pa.schema([*columns, ("text", pa.string()), ("words", pa.list_(word))])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(records), schema), buffer)
    return buffer.getvalue()


def encoded(records: Sequence[Record], form: str) -> bytes:
    """The records in a format of `SUFFIXES`."""
    return as_parquet(records) if form == "parquet" else as_json_lines(records)
