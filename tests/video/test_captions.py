from spotter.reading.words import Word
from spotter.video.captions import write_vtt
from spotter.video.tracks import Track


def track(text: str, start: float, end: float, x: float = 0, y: float = 0) -> Track:
    made = Track(1, Word([[x, y], [x + 60, y], [x + 60, y + 20], [x, y + 20]], text, 0.9), start)
    made.end = end
    return made


def test_a_cue_for_each_text_of_the_screen() -> None:
    tracks = [
        track("world", 0.5, 3.25, x=70),
        track("Hello", 0.5, 3.25),
        track("again", 2, 3.25, y=30),
        track("Later", 3661.5, 3662),
    ]
    assert write_vtt(tracks, (320, 180)) == (
        "WEBVTT\n\n"
        "00:00:00.500 --> 00:00:02.000\nHello world\n\n"
        "00:00:02.000 --> 00:00:03.250\nHello world\nagain\n\n"
        "01:01:01.500 --> 01:01:02.000\nLater\n"
    )


def test_a_word_that_is_replaced_by_its_equal_changes_nothing() -> None:
    assert write_vtt([track("OPEN", 0, 1), track("OPEN", 1, 2, x=5)], (320, 180)) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nOPEN\n"
    )


def test_what_marks_up_captions_is_escaped() -> None:
    assert "\na&amp;b&lt;i&gt;--&gt;\n" in write_vtt([track("a&b<i>-->", 0, 1)], (320, 180))


def test_no_text_is_an_empty_file_of_captions() -> None:
    assert write_vtt([], (320, 180)) == "WEBVTT\n"
