"""The commands of docs/train-your-own.md, with the network that ships: a step of each run, put together and read by."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from spotter.cli.main import main
from spotter.families.build import load_spotter

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "recipes/start/weights.pt"


def run(*words: str | Path) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words], standalone_mode=False)
    if isinstance(result.exception, click.ClickException):
        raise AssertionError(result.exception.message)
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("one_thread")
def test_detector_and_reader_learn_on_from_the_weights_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("synth", "pool", "pool", "--count", "200", "--seed", "1")
    run("synth", "write", "own/train", "--count", "2", "--seed", "1", "--pool", "pool")
    for part in ("detector", "reader"):
        recipe = ROOT / f"recipes/own-{part}.toml"
        words = ("--data", ".", "--pool", "pool", "--start-from", WEIGHTS, "--weights", f"{part}.pt", "--workers", "0")
        run("train", f"{part}-run", "--recipe", recipe, *words, "--minutes", "0.001")
    run("combine", "both.pt", "detector.pt", "reader.pt")
    both, start = load_spotter(Path("both.pt")).state_dict(), load_spotter(WEIGHTS).state_dict()
    moved = {name.split(".")[0] for name, value in both.items() if name in start and not value.equal(start[name])}
    print(moved)
    assert {"backbone", "neck", "head"} < moved
