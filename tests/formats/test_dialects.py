"""The shapes of other services' answers, by the field names of their public documentation."""

import base64
import io
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

from spotter.formats.dialects.doctr import DoctrAnswer, as_doctr
from spotter.formats.dialects.liteparse import LiteParseAnswer, as_liteparse
from spotter.formats.dialects.paddlex import DRAWN_PAGES, PaddleXAnswer, as_paddlex
from spotter.formats.dialects.rapidocr import RapidOcrLine, as_rapidocr
from spotter.formats.dialects.tesseract import OUTPUTS, TesseractAnswer, as_tesseract
from spotter.formats.dialects.textract import TextractAnswer, as_textract
from spotter.reading.words import arrange
from tests.formats.pages import SIZE, UPRIGHT, page, picture

EMPTY = arrange((40, 30), [])
LINES = [*UPRIGHT, "Milk", "1.20", "Bread", "2.50", "turned text", "upside down", "minus ninety"]


def checked(kind: Any, answer: Any) -> Any:
    """The answer, after a look whether it is of its type."""
    TypeAdapter(kind).validate_python(answer, strict=True)
    return answer


def test_liteparse_has_lines_with_boxes_and_polygons() -> None:
    results = checked(LiteParseAnswer, as_liteparse(page()))["results"]
    assert [each["text"] for each in results] == LINES
    assert results[1] == {
        "text": "second line",
        "bbox": [50, 80, 160, 100],
        "confidence": 0.875,
        "polygon": [[50, 80], [160, 80], [160, 100], [50, 100]],
    }
    turned = results[LINES.index("turned text")]
    (x1, y1, x2, y2), polygon = turned["bbox"], turned["polygon"]
    assert (x2 - x1, y2 - y1) == pytest.approx((20, 110), abs=0.2)
    assert polygon[0] == pytest.approx([x2, y1], abs=0.2), "the text's own top-left"
    assert as_liteparse(EMPTY) == {"results": []}


def test_rapidocr_numbers_its_lines() -> None:
    answer = checked(dict[str, RapidOcrLine], as_rapidocr(page()))
    assert list(answer) == [str(number) for number in range(len(LINES))]
    assert answer["1"] == {
        "rec_txt": "second line",
        "dt_boxes": [[50, 80], [160, 80], [160, 100], [50, 100]],
        "score": "0.8750",
    }
    assert as_rapidocr(EMPTY) == {}


def test_doctr_has_blocks_of_lines_of_words_in_shares_of_the_page() -> None:
    first, second = checked(list[DoctrAnswer], as_doctr([page(), EMPTY], ["a.png", "b.png"], straight=True))
    assert (first["name"], first["dimensions"], second["dimensions"]) == ("a.png", [500, 700], [30, 40])
    assert first["orientation"] == {"value": 0, "confidence": None}
    assert first["language"] == {"value": None, "confidence": None}
    assert second["items"] == [{"blocks": []}]
    (whole,) = first["items"]
    words = [word for block in whole["blocks"] for line in block["lines"] for word in line["words"]]
    assert [word["value"] for word in words] == [word.text for word in page().words]
    line = whole["blocks"][0]["lines"][1]
    assert line["words"][0] == {
        "value": "second",
        "geometry": pytest.approx([50 / 700, 80 / 500, 110 / 700, 100 / 500]),
        "objectness_score": 0.88,
        "confidence": 0.88,
        "crop_orientation": {"value": 0, "confidence": None},
    }
    assert line["geometry"] == pytest.approx([50 / 700, 80 / 500, 160 / 700, 100 / 500])
    turns = [word["crop_orientation"]["value"] for word in words[-6:]]
    assert turns == [90, 90, 180, 180, -90, -90]


def test_doctr_has_corners_where_pages_may_not_be_straight() -> None:
    (answer,) = checked(list[DoctrAnswer], as_doctr([page()], ["a"], straight=False))
    second = answer["items"][0]["blocks"][0]["lines"][1]["words"][0]
    corners = [(50, 80), (110, 80), (110, 100), (50, 100)]
    assert second["geometry"] == pytest.approx([value for x, y in corners for value in (x / 700, y / 500)])


def test_textract_has_pages_lines_and_words_that_name_each_other() -> None:
    answer = checked(TextractAnswer, as_textract([page(), EMPTY]))
    assert answer["DocumentMetadata"] == {"Pages": 2}
    blocks: dict[str, Any] = {block["Id"]: block for block in answer["Blocks"]}
    assert len(blocks) == len(answer["Blocks"])
    assert all(str(uuid.UUID(name)) == name for name in blocks)
    whole, empty = [block for block in answer["Blocks"] if block["BlockType"] == "PAGE"]
    assert (whole["Page"], empty["Page"], "Relationships" in empty) == (1, 2, False)
    assert whole["Geometry"]["BoundingBox"] == {"Width": 1, "Height": 1, "Left": 0, "Top": 0}
    lines = children(blocks, whole)
    assert [line["Text"] for line in lines] == LINES
    assert [word["Text"] for line in lines for word in children(blocks, line)] == [w.text for w in page().words]
    second = children(blocks, lines[1])[0]
    assert {name: second[name] for name in ("BlockType", "Confidence", "TextType", "Page")} == {
        "BlockType": "WORD",
        "Confidence": 87.5,
        "TextType": "PRINTED",
        "Page": 1,
    }
    place = {"Left": 50 / 700, "Top": 80 / 500, "Width": 60 / 700, "Height": 20 / 500}
    assert second["Geometry"]["BoundingBox"] == pytest.approx(place)
    assert second["Geometry"]["Polygon"][2] == pytest.approx({"X": 110 / 700, "Y": 100 / 500})
    angles = [line["Geometry"]["RotationAngle"] for line in lines]
    assert angles == [0] * 6 + [90, 180, 270]


def children(blocks: Mapping[str, Any], block: Any) -> list[Any]:
    (related,) = block["Relationships"]
    assert related["Type"] == "CHILD"
    return [blocks[name] for name in related["Ids"]]


def test_paddlex_has_lists_of_equal_length_and_a_drawing() -> None:
    answer = checked(PaddleXAnswer, as_paddlex([page()], [picture()], False, 0.5, "log"))
    assert (answer["logId"], answer["errorCode"], answer["errorMsg"]) == ("log", 0, "Success")
    assert answer["result"]["dataInfo"] == {"type": "image", "width": 700, "height": 500}
    (result,) = answer["result"]["ocrResults"]
    pruned = result["prunedResult"]
    assert pruned["rec_texts"] == LINES
    assert pruned["rec_polys"][1] == pruned["dt_polys"][1] == [[50, 80], [160, 80], [160, 100], [50, 100]]
    assert pruned["rec_boxes"][1] == [50, 80, 160, 100]
    assert (pruned["rec_scores"][1], pruned["text_rec_score_thresh"]) == (0.875, 0.5)
    lists = (
        "dt_polys",
        "dt_scores",
        "rec_texts",
        "rec_scores",
        "rec_polys",
        "rec_boxes",
        "textline_orientation_angles",
    )
    assert {len(pruned[name]) for name in lists} == {len(LINES)}
    drawn = Image.open(io.BytesIO(base64.b64decode(result["ocrImage"])))
    assert (drawn.format, drawn.size) == ("JPEG", SIZE)
    assert np.asarray(drawn.convert("L")).min() < 200, "something is drawn on the white page"


def test_paddlex_draws_no_more_pages_than_paddlex_reads_and_only_where_asked() -> None:
    many = [page()] * (DRAWN_PAGES + 1)
    answer = as_paddlex(many, [Image.new("L", SIZE, 255)] * len(many), True, 0.5, "log")
    drawn = [result["ocrImage"] is not None for result in answer["result"]["ocrResults"]]
    assert drawn == [True] * DRAWN_PAGES + [False]
    assert answer["result"]["dataInfo"]["numPages"] == len(many)
    assert answer["result"]["dataInfo"]["pages"][0] == {"width": 700, "height": 500}
    silent = as_paddlex([page()], None, False, 0.5, "log")
    assert silent["result"]["ocrResults"][0]["ocrImage"] is None


@pytest.mark.parametrize("variable", OUTPUTS)
def test_tesseracts_output_is_what_the_program_would_print(variable: str) -> None:
    answer = checked(TesseractAnswer, as_tesseract([page()], OUTPUTS[variable]))
    assert answer["data"]["exit"] == {"code": 0, "signal": None}
    assert answer["data"]["stdout"] == OUTPUTS[variable]([page()]).decode()
    assert "second" in answer["data"]["stdout"]
