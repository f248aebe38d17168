from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from spotter.model.splitting import split_at_spaces
from spotter.reading.characters import find_characters
from spotter.reading.session import Rows

CHARSET = "abcdefgh "
SPACE = CHARSET.index(" ") + 1
MARGIN, HEIGHT, PITCH = 0.2, 20.0, 4.0


def region(text: str) -> tuple[Rows, list[tuple[str, list[float]]]]:
    """The rows that the graph makes of a region whose columns are `text`, `.` for none, level and from x = 0 on in the
    upload; and each word with the places in x of its characters' columns."""
    classes = torch.tensor([[0 if letter == "." else CHARSET.index(letter) + 1 for letter in text]], dtype=torch.int32)
    whole = len(text) * PITCH
    length = whole - 2 * MARGIN * HEIGHT
    pieces = split_at_spaces(classes, SPACE, torch.tensor([len(text)]), torch.tensor([whole / length]))
    own = pieces.columns.numpy()
    characters = np.where(own & (classes.numpy() != SPACE), classes.numpy(), 0).astype(np.int32)
    polygons = []
    for start, end in zip(pieces.start.tolist(), pieces.end.tolist(), strict=True):
        left, right = (start + 0.5) * length, (end + 0.5) * length
        polygons.append([[left, 0], [right, 0], [right, HEIGHT], [left, HEIGHT]])
    words = []
    for row in characters:
        columns = row.nonzero()[0]
        read = "".join(CHARSET[number - 1] for number in row[columns])
        words.append((read, [float((column + 0.5) * PITCH - MARGIN * HEIGHT) for column in columns]))
    scores = np.where(own, 0.9, 0).astype(np.float32)
    return Rows(np.array(polygons, np.float32), np.ones(len(own), np.float32), characters, scores), words


def found(rows: Rows, margin: float | None = MARGIN) -> list[Any]:
    return find_characters(rows, rows.polygons.astype(np.float64), CHARSET, margin)


@pytest.mark.parametrize("text", ["..a..b.c..", "..ab..c. d.ef.. .g..h..", "..a. bc. d..", ".a. .b...", "..h.."])
def test_characters_lie_at_the_columns_in_which_they_were_written(text: str) -> None:
    rows, words = region(text)
    answers = found(rows)
    assert len(answers) == len(words) == len(text.split())
    for polygon, characters, (read, places) in zip(rows.polygons.tolist(), answers, words, strict=True):
        assert "".join(each.text for each in characters) == read
        borders = [(left + right) / 2 for left, right in pairwise(places)]
        borders = [polygon[0][0], *borders, polygon[1][0]]
        for each, (left, right) in zip(characters, pairwise(borders), strict=True):
            expected = [[left, 0], [right, 0], [right, HEIGHT], [left, HEIGHT]]
            np.testing.assert_allclose(each.polygon, expected, atol=0.06)
            assert each.score == 0.9


def test_characters_of_a_curve_follow_it() -> None:
    rows, _ = region("..a..b..c..d..")
    angles = np.linspace(np.pi, 0, 8)
    arc = np.stack((np.cos(angles), -np.sin(angles)), 1)
    curve = np.concatenate((arc * 60, arc[::-1] * 40)) + 100
    characters = find_characters(rows._replace(polygons=curve[None].astype(np.float32)), curve[None], CHARSET, MARGIN)
    for each in characters[0]:
        assert each.polygon is not None
        (x0, y0), (x1, y1), _, (x3, y3) = each.polygon
        assert np.hypot(x0 - 100, y0 - 100) == pytest.approx(60, abs=2)
        assert np.hypot(x3 - 100, y3 - 100) == pytest.approx(40, abs=2)
        assert (x1 - x0) * (y3 - y0) - (y1 - y0) * (x3 - x0) > 0, "clockwise from its own top-left"
    middles = [np.mean([corner[0] for corner in each.polygon or []]) for each in characters[0]]
    assert middles == sorted(middles)


def test_places_are_unknown_where_the_bundle_does_not_say_how_columns_lie() -> None:
    rows, _ = region("..a..b..")
    assert [each.polygon for each in found(rows, None)[0]] == [None, None]


def test_no_rows_and_unknown_classes_are_no_failure() -> None:
    rows, _ = region("..a..b..")
    assert found(rows._replace(**{name: getattr(rows, name)[:0] for name in Rows._fields[:4]})) == []
    rows.characters[0, rows.characters[0].nonzero()[0]] = 99, -1
    assert [each.text for each in found(rows)[0]] == ["�", "�"]
