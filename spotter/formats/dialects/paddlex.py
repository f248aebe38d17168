"""PaddleX's serving of the OCR pipeline
(https://paddlepaddle.github.io/PaddleX/latest/en/pipeline_usage/tutorials/ocr_pipelines/OCR.html)."""

import base64
import io
from collections.abc import Iterable, Sequence
from typing import Any, NotRequired

from PIL import Image
from typing_extensions import TypedDict

from spotter.formats.boxes import box_of
from spotter.formats.draw import draw
from spotter.reading.layout.frames import Polygon
from spotter.reading.words import Page

DRAWN_PAGES = 10
"""Pages whose pictures are drawn; PaddleX reads no more than these."""
_LONGEST = 2000
"""Pixels of a drawn picture's long side, PaddleX's `max_output_img_size`."""
_QUALITY = 85


class PaddleXPruned(TypedDict):
    """The lines: their positions (corners, and left, top, right, bottom; whole pixels), texts and scores, in reading
    order."""

    model_settings: dict[str, bool]
    dt_polys: list[list[list[int]]]
    dt_scores: list[float]
    text_det_params: dict[str, Any]
    text_type: str
    textline_orientation_angles: list[int]
    text_rec_score_thresh: float
    rec_texts: list[str]
    rec_scores: list[float]
    rec_polys: list[list[list[int]]]
    rec_boxes: list[list[int]]


class PaddleXPage(TypedDict):
    """ocrImage: a JPEG in base64 of the page with its words drawn on it."""

    prunedResult: PaddleXPruned
    ocrImage: str | None
    docPreprocessingImage: str | None
    inputImage: str | None


class PaddleXSize(TypedDict):
    """Pixels."""

    width: int
    height: int


class PaddleXInfo(TypedDict):
    """The size of a picture, or the sizes of a PDF's pages."""

    type: str
    width: NotRequired[int]
    height: NotRequired[int]
    numPages: NotRequired[int]
    pages: NotRequired[list[PaddleXSize]]


class PaddleXResult(TypedDict):
    """A result for each page."""

    ocrResults: list[PaddleXPage]
    dataInfo: PaddleXInfo


class PaddleXAnswer(TypedDict):
    """The answer to a successful request."""

    logId: str
    errorCode: int
    errorMsg: str
    result: PaddleXResult


def as_paddlex(
    pages: Sequence[Page], pictures: Iterable[Image.Image] | None, paged: bool, threshold: float, log_id: str
) -> PaddleXAnswer:
    """The answer for pages. pictures: of the pages, to be drawn on; None where they are not asked for. paged: whether
    the file is a document with pages. threshold: least score of the words."""
    drawn: list[str | None] = [None] * len(pages)
    if pictures is not None:
        for index, (page, picture) in enumerate(zip(pages[:DRAWN_PAGES], pictures, strict=False)):
            drawn[index] = _drawn(page, picture)
    sizes: list[PaddleXSize] = [{"width": page.size[0], "height": page.size[1]} for page in pages]
    return {
        "logId": log_id,
        "errorCode": 0,
        "errorMsg": "Success",
        "result": {
            "ocrResults": [
                {
                    "prunedResult": _pruned(page, threshold),
                    "ocrImage": image,
                    "docPreprocessingImage": None,
                    "inputImage": None,
                }
                for page, image in zip(pages, drawn, strict=True)
            ],
            "dataInfo": {"type": "pdf", "numPages": len(pages), "pages": sizes}
            if paged
            else {"type": "image", "width": sizes[0]["width"], "height": sizes[0]["height"]},
        },
    }


def _pruned(page: Page, threshold: float) -> PaddleXPruned:
    polygons = [_whole(line.polygon) for line in page.lines]
    scores = [line.score for line in page.lines]
    return {
        "model_settings": {"use_doc_preprocessor": False, "use_textline_orientation": False},
        "dt_polys": polygons,
        "dt_scores": scores,
        "text_det_params": {},
        "text_type": "general",
        "textline_orientation_angles": [-1] * len(polygons),
        "text_rec_score_thresh": threshold,
        "rec_texts": [line.text for line in page.lines],
        "rec_scores": scores,
        "rec_polys": polygons,
        "rec_boxes": [list(box_of(line.polygon, page.size)) for line in page.lines],
    }


def _whole(polygon: Polygon) -> list[list[int]]:
    return [[round(x), round(y)] for x, y in polygon]


def _drawn(page: Page, picture: Image.Image) -> str:
    shown = picture.convert("RGB")
    draw(shown, page.words)
    shown.thumbnail((_LONGEST, _LONGEST))
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=_QUALITY)
    return base64.b64encode(buffer.getvalue()).decode()
