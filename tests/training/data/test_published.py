"""Files as Total-Text and CTW1500 are published, written by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from spotter.families.abcnet.family import ABCNet
from spotter.model.charset import Charset
from spotter.training.batch import collate
from spotter.training.data.annotations import AnnotationError, read_folder
from spotter.training.data.published import Word, ctw1500_test, ctw1500_training, total_text
from spotter.training.data.real import LabelledSource

TOTAL_TEXT = """x: [[20 45 70 70 45 20]], y: [[40 30 40 56 46 56]], ornt: [u'c'], transcriptions: [u'the']
x: [[ 80 110 110
 80]], y: [[10 10 26 26]], ornt: [u'h'], transcriptions: [u"it's"]
x: [[5 15 15 5]], y: [[80 80 90 90]], ornt: [u'#'], transcriptions: [u'#']
"""
ARC = "10,30,20,24,30,21,40,20,50,21,60,24,70,30,66,44,57,39,49,37,40,36,31,37,23,39,14,44"
CTW_TRAINING = f"""<Annotations>
  <image file="0001.jpg">
    <box height="24" left="10" top="20" width="60"><label>OLATHE &amp; CO</label><segs>{ARC}</segs>
      <pts x="20" y="30" /></box>
    <box height="24" left="10" top="20" width="60"><label>###</label><segs>{ARC}</segs></box>
  </image>
</Annotations>"""
CTW_TEST = f"{ARC},####LOS, ANGELES\n\n{ARC},####\n"


def texts(words: list[Word]) -> list[str | None]:
    return [word.text for word in words]


def test_total_text() -> None:
    words = total_text(TOTAL_TEXT)
    assert texts(words) == ["the", "it's", None]
    assert words[0].polygon.tolist() == [[20, 40], [45, 30], [70, 40], [70, 56], [45, 46], [20, 56]]
    assert words[1].polygon.tolist() == [[80, 10], [110, 10], [110, 26], [80, 26]]


@pytest.mark.parametrize(
    ("x", "y", "wanted"),
    [
        # The far end is the short side, from (60, 0) to (60, 20) and not the lower edge; it gets a point in its middle.
        ("0 30 60 60 0", "0 0 0 20 20", [[0, 0], [30, 0], [60, 0], [60, 20], [30, 20], [0, 20]]),
        ("0 60 60 30 0", "0 0 20 20 20", [[0, 0], [30, 0], [60, 0], [60, 20], [30, 20], [0, 20]]),
    ],
)
def test_an_odd_number_of_points(x: str, y: str, wanted: list[list[int]]) -> None:
    (word,) = total_text(f"x: [[{x}]], y: [[{y}]], ornt: [u'h'], transcriptions: [u'odd']")
    assert word.polygon.tolist() == wanted


def test_three_points_are_no_word() -> None:
    (word,) = total_text("x: [[0 60 30]], y: [[0 0 20]], ornt: [u'h'], transcriptions: [u'odd']")
    assert word.text is None
    assert len(word.polygon) == 4


def test_ctw1500() -> None:
    training, test = ctw1500_training(CTW_TRAINING), ctw1500_test(CTW_TEST)
    assert texts(training) == ["OLATHE & CO", None]
    assert texts(test) == ["LOS, ANGELES", None]
    for word in (*training, *test):
        assert word.polygon.shape == (14, 2)
        assert word.polygon[[0, 6, 7, 13]].tolist() == [[10, 30], [70, 30], [66, 44], [14, 44]]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("poly_gt_1.txt", "x: [[1 2 3]], y: [[1 2]], ornt: [u'c'], transcriptions: [u'a']", "make no polygon"),
        ("poly_gt_1.txt", f"{TOTAL_TEXT}1,2,3,4", "no record"),
        ("poly_gt_1.txt", f"odd\n{TOTAL_TEXT}", "no record"),
        ("1.xml", "<image><box>", "no XML"),
        ("1.xml", "<image><box><label>a</label><segs>1,2</segs></box></image>", "28 coordinates"),
        ("0001.txt", f"{ARC},a", "without ####"),
        ("0001.txt", "1,2,####a", "28 coordinates"),
        ("0001.txt", f"{ARC.replace('66', 'x')},####a", "0001.txt"),
    ],
)
def test_other_forms_are_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    write(tmp_path, "1", name, content)
    with pytest.raises(AnnotationError, match=said):
        read_folder(tmp_path)


def write(folder: Path, picture: str, name: str, content: str) -> None:
    for part in ("images", "gts"):
        (folder / part).mkdir(exist_ok=True)
    grey = np.random.default_rng(0).integers(90, 160, (120, 120, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "images" / f"{picture}.png"), grey)
    (folder / "gts" / name).write_text(content)


def test_a_folder_of_them_is_trained_on(tmp_path: Path) -> None:
    write(tmp_path, "img11", "poly_gt_img11.txt", TOTAL_TEXT)
    write(tmp_path, "0001", "0001.xml", CTW_TRAINING.replace(" &amp; CO", ""))
    write(tmp_path, "1001", "0001001.txt", CTW_TEST)
    pictures = read_folder(tmp_path)
    assert [[(a.text, a.ignore) for a in picture.annotations] for picture in pictures] == [
        [("OLATHE", False), ("", True)],
        [("LOS, ANGELES", False), ("", True)],
        [("the", False), ("it's", False), ("", True)],
    ]
    source = LabelledSource(tmp_path, heights=(16.0, 20.0))
    rng = np.random.default_rng(1)
    samples = [source.sample(rng, 128) for _ in range(12)]
    found = {text for sample in samples for text in sample.texts if text}
    assert found == {"OLATHE", "the", "it's"}  # a line of two words is no word
    batch = collate(samples, Charset(), ABCNet())
    assert int((batch.truth.owner >= 0).sum()) > 20
    assert batch.truth.shapes.shape[1] == 16
