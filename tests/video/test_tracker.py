import itertools
from collections.abc import Iterable

import numpy as np
import pytest

from spotter.reading.words import Word
from spotter.video.tracker import Tracker, similarity
from spotter.video.tracks import Track


def word(text: str, x: float, y: float = 0.0, score: float = 0.9, width: float = 80, height: float = 20) -> Word:
    return Word([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], text, score)


def follow(frames: Iterable[list[Word]], step: float = 0.5) -> list[Track]:
    """All tracks of frames a step apart, in order of appearance."""
    tracker, ended, time = Tracker(step, 0.3), list[Track](), 0.0
    for words in frames:
        ended += tracker.update(words, time)
        time += step
    return sorted(ended + tracker.finish(time), key=lambda track: track.number)


def told(tracks: Iterable[Track]) -> list[tuple[str, float, float, int]]:
    return [(track.text, track.start, track.end, track.frames) for track in tracks]


def test_words_that_cross_keep_their_tracks() -> None:
    tracks = follow([[word("left", 30.0 * step), word("right", 240 - 30.0 * step)] for step in range(9)])
    assert told(tracks) == [("left", 0, 4.5, 9), ("right", 0, 4.5, 9)]
    assert [track.at(4)[0][0] for track in tracks] == [240, 0]


@pytest.mark.parametrize("speed", [5, 40, 100])
def test_a_ticker_is_followed_up_to_five_heights_a_frame(speed: int) -> None:
    names = ["Harbour", "Street", "Bakery", "1987", "Open", "until", "18:30", "closed", "on", "Sunday"]
    rng = np.random.default_rng(0)
    frames = [
        [
            word(name, x + rng.normal(0, 1), 100 + rng.normal(0, 1), width=90)
            for index, name in enumerate(names)
            if (x := 20 + 110 * index + speed * step) < 1280
        ]
        for step in range(12)
    ]
    assert [track.text for track in follow(frames)] == names


def test_a_blurred_word_of_low_score_continues_its_track_but_begins_none() -> None:
    blurred = word("H?r", 12, 1, score=0.15)
    tracks = follow([[word("Harbour", 10)], [blurred, word("ghost", 400, score=0.2)], [word("Harbour", 14)]])
    assert told(tracks) == [("Harbour", 0, 1.5, 3)]
    assert [reading["text"] for reading in tracks[0].render()["readings"]] == ["Harbour", "H?r"]


def test_a_low_score_needs_the_place() -> None:
    tracks = follow([[word("Harbour", 10)], [word("Harbour", 70, score=0.2)]])
    assert told(tracks) == [("Harbour", 0, 0.5, 1)]


def test_a_misread_letter_stays_in_the_track() -> None:
    frames = [[word(text, 10)] for text in ("HARBOUR", "HARB0UR", "harbour", "HARBOUR")]
    assert told(follow(frames)) == [("HARBOUR", 0, 2, 4)]


def test_another_text_in_the_same_place_is_another_track() -> None:
    tracks = follow([[word("Hello", 10)], [word("Hello", 10)], [word("World", 10)], [word("World", 10)]])
    assert told(tracks) == [("Hello", 0, 1, 2), ("World", 1, 2, 2)]


def test_the_same_text_in_two_places_is_two_tracks() -> None:
    tracks = follow([[word("EXIT", 10), word("EXIT", 100)], [word("EXIT", 98), word("EXIT", 12)]])
    assert [track.at(9)[0][0] for track in tracks] == [12, 98]


def test_a_word_may_be_hidden_for_a_moment() -> None:
    sign = [word("OPEN", 10)]
    assert told(follow([sign, [], [], sign])) == [("OPEN", 0, 2, 2)]
    assert told(follow([sign, [], [], [], [], sign])) == [("OPEN", 0, 0.5, 1), ("OPEN", 2.5, 3, 1)]


def test_a_track_is_told_as_soon_as_it_is_over() -> None:
    tracker = Tracker(0.5, 0.3)
    ended = [tracker.update([word("OPEN", 10)] if not time else [], time) for time in (0, 0.5, 1.0, 1.5, 2.0)]
    assert [len(each) for each in ended] == [0, 0, 0, 0, 1]
    assert tracker.finish(2.5) == []


def test_unchanged_frames_prolong_what_is_in_sight_and_end_what_is_not() -> None:
    tracker = Tracker(0.5, 0.3)
    tracker.update([word("stays", 10), word("goes", 10, 200)], 0)
    tracker.update([word("stays", 40)], 0.5)
    ended = list(itertools.chain(*(tracker.hold(time) for time in (1.0, 1.5, 2.0, 2.5, 3.0))))
    assert told(ended) == [("goes", 0, 0.5, 1)]
    tracker.update([word("stays", 42)], 3.5)  # it had moved by 30, and then stood
    assert told(tracker.finish(4.0)) == [("stays", 0, 4, 3)]


def test_crossed_polygons_are_no_error() -> None:
    bow = Word([[0, 0], [80, 20], [80, 0], [0, 20]], "bow", 0.9)
    assert told(follow([[bow], [bow]])) == [("bow", 0, 1, 2)]


def test_similarity() -> None:
    assert similarity("Open", "OPEN") == 1
    assert similarity("abcd", "abxd") == 0.75
    assert similarity("abc", "xyz") == 0
