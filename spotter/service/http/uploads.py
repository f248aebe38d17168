"""Uploads: bytes counted while they arrive, raw bodies, multipart parts, and a picture or its address in
JSON."""

import base64
import binascii
import difflib
from dataclasses import dataclass
from typing import Self

import orjson
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from spotter.service.errors import BadRequestError, InvalidParameterError, TooManyBytesError
from spotter.service.upload_budget import UploadBudget

NAMES = (b"images", b"image", b"file")
"""Names of parts that are taken for pictures without a file name."""
FILES = (b"image/", b"application/octet-stream", b"application/pdf")
"""Content types of parts that are taken for pictures."""
_JSON = b"{ \t\r\n"
"""First bytes of JSON; no picture begins with them."""
_MEMBERS = ("image", "url")


class Upload:
    """The bytes of one request, held until the `with` ends."""

    def __init__(self, budget: UploadBudget, limit: int) -> None:
        self._budget = budget
        self._limit = limit
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.give(self._held)

    def announce(self, content_length: str | None) -> None:
        """Checks the announced length. Raises TooManyBytesError."""
        if content_length is not None and content_length.isdecimal() and len(content_length) < 20:
            self._within(int(content_length))
        elif content_length is not None:
            raise BadRequestError("Content-Length is not a number")

    def count(self, chunk: bytes) -> None:
        """Counts the next bytes. Raises TooManyBytesError or OverloadedError."""
        self._within(self._held + len(chunk))
        self._budget.take(len(chunk))
        self._held += len(chunk)

    def _within(self, count: int) -> None:
        if count > self._limit:
            raise TooManyBytesError(f"the upload has more than {self._limit} bytes")


class RawBody:
    """One picture, the body itself."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes of the body."""
        if chunk:
            self._chunks.append(chunk)

    def close(self) -> list[bytes]:
        """The picture; a single chunk is not copied."""
        return [b"".join(self._chunks)]


class MultipartBody:
    """Pictures in the parts of a multipart/form-data body (RFC 7578) that hold files, whatever their names."""

    def __init__(self, boundary: bytes, max_pictures: int) -> None:
        self._max_pictures = max_pictures
        self._pictures: list[bytearray] = []
        self._name, self._value, self._disposition, self._type = bytearray(), bytearray(), b"", b""
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part,
                    "on_part_data": lambda data, start, end: self._pictures[-1].extend(data[start:end]),
                    "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                    "on_header_end": self._header,
                    "on_headers_finished": self._headers,
                    "on_end": self._end,
                },
                max_header_count=8,
                max_header_size=4096,
            )
        except (FormParserError, ValueError) as error:
            raise BadRequestError(f"the multipart boundary cannot be used: {error}") from None

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes of the body. Raises BadRequestError."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadRequestError(f"the multipart body is malformed: {error}") from None

    def close(self) -> list[bytes]:
        """The pictures, in order. Raises BadRequestError for a body that is truncated or holds none."""
        if not self._ended:
            raise BadRequestError("the multipart body ends before its last boundary")
        if not self._pictures:
            raise BadRequestError("the multipart body has no part")
        return [bytes(picture) for picture in self._pictures]

    def _part(self) -> None:
        if len(self._pictures) >= self._max_pictures:
            raise TooManyBytesError(f"more than {self._max_pictures} pictures in one request")
        self._pictures.append(bytearray())
        self._disposition = self._type = b""

    def _header(self) -> None:
        match bytes(self._name).lower():
            case b"content-disposition":
                self._disposition = bytes(self._value)
            case b"content-type":
                self._type = bytes(self._value).lower()
        self._name.clear()
        self._value.clear()

    def _headers(self) -> None:
        kind, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"")
        file = any(option.startswith(b"filename") for option in options) or self._type.startswith(FILES)
        if kind != b"form-data" or not (file or name in NAMES):
            shown = name[:64].decode("utf-8", "replace")
            raise BadRequestError(f"the part {shown!r} holds no file; parameters go into the query, as ?min_score=0.5")

    def _end(self) -> None:
        self._ended = True


def body_for(content_type: str | None, max_pictures: int) -> RawBody | MultipartBody:
    """The parser for a body of this Content-Type; for any other than multipart the content decides. Raises
    BadRequestError."""
    if content_type is None or not content_type.lstrip()[:10].lower().startswith("multipart/"):
        return RawBody()
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise BadRequestError("the Content-Type must be multipart/form-data, and name its boundary")
    return MultipartBody(boundary, max_pictures)


@dataclass(frozen=True)
class Address:
    """The URL of a picture that is to be fetched."""

    url: str


def begins_as_json(body: bytes) -> bool:
    """Whether a body is JSON for `open_json`."""
    return body[:1] in _JSON and body.lstrip(_JSON[1:])[:1] == b"{" if body else False


def open_json(body: bytes) -> bytes | Address:
    """The picture in `{"image": "<base64>"}`, which may be a `data:` URL, or the URL in `{"url": "..."}`.

    Raises BadRequestError or InvalidParameterError.
    """
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"the body begins as JSON does, and is none: {str(error)[:100]}") from None
    for name in members:
        if name not in _MEMBERS:
            (nearest,) = difflib.get_close_matches(name[:64], _MEMBERS, 1, 0.0)
            raise InvalidParameterError(f"the JSON has a member {name[:64]!r}; the nearest known one is {nearest!r}")
    if len(members) != 1:
        raise InvalidParameterError("the JSON must have one member, image or url")
    ((name, value),) = members.items()
    if not isinstance(value, str):
        raise InvalidParameterError(f"{name}: it must be a string")
    if name == "url":
        return Address(value)
    return _from_base64(value)


def _from_base64(text: str) -> bytes:
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidParameterError("image: only data: addresses in base64 are read")
    try:
        packed = text.encode("ascii").translate(bytes.maketrans(b"-_", b"+/"), b" \t\r\n=")
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidParameterError("image: it is not base64") from None
