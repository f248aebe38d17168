import pytest

from spotter.reading.words import Word
from spotter.video.tracks import Track


def word(text: str, score: float, x: float = 0) -> Word:
    return Word([[x, 0.0], [x + 40, 0.0], [x + 40, 10.0], [x, 10.0]], text, score)


def track(*readings: tuple[str, float]) -> Track:
    made = Track(1, word(*readings[0]), 0.0)
    for step, reading in enumerate(readings[1:], 1):
        made.motion.predict(1)
        made.add(word(*reading, x=5.0 * step), 0.5 * step)
    return made


def test_the_largest_sum_of_scores_wins() -> None:
    # 0.9 once against 0.5 and 0.6: neither the surest reading nor, with 0.3, 0.3 and 0.2, the most frequent one
    best = track(("HARB0UR", 0.9), ("HARBOUR", 0.5), ("HARBOUR", 0.6), ("HAR8OUR", 0.3), ("HAR8OUR", 0.3))
    assert (best.text, best.frames) == ("HARBOUR", 5)
    assert best.score == pytest.approx(0.55)
    assert best.agreement == pytest.approx(1.1 / 2.6)
    assert track(("no", 0.2), ("on", 0.7), ("no", 0.2), ("no", 0.2)).text == "on"


def test_the_answer_has_readings_and_path() -> None:
    answer = track(("on", 0.5), ("no", 0.75)).render()
    assert answer == {
        "track": 1,
        "text": "no",
        "score": 0.75,
        "agreement": 0.6,
        "start": 0.0,
        "end": 0.0,
        "frames": 2,
        "readings": [{"text": "no", "count": 1, "score": 0.75}, {"text": "on", "count": 1, "score": 0.5}],
        "path": [
            {"time": 0.0, "polygon": word("", 0).polygon},
            {"time": 0.5, "polygon": word("", 0, 5).polygon},
        ],
    }


def test_where_it_was() -> None:
    made = track(("on", 0.5), ("on", 0.5), ("on", 0.5))
    assert [made.at(time)[0][0] for time in (0.0, 0.4, 0.5, 0.9, 7.0)] == [0, 0, 5, 5, 10]


def test_long_tracks_stay_small() -> None:
    made = Track(1, word("0", 0.5), 0.0)
    for step in range(1, 2_000):
        made.motion.predict(1)
        made.add(word("best" if step % 10 == 0 else str(step), 0.5), 0.5 * step)
    answer = made.render()
    assert (answer["text"], answer["frames"]) == ("best", 2_000)
    assert answer["readings"][0]["count"] == 199
    assert len(answer["readings"]) == 5
    assert 500 <= len(answer["path"]) <= 1_000
    assert answer["path"][0]["time"] == 0
