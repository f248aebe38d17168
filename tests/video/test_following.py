"""The bundle that ships reads a street before a shaking camera."""

from pathlib import Path
from typing import Any

import pytest

from spotter.reading.bundles import find_bundle
from spotter.reading.errors import RegionOffPictureError
from spotter.reading.imaging import Region
from spotter.reading.reader import Reader
from spotter.reading.session import Session, SessionOptions
from spotter.reading.settings import ReadingSettings
from spotter.reading.words import Word
from spotter.video.following import Follower
from spotter.video.frames import Frame, Video
from tests.reading.tiny import words_of, write_tiny_bundle
from tests.video.clips import plain, street, words, write


def test_the_tracked_reading_beats_every_single_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = find_bundle(ReadingSettings())
    reader = Reader(bundle, Session(bundle, SessionOptions(1)), max_side=640)
    single: list[set[str]] = []

    def read(*arguments: Any) -> list[Word]:
        found = Reader.read(reader, *arguments)
        sure = {word.text for word in found if word.score >= bundle.manifest.score_threshold}
        single.append(sure & set(words()))
        return found

    monkeypatch.setattr(reader, "read", read)
    with Video(str(write(tmp_path / "street.avi", street(6)))) as video:
        frames = list(video.frames(0))
        follower = Follower(reader, video.step(0))
    tracks = [*follower.follow(frames), *follower.finish()]
    assert sorted(track.text for track in tracks) == sorted(words())
    assert len(single) == 6
    assert max(map(len, single)) <= 5 < len(words())
    assert all(track.start <= 0.1 and track.end >= 0.5 for track in tracks)
    harbour = next(track for track in tracks if track.text == "Harbour")
    assert harbour.at(0.5)[0][0] - harbour.at(harbour.start)[0][0] == pytest.approx(50 * (0.5 - harbour.start), abs=8)


@pytest.fixture
def tiny(tmp_path: Path) -> Reader:
    """Reads a red value in the upper half and a green one in the lower half of pictures of one colour."""
    write_tiny_bundle(tmp_path / "tiny")
    return Reader.open(tmp_path / "tiny")


def test_unchanged_frames_are_not_read(tiny: Reader) -> None:
    colours = [(10, 0, 0)] * 5 + [(255, 133, 0)] * 5
    follower = Follower(tiny, 0.5)
    frames = [Frame(0.5 * index, plain(colour)) for index, colour in enumerate(colours)]
    tracks = [*follower.follow(frames), *follower.finish()]
    assert [(track.text, track.start, track.end, track.frames) for track in tracks] == [
        ("010", 0, 2.5, 1),
        ("255", 2.5, 5, 1),
        ("133", 2.5, 5, 1),
    ]
    account = follower.account
    assert (account.sampled, account.read, account.unchanged, account.tracks) == (10, 2, 8, 3)
    assert account.saved_seconds == pytest.approx(4 * account.read_seconds)


def test_a_region_is_read_alone_and_in_the_pixels_of_the_frame(tiny: Reader) -> None:
    pixels = plain((1, 0, 0))
    pixels[20:60, 30:90] = (7, 9, 0)
    follower = Follower(tiny, 0.5, region=Region(30, 20, 60, 1000))
    changed = pixels.copy()
    changed[:20] = 255  # outside
    assert list(follower.follow([Frame(0, pixels), Frame(0.5, changed)])) == []
    tracks = follower.finish()
    assert [track.text for track in tracks] == words_of((7, 9, 0))
    assert tracks[0].at(0)[0] == [30, 20]
    assert follower.account.read == 1
    with pytest.raises(RegionOffPictureError):
        list(Follower(tiny, 0.5, region=Region(96, 0, 5, 5)).follow([Frame(0, pixels)]))
