"""Uploads: bytes counted while they arrive, raw bodies and multipart parts alike."""

from typing import Self

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from spotter.reading.errors import UnsupportedPictureError
from spotter.service.errors import BadRequestError, TooManyBytesError
from spotter.service.upload_budget import UploadBudget

PART = b"images"


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
        """Refuses at once what says that it will be too large. Raises TooManyBytesError."""
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
        """The one picture; of a single chunk no copy."""
        return [b"".join(self._chunks)]


class MultipartBody:
    """Pictures in parts named `images` of a multipart/form-data body (RFC 7578)."""

    def __init__(self, boundary: bytes, max_pictures: int) -> None:
        self._max_pictures = max_pictures
        self._pictures: list[bytearray] = []
        self._name, self._value, self._disposition = bytearray(), bytearray(), b""
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
        """The pictures, in order. Raises BadRequestError for a body that is cut short or holds none."""
        if not self._ended:
            raise BadRequestError("the multipart body ends before its last boundary")
        if not self._pictures:
            raise BadRequestError("the multipart body has no part named images")
        return [bytes(picture) for picture in self._pictures]

    def _part(self) -> None:
        if len(self._pictures) >= self._max_pictures:
            raise TooManyBytesError(f"more than {self._max_pictures} pictures in one request")
        self._pictures.append(bytearray())
        self._disposition = b""

    def _header(self) -> None:
        if bytes(self._name).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _headers(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or options.get(b"name") != PART:
            raise BadRequestError("each part must be form-data named images")

    def _end(self) -> None:
        self._ended = True


def body_for(content_type: str | None, max_pictures: int) -> RawBody | MultipartBody:
    """The way to read a body of this Content-Type. Raises UnsupportedPictureError or BadRequestError."""
    kind, options = parse_options_header(content_type or "application/octet-stream")
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary")
        if not boundary:
            raise BadRequestError("the multipart Content-Type names no boundary")
        return MultipartBody(boundary, max_pictures)
    if kind.startswith(b"image/") or kind == b"application/octet-stream":
        return RawBody()
    raise UnsupportedPictureError("the Content-Type must be image/*, application/octet-stream or multipart/form-data")
