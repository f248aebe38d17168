"""A page as plain dictionaries, for JSON."""

from typing import Any, Literal

from spotter.reading.reader import Read
from spotter.reading.words import Page, render

Detail = Literal["words", "lines", "blocks", "characters"]


def as_dict(page: Page, detail: Detail = "words") -> dict[str, Any]:
    """The page's words; with `lines` also its lines, with `blocks` also its lines and blocks. Words and lines contain
    the number, from 0, of the line and block that they are in. With `characters` each word has its characters, if the
    page was read with them.
    """
    answer: dict[str, Any] = {"words": [render(word) for word in page.words]}
    if detail in ("lines", "blocks"):
        answer["lines"] = [
            {"polygon": line.polygon, "text": line.text, "score": line.score, "block": line.block}
            for line in page.lines
        ]
    if detail == "blocks":
        answer["blocks"] = [
            {"polygon": block.polygon, "text": block.text, "score": block.score} for block in page.blocks
        ]
    return answer


def as_answer(read: Read, detail: Detail) -> dict[str, Any]:
    """A page in the form of the service's answer, without the model: the picture's size, the words, and the account of
    how it was read."""
    width, height = read.page.size
    return {"image": {"width": width, "height": height}, **as_dict(read.page, detail), **read.account}
