"""The part of CBOR (https://www.rfc-editor.org/rfc/rfc8949) that Textract's requests and answers use: maps with text
keys, lists, text, bytes, numbers, true, false and null.

Requests are not trusted. A parser written for this purpose can limit the number of items that it makes of a few bytes,
and does not support the tags (big numbers, dates, expressions) that a library would decode.
"""

import struct
from typing import Any

from spotter.service.errors import BadRequestError

ITEMS = 1000
"""The most items of a document."""
DEPTH = 16
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP, _TAG, _SIMPLE = range(8)
_SIMPLES: dict[int, Any] = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_LENGTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_INDEFINITE = 31
_BREAK = 0xFF


def loads(data: bytes) -> Any:
    """Decodes one item. Raises BadRequestError."""
    reader = _Reader(data)
    try:
        item = reader.item(0)
    except (IndexError, struct.error):
        raise BadRequestError("the CBOR is cut short") from None
    except UnicodeDecodeError:
        raise BadRequestError("a text of the CBOR is not UTF-8") from None
    if reader.place != len(data):
        raise BadRequestError("the CBOR is followed by something else")
    return item


def dumps(item: Any) -> bytes:
    """Encodes a value that JSON can represent. Floats take 64 bits."""
    parts: list[bytes] = []
    _write(item, parts)
    return b"".join(parts)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.place = 0
        self._data = data
        self._items = 0

    def item(self, depth: int) -> Any:
        self._items += 1
        if self._items > ITEMS or depth > DEPTH:
            raise BadRequestError(f"the CBOR has more than {ITEMS} items or {DEPTH} levels")
        kind, argument = divmod(self._byte(), 32)
        if kind == _SIMPLE:
            return self._simple(argument)
        if kind == _TAG:
            raise BadRequestError("the CBOR has a tag, of which none is known here")
        if argument == _INDEFINITE:
            return self._indefinite(kind, depth)
        size = self._argument(argument)
        if kind == _MAP:
            return dict(self._pair(depth) for _ in range(size))
        if kind == _LIST:
            return [self.item(depth + 1) for _ in range(size)]
        if kind in (_UNSIGNED, _NEGATIVE):
            return size if kind == _UNSIGNED else -1 - size
        return self._take(size) if kind == _BYTES else self._take(size).decode()

    def _pair(self, depth: int) -> tuple[str, Any]:
        key = self.item(depth + 1)
        if not isinstance(key, str):
            raise BadRequestError("a key of the CBOR is no text")
        return key, self.item(depth + 1)

    def _indefinite(self, kind: int, depth: int) -> Any:
        parts: list[Any] = []
        while self._data[self.place] != _BREAK:
            parts.append(self._pair(depth) if kind == _MAP else self.item(depth + 1))
        self.place += 1
        if kind == _MAP:
            return dict(parts)
        if kind == _LIST:
            return parts
        if kind == _BYTES and all(isinstance(part, bytes) for part in parts):
            return b"".join(parts)
        if kind == _TEXT and all(isinstance(part, str) for part in parts):
            return "".join(parts)
        raise BadRequestError("the CBOR has an item that cannot be")

    def _simple(self, argument: int) -> Any:
        if argument in _FLOATS:
            return struct.unpack(_FLOATS[argument], self._take(_LENGTHS[argument]))[0]
        if argument not in _SIMPLES:
            raise BadRequestError("the CBOR has a simple value that is not known here")
        return _SIMPLES[argument]

    def _argument(self, argument: int) -> int:
        if argument < 24:
            return argument
        if argument not in _LENGTHS:
            raise BadRequestError("the CBOR has an item that cannot be")
        return int.from_bytes(self._take(_LENGTHS[argument]), "big")

    def _byte(self) -> int:
        value = self._data[self.place]
        self.place += 1
        return value

    def _take(self, count: int) -> bytes:
        found = self._data[self.place : self.place + count]
        if len(found) != count:
            raise IndexError
        self.place += count
        return found


def _write(item: Any, parts: list[bytes]) -> None:
    match item:
        case bool() | None:
            parts.append(bytes([0xE0 + next(code for code, value in _SIMPLES.items() if value is item)]))
        case float():
            parts.append(struct.pack(">Bd", 0xFB, item))
        case int():
            parts.append(_head(_UNSIGNED, item) if item >= 0 else _head(_NEGATIVE, -1 - item))
        case str():
            text = item.encode()
            parts += _head(_TEXT, len(text)), text
        case bytes():
            parts += _head(_BYTES, len(item)), item
        case dict():
            parts.append(_head(_MAP, len(item)))
            for key, value in item.items():
                _write(key, parts)
                _write(value, parts)
        case _:
            parts.append(_head(_LIST, len(item)))
            for each in item:
                _write(each, parts)


def _head(kind: int, size: int) -> bytes:
    if size < 24:
        return bytes([kind * 32 + size])
    code, form = next((code, form) for code, form, bits in _SIZES if size < 1 << bits)
    return struct.pack(form, kind * 32 + code, size)


_SIZES = ((24, ">BB", 8), (25, ">BH", 16), (26, ">BI", 32), (27, ">BQ", 64))
