"""Words of a picture most of whose words could not be read are probably look-alikes in another script."""

from dataclasses import replace

import numpy as np
import pytest

from spotter.reading.prepared import Prepared
from spotter.reading.session import Rows
from spotter.reading.words import Page, read_page, render
from spotter.registry.manifest import Decoding, FileEntry, Golden, InputSpec, Manifest

FILES = {"m": FileEntry("a" * 64, 1), "g": FileEntry("a" * 64, 1)}
# A score's logit is the detector's plus the log probability of the text.
MANIFEST = Manifest(
    "x", "1", FILES, "ab", InputSpec(), 1, Golden("g", ("a",)), 0.3, "m", decoding=Decoding(0.0, 1.0, 0.0, 1.0, 0.2)
)
SEEN = Prepared(np.zeros((640, 640, 3), np.uint8), (640, 640), (640, 640))
DETECTED = 0.97


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def page(scores: list[float], height: float = 20.0, detected: float = DETECTED, threshold: float = 0.3) -> Page:
    """Words one below the other, of these scores; `detected`: the detector's probability of each."""
    tops = 30.0 * np.arange(len(scores), dtype=np.float32)
    polygons = np.array([[(0, top), (60, top), (60, top + height), (0, top + height)] for top in tops], np.float32)
    texts = np.array([[np.exp(logit(score) - logit(detected))] for score in scores], np.float32)
    rows = Rows(polygons, np.array(scores, np.float32), np.ones((len(scores), 1), np.int32), texts)
    return read_page(rows, SEEN, MANIFEST, threshold)


def scripts(page: Page) -> list[str | None]:
    assert page.words == [word for block in page.blocks for word in block.words]
    return [word.script for word in page.words]


def test_where_most_words_could_not_be_read_the_others_are_marked() -> None:
    few = page([0.1] * 5 + [0.4, 0.96, 0.9])
    assert few.unread == 5
    assert scripts(few) == ["unknown", None, "unknown"]  # 0.96: who reads English between other scripts keeps it
    assert [render(word).get("script") for word in few.words] == ["unknown", None, "unknown"]


@pytest.mark.parametrize(
    "readable",
    [
        page([0.1] * 4 + [0.4] * 4),  # half of them is enough
        page([0.1] * 4 + [0.4] * 3),  # too few to tell
        page([0.1] * 5 + [0.4] * 3, height=13.0),  # small: blurred, perhaps
        page([0.1] * 5 + [0.4] * 3, detected=0.85),  # perhaps these are no words
    ],
    ids=["half", "few", "small", "doubtful"],
)
def test_elsewhere_no_word_is_marked(readable: Page) -> None:
    assert set(scripts(readable)) == {None}


def test_what_counts_as_read_does_not_depend_on_the_threshold_asked_for() -> None:
    everything = page([0.1] * 5 + [0.4] * 3, threshold=0.0)
    assert everything.unread == 0
    assert scripts(everything) == ["unknown"] * 8
    assert scripts(page([0.4] * 7 + [0.8], threshold=0.5)) == [None]


def test_without_the_detectors_probability_nothing_is_said() -> None:
    rows = Rows(np.zeros((9, 4, 2), np.float32), np.full(9, 0.4, np.float32), *np.ones((2, 9, 1), np.float32))
    silent = read_page(rows, SEEN, replace(MANIFEST, decoding=None), 0.3)
    assert set(scripts(silent)) == {None}
