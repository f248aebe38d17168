"""Converts the graph's rows to a page: words in upload pixels, as lines and blocks in reading order.

The order is computed with plain Python numbers: a picture has tens of words, for which numpy arrays would be slower.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spotter.reading.characters import Character, find_characters
from spotter.reading.imaging import Prepared
from spotter.reading.layout.blocks import find_blocks, outline
from spotter.reading.layout.frames import Polygon
from spotter.reading.scores import take_apart
from spotter.reading.session import Rows
from spotter.reading.sizing import heights
from spotter.reading.text import texts
from spotter.reading.wording import Wording
from spotter.registry.manifest import Manifest

_SURE = 0.9
"""The detector's probability from which a region counts as a word, whether it could be read or not."""
_FEW, _HIGH, _SHARE, _DOUBTFUL = 8, 14.0, 0.5, 0.95
"""Where the detector is sure of at least `_FEW` words of `_HIGH` and more pixels at the working size, and less than
`_SHARE` of them could be read, most of the picture is in a script that the model does not know, and what was read with
a score below `_DOUBTFUL` is probably look-alikes. So are all of 72 drawn pages of nine other scripts, and 1 of 142
street scenes; smaller words are also left unread because they are blurred."""


class Word(NamedTuple):
    """polygon: [x, y] pairs, upload pixels to a tenth, from the text's own top-left clockwise; score: 0..1, to four
    digits; direction: degrees to a tenth by which its text is turned clockwise, -180 to 180; line, block: indices of
    the line and block of the page that it is in; detection_score, reading_score: the detector's probability of the
    word, and the recogniser's of its whole text, 0..1 to four digits, None where they are not known; characters: as
    they were read, None where they were not asked for; repaired_from: the text as it was read, where look-alike
    characters were replaced in it; script: "unknown" where the text is probably in a script that the model does not
    know, else None."""

    polygon: Polygon
    text: str
    score: float
    direction: float = 0.0
    line: int = 0
    block: int = 0
    detection_score: float | None = None
    reading_score: float | None = None
    characters: Sequence[Character] | None = None
    repaired_from: str | None = None
    script: Literal["unknown"] | None = None


class Line(NamedTuple):
    """Words of a line, at least one. row: number of the row in the block; lines side by side, such as a table's cells,
    have the same number. degrees: by which it is turned clockwise. block: index of its block in the page."""

    words: Sequence[Word]
    row: int
    degrees: float
    block: int

    @property
    def text(self) -> str:
        """Its words, separated by spaces."""
        return " ".join([word.text for word in self.words])

    @property
    def score(self) -> float:
        """The mean of its words' scores."""
        return mean_score(self.words)

    @property
    def polygon(self) -> Polygon:
        """The smallest rectangle along the line that holds its words."""
        return outline([word.polygon for word in self.words], self.degrees)


class Block(NamedTuple):
    """Lines of one kind near each other, at least one, in reading order. degrees: by which it is turned clockwise."""

    lines: Sequence[Line]
    degrees: float

    @property
    def words(self) -> list[Word]:
        """Its words in reading order."""
        return [word for line in self.lines for word in line.words]

    @property
    def rows(self) -> list[list[Line]]:
        """Its lines, grouped by rows."""
        rows: dict[int, list[Line]] = {}
        for line in self.lines:
            rows.setdefault(line.row, []).append(line)
        return list(rows.values())

    @property
    def text(self) -> str:
        """One line of text for each row, with tabs between lines that stand side by side."""
        return "\n".join(["\t".join([line.text for line in row]) for row in self.rows])

    @property
    def score(self) -> float:
        """The mean of its words' scores."""
        return mean_score(self.words)

    @property
    def polygon(self) -> Polygon:
        """The smallest rectangle along the block that holds its words."""
        return outline([word.polygon for word in self.words], self.degrees)


@dataclass(frozen=True)
class Page:
    """The text of a picture. size: its (width, height) in pixels. left_out: how many words were read, but do not fit
    the request's wording. unread: how many words the detector found with a high probability but the recogniser could
    not read, None where that is not known."""

    size: tuple[int, int]
    words: Sequence[Word]
    lines: Sequence[Line]
    blocks: Sequence[Block]
    left_out: int = 0
    unread: int | None = None


def arrange(size: tuple[int, int], words: Sequence[Word], others: Sequence[Polygon] = ()) -> Page:
    """The page of these words; their order, directions and indices are computed. others: as in `find_blocks`."""
    placed: list[Word] = []
    lines: list[Line] = []
    blocks: list[Block] = []
    new = tuple.__new__  # half of the time of Word(...)
    for number, (text_lines, turned) in enumerate(find_blocks([word.polygon for word in words], others)):
        own_lines: list[Line] = []
        for indices, turns, row, degrees in text_lines:
            at, own_words = len(lines) + len(own_lines), []
            for index, turn in zip(indices, turns, strict=True):
                polygon, text, score, _, _, _, found, read, own, was, script = words[index]
                # + 0.0: not -0.0
                placed_word = (polygon, text, score, round(turn, 1) + 0.0, at, number, found, read, own, was, script)
                own_words.append(new(Word, placed_word))
            placed += own_words
            own_lines.append(Line(own_words, row, degrees, number))
        lines += own_lines
        blocks.append(Block(own_lines, turned))
    return Page(size, placed, lines, blocks)


def read_page(
    rows: Rows,
    prepared: Prepared,
    manifest: Manifest,
    threshold: float,
    characters: bool = False,
    wording: Wording | None = None,
) -> Page:
    """The page of the words with a score of at least `threshold` and a text that fits the wording. manifest: of the
    model. characters: whether words include their characters."""
    polygons, decoding = prepared.to_upload(rows.polygons), manifest.decoding
    count = len(rows.scores)
    apart = take_apart(rows, decoding)
    spelt: Sequence[Sequence[Character] | None] = [None] * count
    if characters:
        spelt = find_characters(rows, polygons, manifest.charset, None if decoding is None else decoding.margin)
    columns = zip(
        polygons.round(1).tolist(),
        texts(rows.characters, manifest.charset),
        rows.scores.tolist(),
        [None] * count if apart.detection is None else apart.detection.round(4).tolist(),
        apart.reading.round(4).tolist(),
        spelt,
        strict=True,
    )
    words: list[Word] = []
    others: list[Polygon] = []
    for polygon, text, score, found, read, own in columns:
        if score >= threshold and text:
            words.append(Word(polygon, text, round(score, 4), 0.0, 0, 0, found, read, own))
        else:
            others.append(polygon)
    if apart.detection is None:
        return arrange_fitting(prepared.upload, words, wording, others)
    sure = apart.detection >= _SURE
    unreadable = rows.scores[sure] < manifest.score_threshold  # at whatever threshold the request wants words
    if np.count_nonzero(unreadable) > (1 - _SHARE) * _FEW:
        words = _with_scripts(words, rows.polygons[sure], unreadable)
    page = arrange_fitting(prepared.upload, words, wording, others)
    return replace(page, unread=int(np.count_nonzero(rows.scores[sure] < threshold)))


def _with_scripts(words: list[Word], sure: NDArray[np.float32], unreadable: NDArray[np.bool_]) -> list[Word]:
    """Words of a picture, with their `script`. sure: polygons [N, P, 2], in working pixels, of the words that the
    detector is sure of; unreadable: bool [N], those of them whose score is too low."""
    large = heights(sure) >= _HIGH
    if np.count_nonzero(large) < _FEW or unreadable[large].mean() <= 1 - _SHARE:
        return words
    return [word._replace(script="unknown") if word.score < _DOUBTFUL else word for word in words]


def arrange_fitting(
    size: tuple[int, int],
    words: Sequence[Word],
    wording: Wording | None,
    others: Sequence[Polygon] = (),
    exact: bool = False,
) -> Page:
    """The page of the words that fit the wording, with look-alike characters replaced where a word fits only then.
    others: as in `find_blocks`. exact: the texts are known to be right, so nothing is replaced."""
    if wording is None:
        return arrange(size, words, others)
    fitting: list[Word] = []
    rest = list(others)
    for word in words:
        text = wording.fit(word.text, exact)
        if text is None:
            rest.append(word.polygon)
        else:
            fitting.append(word if text == word.text else word._replace(text=text, repaired_from=word.text))
    return replace(arrange(size, fitting, rest), left_out=len(words) - len(fitting))


def mean_score(words: Sequence[Word]) -> float:
    """The mean score, to four digits."""
    return round(sum([word.score for word in words]) / len(words), 4)


def render(word: Word) -> dict[str, Any]:
    """A word as an object of the answer's JSON."""
    polygon, text, score, direction, line, block, detection_score, reading_score, characters, repaired, script = word
    answer: dict[str, Any] = {
        "polygon": polygon,
        "text": text,
        "score": score,
        "detection_score": detection_score,
        "reading_score": reading_score,
        "direction": direction,
        "line": line,
        "block": block,
    }
    if characters is not None:
        answer["characters"] = [each._asdict() for each in characters]
    if repaired is not None:
        answer["repaired_from"] = repaired
    if script is not None:
        answer["script"] = script
    return answer
