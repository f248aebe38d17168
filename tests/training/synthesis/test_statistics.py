from pathlib import Path

import cv2
import numpy as np
import pytest

from spotter.training.synthesis.statistics import KINDS, case, distance, kind, real_words, statistics, table
from spotter.training.synthesis.vocabulary import RECEIPTS, SIGNS
from spotter.training.synthesis.words import WordGenerator


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SALE", "word"),
        ('"Quiet,', "word"),
        ("ice-cream.", "word"),
        ("Men's", "word"),
        ("50%", "number"),
        ("(6%):", "number"),
        ("2015", "number"),
        ("$10", "price"),
        ("RM7.90", "price"),
        ("-12.50", "price"),
        ("1,234.00", "price"),
        ("30/03/2018", "date"),
        ("9-Aug-2017", "date"),
        ("18:21", "time"),
        ("9:00am", "time"),
        ("62620220", "phone"),
        ("+603-3362", "phone"),
        ("www.walk2fame.nl", "url"),
        ("LEVEL2", "code"),
        ("&", "sign"),
        ("***", "sign"),
        ("TAX(RM)", "other"),
    ],
)
def test_kinds(text: str, expected: str) -> None:
    assert kind(text) == expected
    assert expected in KINDS


@pytest.mark.parametrize(
    ("text", "expected"),
    [("SALE!", "UPPER"), ("Sale", "Capital"), ("sale", "lower"), ("iPhone", "mixed"), ("A", None), ("B2", None)],
)
def test_cases(text: str, expected: str | None) -> None:
    assert case(text) == expected


def test_shares_by_hand() -> None:
    found = statistics(["SALE", "Exit,", "a", "$10"])
    assert {name: share for name, share in found.kinds.items() if share} == {"word": 0.75, "price": 0.25}
    assert {name: share for name, share in found.lengths.items() if share} == {
        "1": 0.25,
        "3": 0.25,
        "4": 0.25,
        "5": 0.25,
    }
    assert found.cases == {"lower": 0, "Capital": 0.5, "UPPER": 0.5, "mixed": 0}
    # Of the three words of two characters and more one begins with a sign and one ends with a comma.
    assert (found.before, found.after[","], found.after["."], found.after["other sign"]) == pytest.approx(
        (1 / 3, 1 / 3, 0, 0)
    )
    assert found.characters["E"] == pytest.approx(2 / 13)
    assert sum(found.characters.values()) == pytest.approx(1)


def test_nothing_to_count_is_refused() -> None:
    with pytest.raises(ValueError, match="no words"):
        statistics([])


def test_distance_by_hand() -> None:
    assert distance({"a": 0.5, "b": 0.5}, {"a": 0.25, "c": 0.75}) == pytest.approx(0.75)
    assert distance({"a": 1.0}, {"a": 1.0}) == 0


@pytest.fixture(name="data")
def make_data(tmp_path: Path) -> Path:
    for name, lines in (
        ("icdar2015/train", "0,0,9,0,9,9,0,9,Genaxis Theatre\n0,0,9,0,9,9,0,9,###\n0,0,9,0,9,9,0,9,caf\u00e9\n"),
        ("icdar2003/train", "0,0,9,0,9,9,0,9,50%\n"),
        ("pseudo/sroie", "0,0,9,0,9,9,0,9,12.00\n"),
    ):
        (tmp_path / name / "images").mkdir(parents=True)
        (tmp_path / name / "gts").mkdir()
        cv2.imwrite(str(tmp_path / name / "images" / "a.png"), np.zeros((9, 9, 3), np.uint8))
        (tmp_path / name / "gts" / "gt_a.txt").write_text(lines, encoding="utf-8")
    (tmp_path / "word_crops" / "iiit5k_train").mkdir(parents=True)
    (tmp_path / "word_crops" / "iiit5k_train" / "labels.tsv").write_text("1.jpg\t315 KM\n", encoding="utf-8")
    return tmp_path


def test_real_words_are_split_and_printable(data: Path) -> None:
    folders = ["icdar2015/train", "icdar2003/train", "word_crops/iiit5k_train"]
    assert real_words(data, folders) == ["Genaxis", "Theatre", "50%", "315", "KM"]


def test_tables_have_a_column_each() -> None:
    lines = table({"one": statistics(["SALE"]), "two": statistics(["SALE", "12"])}).splitlines()
    assert lines[0] == "| | one | two |"
    assert "| kind: word | 100.0 | 50.0 |" in lines
    assert "| length 4 | 100.0 | 50.0 |" in lines
    assert {line.count("|") for line in lines} == {4}


@pytest.mark.parametrize(
    ("page", "word", "upper", "price"), [(False, 0.74, 0.45, 0.025), (True, 0.59, 0.32, 0.055)], ids=["scene", "page"]
)
def test_synthetic_words_are_mostly_words_beside_all_else(page: bool, word: float, upper: float, price: float) -> None:
    generator, rng = WordGenerator(SIGNS + RECEIPTS, lists={}), np.random.default_rng(1)
    found = statistics([generator.word(rng, page) for _ in range(12_000)])
    assert found.kinds["word"] == pytest.approx(word, abs=0.04)
    assert found.kinds["price"] == pytest.approx(price, abs=0.02)
    assert found.cases["UPPER"] == pytest.approx(upper, abs=0.05)
    assert sum(found.lengths[name] for name in ("3", "4", "5")) > 0.35
