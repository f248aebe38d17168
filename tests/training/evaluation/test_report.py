import json
from dataclasses import replace
from pathlib import Path

import pytest

from spotter.training.evaluation.by_height import HEIGHTS, HeightClass
from spotter.training.evaluation.by_kind import KindCount
from spotter.training.evaluation.counts import Counts
from spotter.training.evaluation.datasets import PRESETS, Dataset
from spotter.training.evaluation.recognition import Recognition
from spotter.training.evaluation.reliability import Bin, Reliability
from spotter.training.evaluation.report import as_dict, kinds_table, summary_table, sweep_table, table
from spotter.training.evaluation.results import Result, mean_over_ious
from spotter.training.evaluation.scores import Scores

SCORES = Scores(
    detection=Counts(3, 4, 6),
    end_to_end=Counts(1, 4, 6),
    end_to_end_lenient=Counts(2, 4, 6),
    bag_of_words=Counts(2, 5, 6),
    recognition=Recognition(3, 1, 1, 2, 10, 4, 1),
    by_height=(HeightClass(), HeightClass(4, 3, 1, 6), *(HeightClass(),) * (len(HEIGHTS) - 2)),
    words_exact=Counts(1, 5, 6),
)
STREET = Result(
    reader="models/9",
    dataset=Dataset(Path("data/icdar2015/val"), PRESETS["icdar2015"], "icdar2015"),
    pictures=7,
    milliseconds=61.6,
    threshold=0.3,
    lexicon=None,
    scores=SCORES,
    by_iou=[(0.5, Counts(1, 4, 6)), (0.95, Counts(0, 4, 6))],
    by_kind={"plain": KindCount(3, 3, 2, 1, 1), "code": KindCount(1, 1, 1, 0, 0), "date": KindCount()},
    reliability=Reliability((Bin(2, 0.1, 1), *(Bin(),) * 8, Bin(2, 1.9, 1))),
    sweep=[],
)
LINES = replace(
    STREET,
    dataset=Dataset(Path("data/lines/val"), PRESETS["lines"], "lines"),
    by_kind={"plain": KindCount(1, 0, 0, 1, 0)},
)


def test_the_dictionary_is_json_with_fractions() -> None:
    result = json.loads(json.dumps(as_dict(STREET)))
    assert result["detection"] == {
        "precision": 0.5,
        "recall": 0.75,
        "f": 0.6,
        "correct": 3,
        "truths": 4,
        "predictions": 6,
    }
    assert (result["dataset"], result["name"], result["median_ms"]) == ("data/icdar2015/val", "icdar2015", 61.6)
    assert result["headline"] == {"measure": "end_to_end", "value": pytest.approx(0.2)}
    assert result["recognition"]["character_accuracy"] == 0.8
    assert result["recognition"]["sequence_accuracy"] == 0.25
    assert result["by_height"][1] == {
        "from": 8.0,
        "truths": 4,
        "found": 3,
        "read": 1,
        "predictions": 6,
        "detection_f": pytest.approx(0.6),
        "end_to_end_f": pytest.approx(0.2),
    }
    assert [(part["iou"], part["correct"]) for part in result["end_to_end_by_iou"]] == [(0.5, 1), (0.95, 0)]
    assert result["end_to_end_mean_over_iou"] == {
        "precision": pytest.approx(1 / 12),
        "recall": 0.125,
        "f": pytest.approx(0.1),
    }
    assert result["by_kind"] == {
        "plain": {"words": 3, "boxed": 3, "found": 2, "read": 1, "exact": 1},
        "code": {"words": 1, "boxed": 1, "found": 1, "read": 0, "exact": 0},
    }
    # Gaps of 0.9 words in both bins, of four words.
    assert result["calibration"]["expected_calibration_error"] == pytest.approx(0.45)
    assert result["calibration"]["bins"][0] == {"from": 0.0, "words": 2, "mean_score": 0.05, "right": 1}
    assert result["calibration"]["bins"][5]["mean_score"] is None
    assert not result["bag_of_words_only"]
    assert "sweep" not in result
    assert [t["threshold"] for t in as_dict(replace(STREET, sweep=[(0.5, SCORES)]))["sweep"]] == [0.5]


def test_lines_have_their_own_headline() -> None:
    result = as_dict(LINES)
    assert result["headline"] == {"measure": "words_exact", "value": 0.2}
    assert result["bag_of_words_only"]
    assert result["by_kind"] == {"plain": {"words": 1, "read": 1, "exact": 0}}


def test_the_table_is_in_per_cent() -> None:
    lines = table(STREET).splitlines()
    assert lines[1].split() == ["detection", "50.0", "75.0", "60.0"]
    assert lines[2].split() == ["end", "to", "end", "16.7", "25.0", "20.0"]
    assert lines[5].split() == ["words,", "exact", "case", "16.7", "20.0", "18.2"]
    assert lines[6].split()[-3:] == ["8.3", "12.5", "10.0"]
    assert "end-to-end F by IoU: 0.50: 20.0, 0.95: 0.0" in lines
    assert "on 3 words found: 33.3 read right, 33.3 with their case, 80.0 of characters, 25.0 of 4 transcripts" in lines
    assert "expected calibration error 0.450 over 4 words of any score" in lines
    assert lines[-1].split() == ["8", "to", "12", "4", "75.0", "25.0", "60.0", "20.0"]


def test_lines_show_only_what_needs_no_places() -> None:
    lines = table(LINES).splitlines()
    assert [line.split()[0] for line in lines if line] == ["precision", "bag", "words,", "on", "expected"]
    assert "on 3 words of the lines" in lines[4]


def test_the_sweep_has_a_line_for_each_threshold() -> None:
    lines = sweep_table([(0.25, SCORES), (0.5, Scores())]).splitlines()
    assert lines[1].split() == ["0.25", "60.0", "20.0", "36.4"]
    assert lines[2].split() == ["0.50", "0.0", "0.0", "0.0"]


def test_the_summary_has_a_row_for_each_set() -> None:
    lines = summary_table([STREET, LINES]).splitlines()
    assert lines[1].split() == ["icdar2015", "7", "end-to-end", "F", "20.0", "60.0", "10.0", "0.450", "62"]
    assert lines[2].split() == ["lines", "7", "words", "exact", "20.0", "-", "-", "0.450", "62"]
    assert len({len(line) for line in lines}) == 1


def test_the_summary_names_readers_where_there_are_several() -> None:
    rival = replace(STREET, reader="rapidocr small")
    lines = summary_table([STREET, rival]).splitlines()
    assert lines[0].split()[:3] == ["set", "reader", "pictures"]
    assert [line.split()[1] for line in lines[1:]] == ["models/9", "rapidocr"]
    assert "…" in summary_table([replace(STREET, reader="a/very/long/path/to/a/bundle/9"), rival])


def test_kinds_are_pooled_over_the_sets() -> None:
    lines = kinds_table([STREET, LINES]).splitlines()
    assert lines[0].split() == ["kind", "of", "word", "words", "found", "read", "exact"]
    # Of four plain words three have a box, two of them found; two are read, one with its case.
    assert lines[1].split() == ["plain", "4", "66.7", "50.0", "25.0"]
    assert lines[2].split() == ["code", "1", "100.0", "0.0", "0.0"]
    assert len(lines) == 3
    assert kinds_table([LINES]).splitlines()[1].split() == ["plain", "1", "-", "100.0", "0.0"]


def test_kinds_of_two_readers_stand_side_by_side() -> None:
    rival = replace(STREET, reader="rapidocr small", by_kind={**STREET.by_kind, "plain": KindCount(3, 3, 3, 3, 3)})
    lines = kinds_table([STREET, rival]).splitlines()
    assert lines[0].split() == ["models/9", "rapidocr", "small"]
    assert lines[2].split() == ["plain", "3", "66.7", "33.3", "33.3", "100.0", "100.0", "100.0"]


def test_means_over_overlaps() -> None:
    assert mean_over_ious([(0.5, Counts(2, 2, 4)), (0.9, Counts(1, 2, 4))]) == pytest.approx((0.375, 0.75, 0.5))
