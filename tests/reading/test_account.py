import pytest

from spotter.reading.account import TAKEN, TOO_SLOW, account, why_one_look
from spotter.reading.imaging import Prepared
from spotter.reading.session import Rows
from tests.reading.test_second_look import first_look


@pytest.mark.parametrize(
    ("look", "limit", "verdict", "reason"),
    [(first_look(height=8), 0, "skipped", "look once"),
     (first_look(height=8), 1024, "skipped", "no more than 1024 pixels"),
     (first_look(height=11, words=1_400), 2272, "skipped", "so many words"),
     (first_look(height=20), 2272, "not_needed", "large enough"),
     (first_look(height=8, words=7), 2272, "not_needed", "too few words")],
)  # fmt: skip
def test_why_there_is_one_look(look: tuple[Rows, Prepared], limit: int, verdict: str, reason: str) -> None:
    result = why_one_look(*look, limit)
    assert result.closer_look == verdict
    assert reason in result.reason


@pytest.mark.parametrize(
    ("height", "words", "upload", "reason"),
    [
        (11.5, 20, (1100, 825), "own size"),
        (8, 7, (1100, 825), "own size"),
        (8, 20, (700, 525), "enlarged in the first look"),
    ],
)
def test_a_picture_seen_at_its_own_size_or_larger_needs_no_closer_look(
    height: float, words: int, upload: tuple[int, int], reason: str
) -> None:
    rows, seen = first_look(height, words)
    result = why_one_look(rows, Prepared(seen.padded, seen.working, upload), 2272)
    assert result.closer_look == "not_needed"
    assert reason in result.reason


def test_the_answer_says_what_may_be_missing() -> None:
    rows, seen = first_look(height=8)
    result = account(rows, seen, TOO_SLOW, len(rows.scores))
    assert result["reading"] == {
        "width": 1000, "height": 750, "downscaled": True, "turned": 0, "closer_look": "skipped",
        "reason": "the deadline came before it was done", "least_height": 36.0, "candidates_cut": False, "unread": None,
    }  # fmt: skip
    sized, skipped, small = result["warnings"]
    assert "1000 of its 4000 pixels" in sized
    assert "36 pixels" in sized
    assert "the deadline came" in skipped
    assert "lower than 12 pixels" in small


def test_there_is_nothing_to_warn_of_where_all_was_seen() -> None:
    rows, seen = first_look(height=20)
    whole = Prepared(seen.padded, seen.working, seen.working)
    assert account(rows, whole, TAKEN, len(rows.scores))["warnings"] == []
    result = account(rows, whole, TAKEN, 1_401)
    assert result["reading"]["candidates_cut"]
    assert "More than 1400 words" in result["warnings"][0]


def test_many_places_that_could_not_be_read_are_a_warning() -> None:
    rows, seen = first_look(height=20)
    whole = Prepared(seen.padded, seen.working, seen.working)
    for found, unread, warned in ((20, 12, True), (20, 9, False), (4, 4, False), (20, None, False)):
        result = account(rows, whole, TAKEN, found, unread)
        assert result["reading"]["unread"] == unread
        assert any("could not be read" in warning for warning in result["warnings"]) == warned
