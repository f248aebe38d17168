"""Requests in the dialects, as their public documentation shows them."""

import base64
from typing import Any, NamedTuple

from spotter.service.compat import cbor

ALL = "tesseract,doctr,paddlex,rapidocr,textract,liteparse"
TARGET = {"X-Amz-Target": "Textract.DetectDocumentText", "Content-Type": "application/x-amz-json-1.1"}
CBOR = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}


class Request(NamedTuple):
    """path: of a POST. how: httpx's arguments."""

    path: str
    how: dict[str, Any]


def text(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


def requests(data: bytes) -> dict[str, Request]:
    """One for each way in, with this file."""
    return {
        "tesseract": Request(
            "/compat/tesseract/tesseract",
            {"data": {"options": '{"languages":["eng"]}'}, "files": {"file": ("sample.jpg", data)}},
        ),
        "doctr": Request(
            "/compat/doctr/ocr",
            {
                "params": {"det_arch": "db_resnet50", "reco_arch": "crnn_vgg16_bn"},
                "files": [("files", ("scan.jpg", data, "image/jpeg"))],
            },
        ),
        "paddlex": Request("/compat/paddlex/ocr", {"json": {"file": text(data), "fileType": 1}}),
        "rapidocr": Request("/compat/rapidocr/ocr", {"files": {"image_file": ("1.png", data, "image/png")}}),
        "rapidocr, base64": Request("/compat/rapidocr/ocr", {"data": {"image_data": text(data)}}),
        "textract": Request("/compat/textract", {"json": {"Document": {"Bytes": text(data)}}, "headers": TARGET}),
        "textract, CBOR": Request(
            "/compat/textract/service/Textract/operation/DetectDocumentText",
            {"content": cbor.dumps({"Document": {"Bytes": data}}), "headers": CBOR},
        ),
        "liteparse": Request(
            "/compat/liteparse/ocr", {"data": {"language": "en"}, "files": {"file": ("document.png", data)}}
        ),
    }
