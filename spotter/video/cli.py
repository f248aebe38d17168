"""`spotter video`."""

import contextlib
import json
import math
import sys
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import click
from tqdm import tqdm

from spotter.formats.cli import Rectangle, settings_from
from spotter.reading.bundles import find_bundle
from spotter.reading.errors import ProblemError
from spotter.reading.imaging import Region
from spotter.reading.reader import Reader
from spotter.reading.session import Session
from spotter.reading.settings import ReadingSettings
from spotter.registry.errors import RegistryError
from spotter.video.captions import write_vtt
from spotter.video.following import Account, Follower
from spotter.video.frames import MOST_FRAMES, Frame, Video, in_background
from spotter.video.tracks import Track

_EVERY = 0.5


@click.command()
@click.argument("source")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "vtt"]),
    default="jsonl",
    show_default=True,
    help="A line of JSON for each word's track, as it ends; or captions, at the end.",
)
@click.option("--every", type=click.FloatRange(0), help=f"Seconds from one frame to the next; {_EVERY} by default.")
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="The same as frames a second.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Of the video that are read; all by default.")
@click.option("--most-frames", type=click.IntRange(1), help=f"Frames to read at most; {MOST_FRAMES}, any with --live.")
@click.option("--live", is_flag=True, help="A stream as it comes: frames that reading is too slow for are left out.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Least score of a new word; the model's by default.")
@click.option("--max-side", type=click.IntRange(64, 16_384), help="Pixels of the long side at which to read.")
@click.option("--region", type=Rectangle(), help="X,Y,W,H in pixels of the video: read only there.")
@click.option("--threads", type=click.IntRange(1), help="Threads of the model; all cores by default.")
@click.option("--registry", help="Folder or mlflow+http(s)://...; the embedded one by default.")
@click.option("--model", help="Name of the model; spotter by default.")
@click.option("--alias", help="Alias or version; live by default.")
def video(
    source: str,
    form: str,
    every: float | None,
    fps: float | None,
    seconds: float | None,
    most_frames: int | None,
    live: bool,
    min_score: float | None,
    max_side: int | None,
    region: Region | None,
    **options: Any,
) -> None:
    """Read the video in SOURCE and track its words.

    SOURCE is a file, a URL that FFmpeg reads (http, rtsp, ...), or - for standard input. Frames are sampled, unchanged
    frames are not read again, and the best reading of each word is kept: see docs/video.md.
    """
    if every is not None and fps is not None:
        raise click.UsageError("--every and --fps say the same: give one of them")
    every = 1 / fps if fps is not None else _EVERY if every is None else every
    settings = settings_from(ReadingSettings, options)
    began = time.monotonic()
    shown: list[Track] = []
    try:
        with Video(source, settings.limits) as clip:
            bundle = find_bundle(settings)
            reader = Reader(bundle, Session(bundle, settings.session), settings.limits, max_side)
            follower = Follower(reader, clip.step(every), min_score, settings.closest, region)
            most = most_frames or (None if live else MOST_FRAMES)
            frames = in_background(clip.frames(every, seconds, most, time.monotonic if live else None), newest=live)
            bar = tqdm(total=_expected(clip, every, seconds), unit="frame", disable=not sys.stderr.isatty())
            with bar, contextlib.closing(frames):
                try:
                    for track in follower.follow(_counted(frames, bar, follower.account)):
                        shown += _written([track], form, bar)
                finally:  # what was read is written however the video ends
                    shown += _written(follower.finish(), form, bar)
                    if form == "vtt" and follower.account.sampled:
                        click.echo(write_vtt(shown, clip.size), nl=False)
                    bar.close()
                    if follower.account.sampled:
                        click.echo(_summary(follower.account, time.monotonic() - began), err=True)
    except RegistryError as error:
        raise click.ClickException(str(error)) from None
    except ProblemError as problem:
        click.echo(json.dumps({"file": source, **problem.body()}, ensure_ascii=False), err=True)
        sys.exit(1)


def _expected(clip: Video, every: float, seconds: float | None) -> int | None:
    """How many frames will be sampled, None where the video does not say."""
    lasts = min((each for each in (clip.duration, seconds) if each is not None), default=None)
    return math.ceil(lasts / clip.step(every)) if lasts is not None else None


def _counted(frames: Iterator[Frame], bar: "tqdm[NoReturn]", account: Account) -> Iterator[Frame]:
    for frame in frames:
        yield frame
        bar.set_postfix(read=account.read, tracks=account.tracks, refresh=False)
        bar.update()


def _written(tracks: list[Track], form: str, bar: "tqdm[NoReturn]") -> list[Track]:
    """Writes tracks as JSON lines. Returns those that are still to be written in another form."""
    if form != "jsonl":
        return tracks
    for track in tracks:
        with bar.external_write_mode():
            click.echo(json.dumps(track.render(), ensure_ascii=False))
    return []


def _summary(account: Account, seconds: float) -> str:
    return (
        f"{account.sampled} frames sampled, {account.read} read, {account.unchanged} unchanged; {account.tracks} words "
        f"followed; {seconds:.1f} s, of which {account.read_seconds:.1f} s reading; "
        f"about {account.saved_seconds:.1f} s saved"
    )
