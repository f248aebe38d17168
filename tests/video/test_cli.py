import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spotter.cli.main import main
from spotter.video.frames import Video
from tests.reading.tiny import words_of
from tests.video.clips import cut_off, plain, write
from tests.video.streaming import camera

COLOURS = [(20, 40, 0)] * 10 + [(255, 133, 0)] * 10


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds: two words, and then two others."""
    return write(tmp_path_factory.mktemp("clip") / "clip.avi", map(plain, COLOURS))


def video(registry: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["video", "--registry", str(registry), "--threads", "1", *map(str, arguments)])


def decoded(clip: Path) -> list[list[str]]:
    """What the tiny model reads in the first and in the last frame, whose colours were compressed."""
    with Video(str(clip)) as opened:
        shown = [frame.pixels[0, 0].tolist() for frame in opened.frames(0)]
    return [words_of((red, green, 0)) for red, green, _ in (shown[0], shown[-1])]


def test_tracks_as_json_lines(registry: Path, clip: Path) -> None:
    result = video(registry, clip)
    assert result.exit_code == 0, result.stderr
    tracks = [json.loads(line) for line in result.stdout.splitlines()]
    first, second = decoded(clip)
    assert [(track["text"], track["start"], track["end"]) for track in tracks] == [
        *((text, 0.0, 1.0) for text in first),
        *((text, 1.0, 2.0) for text in second),
    ]
    assert re.fullmatch(
        r"4 frames sampled, 2 read, 2 unchanged; 4 words followed; [\d.]+ s, of which [\d.]+ s reading; "
        r"about [\d.]+ s saved\n",
        result.stderr,
    )


def test_captions(registry: Path, clip: Path) -> None:
    first, second = ("\n".join(words) for words in decoded(clip))
    assert video(registry, clip, "--format", "vtt", "--fps", "5").stdout == (
        f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{first}\n\n00:00:01.000 --> 00:00:02.000\n{second}\n"
    )


def test_how_much_is_read(registry: Path, clip: Path) -> None:
    for options, sampled in (
        (("--every", 0), 20),
        (("--every", 0.2), 10),
        (("--fps", 1), 2),
        (("--fps", 5, "--seconds", 0.9), 5),
    ):
        assert video(registry, clip, *options).stderr.startswith(f"{sampled} frames sampled")


def test_problems_are_a_line_that_says_what_to_do(registry: Path, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video\n" * 99)
    for name, kind in (("empty.mp4", "empty-video"), ("text.mp4", "broken-video"), ("none.mp4", "broken-video")):
        result = video(registry, tmp_path / name)
        assert (result.exit_code, result.stdout) == (1, "")
        problem = json.loads(result.stderr)
        assert (problem["file"], problem["type"]) == (str(tmp_path / name), f"urn:spotter:problem:{kind}")
        assert problem["remedy"]
    assert video(registry, clip, "--every", 1, "--fps", 1).exit_code == 2
    result = video(registry, clip, "--alias", "nothing")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


def test_what_was_read_before_a_problem_is_written(registry: Path, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.avi").write_bytes(cut_off(clip.read_bytes()))
    for arguments, kind in (
        ((tmp_path / "cut.avi",), "truncated-video"),
        ((clip, "--most-frames", "2"), "endless-video"),
    ):
        result = video(registry, *arguments)
        assert result.exit_code == 1
        assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == decoded(clip)[0]
        summary, problem = result.stderr.splitlines()
        assert "frames sampled" in summary
        assert json.loads(problem)["type"] == f"urn:spotter:problem:{kind}"


def test_standard_input(registry: Path, clip: Path) -> None:
    command = [sys.executable, "-m", "spotter", "video", "-", "--registry", str(registry), "--threads", "1"]
    with clip.open("rb") as data:
        done = subprocess.run(command, stdin=data, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == [*decoded(clip)[0], *decoded(clip)[1]]


def test_a_live_stream_is_read_until_it_was_asked_for(registry: Path) -> None:
    endless = (plain((20, 40, 0)) for _ in range(10_000))
    with camera(endless, 0.05) as address:
        result = video(registry, address, "--live", "--every", "0.2", "--seconds", "1")
    assert result.exit_code == 0, result.stderr
    tracks = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(tracks) == 2
    assert all(0 <= track["start"] < track["end"] <= 1.3 for track in tracks)  # a busy machine may leave frames out
