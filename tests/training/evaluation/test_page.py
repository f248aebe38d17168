import base64
import re

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.evaluation.datasets import PRESETS
from spotter.training.evaluation.page import Section, report
from spotter.training.evaluation.scores import Read
from tests.training.evaluation.test_analysis import said, word


def picture(name: str) -> NDArray[np.uint8]:
    return np.full((60, 700, 3), 200 if name == "a.jpg" else 90, np.uint8)


def reads() -> list[Read]:
    right = Read("a.jpg", (word(0, 100, "Exit"),), [said(0, 100, "Exit")])
    wrong = Read(
        "b.jpg",
        (word(0, 100, "<Stop$>"), word(200, 300, "Way")),
        [said(0, 100, "<Shop$>"), said(500, 600, "tree")],
    )
    return [right, wrong]


def test_the_page_tells_what_went_wrong_and_holds_all_it_shows() -> None:
    page = report("a <reader>", [Section("street", reads(), picture)], 0.5)
    assert "<h1>What a &lt;reader&gt; gets wrong</h1>" in page
    assert "<code>&lt;Stop$&gt;</code> as <code>&lt;Shop$&gt;</code>" in page
    for kind in ("read", "misread", "missed", "false alarm"):
        assert f"<tr><td>{kind}</td><td>1</td></tr>" in page
    assert page.count("<svg") >= 6
    assert not re.search(r'(src|href)="(?!data:)(?!#)', page)


def test_the_worst_pictures_are_drawn() -> None:
    page = report("reader", [Section("street", reads(), picture)], 0.5, worst=1)
    assert "<h4>b.jpg</h4>" in page
    assert "<h4>a.jpg</h4>" not in page
    data = re.search(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert data
    drawn = cv2.imdecode(np.frombuffer(base64.b64decode(data[1]), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert drawn.shape[1] == 900
    assert drawn.std() > 0


def test_only_pictures_with_wrong_words_are_drawn_of_a_bag_of_words() -> None:
    page = report("reader", [Section("receipts", reads(), picture, PRESETS["sroie"])], 0.5)
    assert "<h4>b.jpg</h4>" in page
    assert "<h4>a.jpg</h4>" not in page
    for note in ("missed: <code>WAY</code>", "read, but not there: <code>TREE</code>"):
        assert note in page
    assert "EXIT" not in page


def test_the_summary_has_a_row_for_each_data_set() -> None:
    page = report("reader", [Section("street", reads(), picture), Section("shop", reads()[:1], picture)], 0.5)
    summary = page[page.index('<table class="summary">') : page.index("</table>")]
    assert (
        "<td>street</td><td>2</td><td>3</td><td>66.7</td><td>33.3</td><td>33.3</td><td>33.3</td><td>33.3</td>"
        in summary
    )
    assert (
        "<td>shop</td><td>1</td><td>1</td><td>100.0</td><td>100.0</td><td>100.0</td><td>100.0</td><td>100.0</td>"
        in summary
    )


def test_a_reader_that_finds_nothing_has_a_page() -> None:
    nothing = [Read("a.jpg", (word(0, 100, "Exit"),), [])]
    page = report("reader", [Section("street", nothing, picture)], 0.5)
    assert "<tr><td>missed</td><td>1</td></tr>" in page


def test_the_page_tells_of_kinds_and_of_overlaps() -> None:
    page = report("reader", [Section("street", reads(), picture)], 0.5)
    # Exit and Way are plain, of which Exit is found and read; <Stop$> is of no kind and misread.
    assert "<tr><td>plain</td><td>2</td><td>50.0</td><td>50.0</td><td>50.0</td></tr>" in page
    assert "<tr><td>other</td><td>1</td><td>100.0</td><td>0.0</td><td>0.0</td></tr>" in page
    assert "<tr><td>0.95</td><td>33.3</td><td>33.3</td><td>33.3</td></tr>" in page
    assert "50.0 of 2 transcripts" in page
    lines = report("reader", [Section("receipts", reads(), picture, PRESETS["sroie"])], 0.5)
    assert "<tr><td>plain</td><td>2</td><td>50.0</td><td>50.0</td></tr>" in lines
    assert "<td>0.95</td>" not in lines
    assert "33.3 of 3 transcripts" in lines
