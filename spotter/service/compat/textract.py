"""Amazon Textract's DetectDocumentText (https://docs.aws.amazon.com/textract/latest/dg/API_DetectDocumentText.html), in
the two protocols that the SDKs use: JSON 1.1 (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html) and, in
newer SDKs, RPC v2 CBOR (https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html)."""

from typing import Any

import orjson
from typing_extensions import TypedDict

from spotter.formats.dialects.textract import TextractAnswer, as_textract
from spotter.formats.forms import Form
from spotter.reading.errors import InvalidParameterError, ProblemError
from spotter.service.compat import cbor
from spotter.service.compat.dialect import BASE64, BINARY, Received, Wanted, Wire, as_form
from spotter.service.errors import PathNotFoundError, UrlNotReadError
from spotter.service.http.middleware import Refusal
from spotter.service.http.uploads import from_base64, load_json

OPERATION = "Textract.DetectDocumentText"
JSON = "application/x-amz-json-1.1"
CBOR = "application/cbor"
_SMITHY = {"smithy-protocol": "rpc-v2-cbor"}
CBOR_PATH = "/service/Textract/operation/DetectDocumentText"

_TYPES = {
    "unauthorized": "AccessDeniedException",
    "not-found": "UnknownOperationException",
    "unsupported-picture": "UnsupportedDocumentException",
    "broken-picture": "BadDocumentException",
    "too-many-bytes": "DocumentTooLargeException",
    "too-many-pixels": "DocumentTooLargeException",
    "url-not-read": "InvalidS3ObjectException",
    "overloaded": "ThrottlingException",
}
"""Textract's exceptions, by the kind of this service's problem. Other problems become the first of the next two where
the client is at fault, and else the second."""
_INVALID, _INTERNAL = "InvalidParameterException", "InternalServerError"


TextractError = TypedDict("TextractError", {"__type": str, "Message": str})
"""__type: one of the operation's errors."""


def understand_json(received: Received) -> Wanted:
    """A body `{"Document": {"Bytes": "<base64>"}}` whose X-Amz-Target names the operation."""
    target = received.headers.get("x-amz-target")
    if target != OPERATION:
        raise PathNotFoundError(f"the header X-Amz-Target must be {OPERATION}: no other operation is there")
    data = _data(load_json(received.body))
    if not isinstance(data, str):
        raise InvalidParameterError("Document.Bytes: it must be base64")
    form = as_form(lambda pages, pictures: as_textract(pages), media_type=JSON)
    return Wanted([from_base64("Document.Bytes", data)], lambda threshold: form)


def understand_cbor(received: Received) -> Wanted:
    """As `understand_json`, from a CBOR map."""
    members = cbor.loads(received.body)
    data = _data(members)
    if not isinstance(data, bytes):
        raise InvalidParameterError("Document.Bytes: it must be a byte string")
    form = Form((CBOR,), ".cbor", False, None, lambda pages, pictures: cbor.dumps(as_textract(pages)))
    return Wanted([data], lambda threshold: form)


def refuse_json(problem: ProblemError, request_id: str) -> Refusal:
    """`{"__type": "InvalidParameterException", "Message": "..."}`, with the status 400 where the client is at fault."""
    return _refusal(problem, request_id, JSON, orjson.dumps({"__type": _type(problem), "Message": problem.detail}))


def refuse_cbor(problem: ProblemError, request_id: str) -> Refusal:
    """As `refuse_json`, as a CBOR map."""
    name = f"com.amazonaws.textract#{_type(problem)}"
    return _refusal(problem, request_id, CBOR, cbor.dumps({"__type": name, "message": problem.detail}))


def _data(members: Any) -> Any:
    document = members.get("Document") if isinstance(members, dict) else None
    if not isinstance(document, dict):
        raise InvalidParameterError("Document: it must be there, with Bytes")
    if "S3Object" in document:
        raise UrlNotReadError("documents are not read from S3 here; send their Bytes")
    return document.get("Bytes")


def _type(problem: ProblemError) -> str:
    return _TYPES.get(problem.kind, _INVALID if problem.fault == "client" else _INTERNAL)


def _refusal(problem: ProblemError, request_id: str, media_type: str, body: bytes) -> Refusal:
    status = 400 if problem.fault == "client" else problem.status
    headers = {**problem.all_headers(), **(_SMITHY if media_type == CBOR else {}), "x-amzn-requestid": request_id}
    return Refusal(status, media_type, body, headers)


_DOCUMENTATION = "https://docs.aws.amazon.com/textract/latest/dg/API_DetectDocumentText.html"
_REQUEST = {
    "type": "object",
    "required": ["Document"],
    "properties": {"Document": {"type": "object", "properties": {"Bytes": BASE64}}},
}
WIRE_JSON = Wire(
    False,
    understand_json,
    refuse_json,
    {JSON: {"schema": _REQUEST}},
    TextractAnswer,
    TextractError,
    _DOCUMENTATION,
    JSON,
)
WIRE_CBOR = Wire(
    False,
    understand_cbor,
    refuse_cbor,
    {CBOR: {"schema": BINARY}},
    None,
    None,
    _DOCUMENTATION,
    CBOR,
    _SMITHY,
)
