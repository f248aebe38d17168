"""Tracks as WebVTT (https://www.w3.org/TR/webvtt1/): the text on the screen as captions of the video."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from spotter.reading.words import Word, arrange
from spotter.video.tracks import Track


def write_vtt(tracks: Sequence[Track], size: tuple[int, int]) -> str:
    """A cue for each time in which the text stays the same, with its lines in reading order. size: (width, height) of
    the video in pixels."""
    return "\n".join(["WEBVTT\n", *(f"{_time(a)} --> {_time(b)}\n{text}\n" for a, b, text in _cues(tracks, size))])


def _cues(tracks: Sequence[Track], size: tuple[int, int]) -> Iterator[tuple[float, float, str]]:
    times = sorted({time for track in tracks for time in (track.start, track.end)})
    ordered, next_one = sorted(tracks, key=lambda track: track.start), 0
    shown: list[Track] = []
    began, before = 0.0, ""
    for start, _ in [*pairwise(times), (times[-1] if times else 0.0, None)]:
        while next_one < len(ordered) and ordered[next_one].start <= start:
            shown.append(ordered[next_one])
            next_one += 1
        shown = [track for track in shown if track.end > start]
        words = [Word(track.at(start), track.text, track.score) for track in shown]
        text = "\n".join(_escaped(line.text) for line in arrange(size, words).lines)
        if text != before:
            if before:
                yield began, start, before
            began, before = start, text


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float) -> str:
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
