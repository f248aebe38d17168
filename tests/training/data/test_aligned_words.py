"""Data sets of lines become data sets of words."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from spotter.model.charset import Charset
from spotter.training import pretrained
from spotter.training.data import alignment
from spotter.training.data.aligned_words import cut_line, cut_lines, cut_picture, lines_to_cut
from spotter.training.data.alignment import LineAligner
from spotter.training.data.annotations import load_picture, read_folder
from spotter.training.data.cli import align_lines
from spotter.training.data.crops import read_labels
from tests.training.data.lines import CHARSET, blank_line, recogniser

SAID = "_ab__  _A_c_"


def aligner(said: str = SAID) -> LineAligner:
    return LineAligner(recogniser(said), CHARSET)


@pytest.fixture(name="lines")
def make_lines(tmp_path: Path) -> Path:
    """Two lines to train on and one to validate on, their left halves black."""
    folder = tmp_path / "lines"
    line = blank_line(12)
    line[:, :48] = 0
    for name in ("train/a.png", "train/b.png", "val/a.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), line)
    rows = ["train/a.png\tab Ac", "train/b.png\tab xy", "val/a.png\tab Ac"]
    (folder / "labels.tsv").write_text("".join(f"{row}\n" for row in rows))
    return folder


@pytest.fixture(name="pictures")
def make_pictures(tmp_path: Path) -> Path:
    """A picture with a level line, a climbing one, one whose transcript is wrong, and one not to be cared about."""
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    (folder / "gts").mkdir()
    cv2.imwrite(str(folder / "images" / "a.png"), np.full((300, 300, 3), 255, np.uint8))
    rows = [
        "10,20,106,20,106,68,10,68,AB Ac",
        "10,180,70,100,108.4,128.8,48.4,208.8,ab ac",  # 100 by 48 pixels, climbing
        "150,20,246,20,246,68,150,68,bbbb bb",
        "150,100,246,100,246,148,150,148,###",
    ]
    (folder / "gts" / "gt_a.txt").write_text("".join(f"{row}\n" for row in rows))
    return folder


def test_a_line_becomes_its_words() -> None:
    line = blank_line(12)
    line[:, :48] = 0
    words = cut_line(line, "ab Ac", aligner())
    assert [text for _, text in words] == ["ab", "Ac"]
    assert [crop.shape for crop, _ in words] == [(48, 48, 3)] * 2
    assert not words[0][0].any()
    assert words[1][0].all()


def test_a_folder_of_lines_becomes_one_of_words(lines: Path, tmp_path: Path) -> None:
    output = tmp_path / "words"
    wanted = lines_to_cut(lines, output, "train/")
    assert [name for name, _ in wanted] == ["train/a.png", "train/b.png"]
    assert list(cut_lines(lines, wanted, output, aligner())) == [2, 0]
    assert read_labels(output) == [("train_a_0.webp", "ab"), ("train_a_1.webp", "Ac")]
    assert load_picture(output / "train_a_0.webp").mean() < 10
    assert load_picture(output / "train_a_1.webp").mean() > 245


def test_lines_whose_words_are_there_are_not_cut_again(lines: Path, tmp_path: Path) -> None:
    output = tmp_path / "words"
    list(cut_lines(lines, lines_to_cut(lines, output)[:1], output, aligner()))
    assert [name for name, _ in lines_to_cut(lines, output)] == ["val/a.png", "train/b.png"]


def test_accents_are_composed_before_they_are_looked_for() -> None:
    class Kept(LineAligner):
        def words(self, line: object, transcript: str, any_case: bool = False) -> list[alignment.AlignedWord]:
            seen.append(transcript)
            return []

    seen: list[str] = []
    cut_line(blank_line(4), "cafe\u0301", Kept(recogniser(""), Charset()))
    assert seen == ["caf\u00e9"]


def test_a_pictures_lines_become_words_in_its_own_case(pictures: Path) -> None:
    (picture,) = read_folder(pictures)
    found = cut_picture(picture, aligner(), any_case=True)
    assert [a.text for a in found if not a.ignore] == ["ab", "Ac", "ab", "Ac"]
    first, second, *_ = found
    # The middle of the space is the line's middle, x = 58; words end 0.08 x 48 = 3.84 pixels before it.
    expected = np.array(
        [[[10, 20], [54.16, 20], [54.16, 68], [10, 68]], [[61.84, 20], [106, 20], [106, 68], [61.84, 68]]]
    )
    np.testing.assert_allclose(first.polygon, expected[0], atol=1e-3)
    np.testing.assert_allclose(second.polygon, expected[1], atol=1e-3)
    climbing = found[2].polygon
    np.testing.assert_allclose(climbing[0], [10, 180], atol=1e-3)
    np.testing.assert_allclose(climbing[1], [10 + 0.6 * 46.16, 180 - 0.8 * 46.16], atol=1e-2)


def test_what_does_not_read_as_its_transcript_is_to_be_ignored(pictures: Path) -> None:
    (picture,) = read_folder(pictures)
    ignored = [a for a in cut_picture(picture, aligner(), any_case=True) if a.ignore]
    np.testing.assert_allclose(ignored[0].polygon, picture.annotations[2].polygon)
    np.testing.assert_allclose(ignored[1].polygon, picture.annotations[3].polygon)
    assert len(ignored) == 2


def test_the_place_of_a_word_that_is_not_sure_is_to_be_ignored(pictures: Path) -> None:
    (picture,) = read_folder(pictures)
    found = cut_picture(picture, aligner("_ab__  _c_c_"), any_case=True)[:2]
    assert [(a.text, a.ignore) for a in found] == [("ab", False), ("", True)]
    np.testing.assert_allclose(found[1].polygon, [[58, 20], [106, 20], [106, 68], [58, 68]], atol=1e-3)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> str:
    class Saved:
        charset = CHARSET

        def network(self) -> object:
            return recogniser(SAID)

    monkeypatch.setattr(pretrained, "starting_recogniser", lambda name: Saved() if name == "mine.pt" else None)
    result = CliRunner().invoke(align_lines, ["--recogniser", "mine.pt", *(str(item) for item in arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_cuts_lines(lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "2 words of 2 lines" in run(monkeypatch, lines, tmp_path / "words", "--part", "train/")
    assert "0 words of 1 lines" in run(monkeypatch, lines, tmp_path / "words", "--part", "train/")  # one has none
    assert len(read_labels(tmp_path / "words")) == 2


def test_the_command_cuts_pictures(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "4 words of 1 pictures" in run(monkeypatch, pictures, tmp_path / "words", "--any-case")
    assert "0 words of 0 pictures" in run(monkeypatch, pictures, tmp_path / "words", "--any-case")
    (picture,) = read_folder(tmp_path / "words")
    assert [a.text for a in picture.annotations] == ["ab", "Ac", "ab", "Ac", "", ""]


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--any-case"], "goes with pictures"), (["--recogniser", "absent.pt"], "not a readable checkpoint")],
)
def test_mistakes_are_reported(lines: Path, tmp_path: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(align_lines, [str(lines), str(tmp_path / "words"), *options])
    assert result.exit_code in (1, 2)
    assert message in result.output
