"""RapidOCR API's answer (https://rapidai.github.io/RapidOCRDocs/main/install_usage/rapidocr_api/usage.en/)."""

from typing_extensions import TypedDict

from spotter.reading.words import Page


class RapidOcrLine(TypedDict):
    """dt_boxes: corners from the text's own top-left clockwise, pixels. score: a number as a string, as in RapidOCR's
    answers."""

    rec_txt: str
    dt_boxes: list[list[float]]
    score: str


def as_rapidocr(page: Page) -> dict[str, RapidOcrLine]:
    """The page's lines by their number as a string, from "0", in reading order."""
    return {
        str(number): {"rec_txt": line.text, "dt_boxes": line.polygon, "score": f"{line.score:.4f}"}
        for number, line in enumerate(page.lines)
    }
