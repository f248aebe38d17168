"""Uploads: counts bytes while they arrive, and parses raw bodies, multipart bodies, and a picture or its URL in JSON.

Multipart bodies are parsed by python-multipart. Starlette's forms, which also use it, are not suitable: they limit the
bytes of fields but not of files, and write files of more than 1 MB to the disk.
"""

import base64
import binascii
import difflib
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from spotter.reading.errors import InvalidParameterError
from spotter.service.errors import BadRequestError, TooManyBytesError
from spotter.service.upload_budget import UploadBudget

NAMES = ("images", "image", "file")
"""Names of parts that are taken for pictures even where nothing else says that they hold a file."""
NAME = 64
"""The most bytes of a part's name that are used."""
FILENAME = 255
"""The most bytes of a file's name that are used."""
FILES = (b"image/", b"application/octet-stream", b"application/pdf")
"""Content types of parts that are taken for pictures."""
_JSON = b"{ \t\r\n"
"""First bytes of JSON; no picture begins with them."""
_MEMBERS = ("image", "url")
_STRUCTURE = b"{[,"
MANY = 1000
"""The most bytes that may begin a member or an element of JSON: more than any request of this interface or of the
dialects needs, and few enough that the parsed values take little memory. Base64 contains none of these bytes."""


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
    """A body that is one picture."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes of the body."""
        if chunk:
            self._chunks.append(chunk)

    def close(self) -> list[bytes]:
        """The picture; a single chunk is not copied."""
        return [b"".join(self._chunks)]


@dataclass
class Part:
    """A part of a multipart body. filename: None where the part holds no file."""

    name: str = ""
    filename: str | None = None
    data: bytearray = field(default_factory=bytearray)


class Parts:
    """The parts of a multipart/form-data body (RFC 7578)."""

    what = "parts"

    def __init__(self, boundary: bytes, most: int) -> None:
        """most: the largest number of parts. Raises BadRequestError."""
        self._most = most
        self._parts: list[Part] = []
        self._name, self._value, self._disposition, self._type = bytearray(), bytearray(), b"", b""
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_part_data": lambda data, start, end: self._parts[-1].data.extend(data[start:end]),
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

    def end(self) -> list[Part]:
        """The parts, in order. Raises BadRequestError for a body that is cut short or has none."""
        if not self._ended:
            raise BadRequestError("the multipart body ends before its last boundary")
        if not self._parts:
            raise BadRequestError("the multipart body has no part")
        return self._parts

    def check(self, part: Part) -> None:
        """Raises a problem for a part that is not allowed; called when the part's headers have arrived."""

    def _begin(self) -> None:
        if len(self._parts) >= self._most:
            raise TooManyBytesError(f"more than {self._most} {self.what} in one request")
        self._parts.append(Part())
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
        part = self._parts[-1]
        part.name = options.get(b"name", b"")[:NAME].decode("utf-8", "replace")
        if any(option.startswith(b"filename") for option in options) or self._type.startswith(FILES):
            part.filename = options.get(b"filename", b"")[:FILENAME].decode("utf-8", "replace")
        if kind != b"form-data":
            raise BadRequestError(f"the part {part.name!r} is no form-data")
        self.check(part)

    def _end(self) -> None:
        self._ended = True


class MultipartBody(Parts):
    """A multipart body whose parts with files are pictures, whatever their names."""

    what = "pictures"

    def close(self) -> list[bytes]:
        """The pictures, in order. Raises BadRequestError for a body that is cut short or holds none."""
        return [bytes(part.data) for part in self.end()]

    def check(self, part: Part) -> None:
        """Rejects parts that hold no file."""
        if part.filename is None and part.name not in NAMES:
            raise BadRequestError(
                f"the part {part.name!r} holds no file; parameters go into the query, as ?min_score=0.5"
            )


def body_for(content_type: str | None, max_pictures: int) -> RawBody | MultipartBody:
    """The parser for a body of this Content-Type; for any other than multipart the content decides. Raises
    BadRequestError."""
    if content_type is None or not is_multipart(content_type):
        return RawBody()
    return MultipartBody(boundary_of(content_type), max_pictures)


def is_multipart(content_type: str) -> bool:
    """Whether a Content-Type is multipart."""
    return content_type.lstrip()[:10].lower().startswith("multipart/")


def boundary_of(content_type: str) -> bytes:
    """The boundary of a multipart body. Raises BadRequestError."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise BadRequestError("the Content-Type must be multipart/form-data, and name its boundary")
    return boundary


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
    members = load_json(body)
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
    return from_base64(name, value)


def load_json(body: bytes) -> dict[str, Any]:
    """The members of a JSON body. Raises BadRequestError where it is no JSON, no object, or has very many parts."""
    if sum(body.count(byte) for byte in _STRUCTURE) > MANY:
        raise BadRequestError(f"the JSON has more than {MANY} members and elements")
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"the body is no JSON: {str(error)[:100]}") from None
    if not isinstance(members, dict):
        raise BadRequestError("the JSON is no object")
    return members


def from_base64(name: str, text: str) -> bytes:
    """Decodes the base64 text, or `data:` URL, of the member `name`. Raises InvalidParameterError."""
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidParameterError(f"{name}: only data: addresses in base64 are read")
    try:
        packed = text.encode("ascii").translate(bytes.maketrans(b"-_", b"+/"), b" \t\r\n=")
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidParameterError(f"{name}: it is not base64") from None
