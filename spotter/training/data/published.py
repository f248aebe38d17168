"""Parses the annotation formats of published data sets of curved text.

Total-Text (https://github.com/cs-chan/Total-Text-Dataset, Groundtruth/Text, polygons as text): a record is
`x: [[x1 x2 ...]], y: [[y1 y2 ...]], ornt: [u'c'], transcriptions: [u'WORD']`, which may be broken over lines; the
transcription `#` marks illegible text. SCUT-CTW1500 (https://github.com/Yuliang-Liu/Curve-Text-Detector), whose regions
are lines of 14 points: in the training part an XML file with
`<box><label>TEXT</label><segs>x1,y1,...</segs>`, in the test part a line `x1,y1,...,x14,y14,####TEXT`; the text `###`
marks text to be ignored. In all formats points run along the upper edge and back along the lower one.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_RECORD = re.compile(
    r"x:\s*\[\[(?P<x>[^\]]*)\]\],\s*y:\s*\[\[(?P<y>[^\]]*)\]\],\s*ornt:\s*\[[^\]]*\],\s*transcriptions:\s*"
    r"\[u?(?P<quote>['\"])(?P<text>.*?)(?P=quote)\]\s*(?=x:|\Z)",
    re.DOTALL,
)
_CTW_POINTS = 14
_CTW_TEXT = "####"
_UNREADABLE = {"#", "###", ""}
_LEAST = 4  # points; fewer have no two edges


class Word(NamedTuple):
    """polygon: float32 [2n, 2], in pixels. text: None where the region is to be ignored."""

    polygon: NDArray[np.float32]
    text: str | None


def total_text(content: str) -> list[Word]:
    """The words of a file of Total-Text. Raises ValueError where it has another form."""
    words, end = [], 0
    for record in _RECORD.finditer(content):
        if content[end : record.start()].strip():
            break
        xs, ys = (np.array(record[axis].replace(",", " ").split(), np.float32) for axis in ("x", "y"))
        if len(xs) != len(ys) or len(xs) < _LEAST - 1:
            raise ValueError(f"{len(xs)} and {len(ys)} coordinates make no polygon")
        end = record.end()
        words.append(_word(np.stack([xs, ys], 1), record["text"]))
    if content[end:].strip():
        raise ValueError(f"no record of Total-Text: {content[end:].strip()[:60]!r}")
    return words


def ctw1500_training(content: str) -> list[Word]:
    """The lines of a training file of CTW1500. Raises ValueError where it has another form."""
    try:
        boxes = list(ET.fromstring(content).iter("box"))
    except ET.ParseError as error:
        raise ValueError(f"no XML: {error}") from None
    return [_word(_points(box.findtext("segs") or ""), box.findtext("label") or "") for box in boxes]


def ctw1500_test(content: str) -> list[Word]:
    """The lines of a test file of CTW1500. Raises ValueError where it has another form."""

    def words() -> Iterator[Word]:
        for line in content.splitlines():
            if line.strip():
                coordinates, mark, text = line.partition(f",{_CTW_TEXT}")
                if not mark:
                    raise ValueError(f"a line without {_CTW_TEXT}: {line[:60]!r}")
                yield _word(_points(coordinates), text)

    return list(words())


def _points(text: str) -> NDArray[np.float32]:
    fields = text.strip().split(",")
    if len(fields) != 2 * _CTW_POINTS:
        raise ValueError(f"wants {2 * _CTW_POINTS} coordinates, got {text[:60]!r}")
    return np.array(fields, np.float32).reshape(_CTW_POINTS, 2)


def _word(points: NDArray[np.float32], text: str) -> Word:
    readable = len(points) >= _LEAST and text.strip() not in _UNREADABLE
    return Word(_even(points), text.strip() if readable else None)


def _even(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The polygon with equally many points on the upper and the lower edge.

    With an odd number of points, the far end of the word is taken to be the shorter of the two candidate sides, and the
    edge with fewer points gets one more in the middle of its longest segment.
    """
    count = len(points)
    if count % 2 == 0:
        return points
    short, long = count // 2, count // 2 + 1
    ends = {upper: float(np.linalg.norm(points[upper] - points[upper - 1])) for upper in (short, long)}
    upper = min(ends, key=ends.__getitem__)
    edges = [points[:upper], points[upper:]]
    fewer = 0 if upper == short else 1
    edges[fewer] = _with_one_more(edges[fewer])
    return np.concatenate(edges)


def _with_one_more(edge: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(edge) < 2:
        return np.repeat(edge, 2, 0)
    longest = int(np.linalg.norm(np.diff(edge, axis=0), axis=1).argmax())
    return np.insert(edge, longest + 1, edge[longest : longest + 2].mean(0), 0)


_FORMS: Mapping[str, Callable[[str], list[Word]]] = {
    "poly_gt_{}.txt": total_text,
    "{}.xml": ctw1500_training,
    "000{}.txt": ctw1500_test,
}
"""Patterns of annotation files' names, with the picture's name for {}, and their parsers."""


def find_published(folder: Path, picture: str) -> list[Word] | None:
    """The words of the file in `folder` that annotates the picture of this name; None where there is no such file.

    Raises ValueError where the file does not have the form that its name implies.
    """
    for name, read in _FORMS.items():
        path = folder / name.format(picture)
        if path.is_file():
            try:
                return read(path.read_text(encoding="utf-8-sig"))
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
    return None
