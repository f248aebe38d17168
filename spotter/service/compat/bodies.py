"""Forms: files and fields, of multipart/form-data or application/x-www-form-urlencoded."""

import urllib.parse

from spotter.service.errors import BadRequestError, TooManyBytesError
from spotter.service.http.uploads import Part, Parts, RawBody, boundary_of, is_multipart

FIELDS = 32
"""The most fields of a form, in addition to its files."""
_URL_ENCODED = "application/x-www-form-urlencoded"


class FormBody(Parts):
    """Files and fields of a multipart body."""

    def __init__(self, boundary: bytes, max_files: int) -> None:
        """Raises BadRequestError."""
        super().__init__(boundary, max_files + FIELDS)
        self._max_files = max_files
        self._files = 0

    def close(self) -> list[Part]:
        """The parts, in order. Raises BadRequestError for a body that is cut short or has none."""
        return self.end()

    def check(self, part: Part) -> None:
        """Counts the files."""
        self._files += part.filename is not None
        if self._files > self._max_files:
            raise TooManyBytesError(f"more than {self._max_files} pictures in one request")


def form_body(content_type: str | None, max_files: int) -> FormBody | RawBody:
    """The parser for a form of this Content-Type; a form of fields only is then parsed by `url_encoded`. Raises
    BadRequestError."""
    kind = content_type or ""
    if is_multipart(kind):
        return FormBody(boundary_of(kind), max_files)
    if kind.partition(";")[0].strip().lower() != _URL_ENCODED:
        raise BadRequestError(f"the Content-Type must be multipart/form-data or {_URL_ENCODED}")
    return RawBody()


def url_encoded(body: bytes) -> list[Part]:
    """The fields of an application/x-www-form-urlencoded body. Raises BadRequestError."""
    try:
        pairs = urllib.parse.parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError as error:
        raise BadRequestError(f"the form cannot be understood: {error}") from None
    return [Part(name.decode("utf-8", "replace"), None, bytearray(value)) for name, value in pairs]
