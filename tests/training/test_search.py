"""The search over widths and depths: what is drawn, who goes on, and what is kept."""

import json
import math
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from spotter.cli import search as command
from spotter.families.catalogue import FAMILIES
from spotter.families.config import SpotterConfig
from spotter.model.config import BACKBONE_PLANS, BLOCKS, BackboneConfig
from spotter.training.ablation import Row
from spotter.training.loop import DivergedError
from spotter.training.recipe import Recipe, parse_recipe
from spotter.training.search import run
from spotter.training.search.halving import better_half, successive_halving
from spotter.training.search.held_out import HeldOut
from spotter.training.search.pareto import front
from spotter.training.search.report import recipe_lines, table
from spotter.training.search.results import HELD_OUT, RESULTS, Candidate, Settings
from spotter.training.search.run import Search
from spotter.training.search.space import NECKS, Dimensions, draw, widened
from spotter.training.step_batches import StepBatches
from spotter.training.synthesis import Backgrounds
from tests.model.small import small_config, small_spotter
from tests.training.small import SHORT, SMALL_MODEL, NoiseSource

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = Settings("digest", 40.0, candidates=4, steps=10, halvings=2, seed=3, side=64)


def drawn(config: SpotterConfig, seed: int, count: int = 40) -> list[Dimensions]:
    rng = np.random.default_rng(seed)
    return [draw(config, rng) for _ in range(count)]


def test_the_same_seed_draws_the_same_within_the_space() -> None:
    found = drawn(SpotterConfig(), 1)
    assert found == drawn(SpotterConfig(), 1)
    assert found != drawn(SpotterConfig(), 2)
    # 0.5, 0.75, 1 and 1.25 times the default's 16; 32, 64, 128, 256, 256; and 32.
    assert {each.stem for each in found} == {8, 12, 16, 20}
    assert {each.channels[0] for each in found} == {16, 24, 32, 40}
    assert {each.channels[1] for each in found} == {32, 48, 64, 80}
    assert {each.channels[4] for each in found} == {128, 192, 256, 320}
    assert {depth for each in found for depth in each.blocks} == {1, 2, 3}
    assert {each.neck for each in found} == set(NECKS)
    assert {each.head for each in found} == {16, 24, 32, 40}
    assert all(len(each.channels) == len(each.blocks) == 5 for each in found)


def test_widths_are_the_closest_multiples() -> None:
    assert [widened(64, 0.75, 8), widened(32, 1.25, 8), widened(44, 1.0, 8), widened(4, 0.5, 8)] == [48, 40, 48, 8]
    assert widened(96, 0.75, 32) == 64  # 72 is closer to 64 than to 96


@pytest.mark.parametrize("block", BLOCKS)
def test_every_kind_of_block_takes_what_is_drawn(block: str) -> None:
    base = SpotterConfig(backbone=BackboneConfig(block=block))
    for each in drawn(base, 0):
        network = each.applied(base)
        assert Dimensions.of(network) == each
        assert network.backbone.block == block


@pytest.mark.parametrize("family", FAMILIES)
def test_heads_of_every_family_have_a_width(family: str) -> None:
    base = SpotterConfig(family=family)
    narrow = replace(Dimensions.of(base), head=24)
    assert narrow.applied(base).detection == replace(base.detection, channels=24)


def test_the_better_half_goes_on_twice_as_long() -> None:
    # b starts best, c overtakes it, and e, which would have been best in the end, is out after ten steps.
    losses = {
        10: {"a": 3.0, "b": 1.0, "c": 2.0, "d": math.inf, "e": 4.0},
        20: {"b": 1.0, "c": 0.5, "e": 0.1},
        40: {"c": 0.4, "e": 0.0},
    }
    calls: list[tuple[str, int]] = []

    def train(name: str, steps: int) -> float:
        calls.append((name, steps))
        return losses[steps][name]

    assert successive_halving("abcde", train, 10, 3) == ("c", 0.4)
    assert calls == [*((name, 10) for name in "abcde"), ("b", 20), ("c", 20), ("c", 40)]
    assert successive_halving("abcde", train, 10, 0) == ("b", 1.0)
    with pytest.raises(ValueError, match="nobody"):
        successive_halving("", train, 10, 1)


def test_of_equal_losses_the_earlier_stays() -> None:
    assert better_half([2.0, 1.0, 2.0, 2.0]) == [0, 1]
    assert better_half([math.inf]) == [0]


def test_the_front_is_whom_none_beats_in_both() -> None:
    points = [(10.0, 3.0), (20.0, 2.0), (15.0, 2.5), (20.0, 2.4), (30.0, 2.0), (12.0, 3.5), (15.0, 2.5)]
    assert front(points) == [0, 2, 6, 1]
    assert front([(10.0, 1.0), (9.0, 2.0)]) == [1, 0]
    assert front([]) == []


class Trained:
    """Stands in for training: losses by the neck's width and the steps; it counts what is asked of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[int, int]] = []
        self.measured = 0
        self.fails: dict[int, Exception] = {}
        self.losses: Callable[[int, int], float] = lambda number, steps: 1.0 + number / steps
        monkeypatch.setattr(run, "run_row", self)

    def __call__(self, folder: Path, row: Row, *_: Any, steps: int, **__: Any) -> dict[str, Any]:
        number = int(folder.name)
        if number in self.fails:
            raise self.fails[number]
        self.calls.append((number, steps))
        return {"name": row.name, "fresh": "", "pictures": 2 * steps, HELD_OUT: self.losses(number, steps)}

    def measure(self, config: SpotterConfig) -> float:
        self.measured += 1
        return float(config.neck)


@pytest.fixture(name="trained")
def make_trained(monkeypatch: pytest.MonkeyPatch) -> Trained:
    return Trained(monkeypatch)


def recipe(model: SpotterConfig | None = None) -> Recipe:
    return Recipe(SHORT, model or SpotterConfig(), (), ())


def searched(folder: Path, trained: Trained, settings: Settings = SETTINGS) -> tuple[list[Candidate], Candidate]:
    return Search(folder, recipe(), settings, NoiseSource(), trained.measure, lambda _: {})()


def test_only_those_within_the_budget_are_trained(tmp_path: Path, trained: Trained) -> None:
    everyone, winner = searched(tmp_path, trained)
    assert everyone[0].dimensions == Dimensions.of(SpotterConfig())  # 64 wide, so over the budget of 40 ms
    fit = [each.number for each in everyone if each.milliseconds <= 40]
    assert len(fit) == 4
    assert len(everyone) == trained.measured > 4
    assert {each.dimensions.neck for each in everyone if each.runs} == {32}
    # Losses rise with the number: the first two, then the first, go on.
    assert trained.calls == [*((number, 10) for number in fit), *((number, 20) for number in fit[:2]), (fit[0], 40)]
    assert winner.number == fit[0]
    assert [run["steps"] for run in winner.runs] == [10, 20, 40]
    kept = json.loads((tmp_path / RESULTS).read_text())
    assert kept["winner"] == fit[0]
    assert [entry["milliseconds"] for entry in kept["candidates"]] == [each.milliseconds for each in everyone]


def test_what_was_done_is_not_done_again(tmp_path: Path, trained: Trained) -> None:
    whole = searched(tmp_path / "whole", trained)
    calls, measured = trained.calls, trained.measured
    trained.calls, trained.measured = [], 0
    trained.fails = {calls[2][0]: InterruptedError("stopped")}
    with pytest.raises(InterruptedError):
        searched(tmp_path / "parts", trained)
    assert (trained.calls, trained.measured) == (calls[:2], measured)
    trained.fails = {}
    assert searched(tmp_path / "parts", trained) == whole
    assert searched(tmp_path / "parts", trained) == whole
    assert (trained.calls, trained.measured) == (calls, measured)
    with pytest.raises(ValueError, match=r"other settings \(steps, seed\)"):
        searched(tmp_path / "parts", trained, replace(SETTINGS, steps=20, seed=4))


def test_who_diverges_is_out(tmp_path: Path, trained: Trained) -> None:
    fit = [each.number for each in searched(tmp_path / "all", trained)[0] if each.runs]
    trained.fails = {fit[0]: DivergedError("not finite")}
    trained.losses = lambda number, _: math.nan if number == fit[1] else float(number)
    everyone, winner = searched(tmp_path / "some", trained)
    assert winner.number == fit[2]
    assert "| diverged |" in table(everyone, winner)
    assert "NaN" not in (tmp_path / "some" / RESULTS).read_text()
    trained.fails = {number: DivergedError("not finite") for number in fit}
    with pytest.raises(ValueError, match="every candidate diverged"):
        searched(tmp_path / "none", trained)


def test_a_budget_that_nobody_keeps_is_told(tmp_path: Path, trained: Trained) -> None:
    with pytest.raises(ValueError, match=r"none of 40 networks takes 5 ms or less; the fastest takes 32.0 ms"):
        searched(tmp_path, trained, replace(SETTINGS, budget_ms=5))
    assert not trained.calls


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"charset": "latin-and-greek", "backbone": {"plan": "resnet18", "excitation": True}},
        {"neck": 48, "recogniser": {"plan": "small", "margin_x": 0.25}, "detection": {"score_threshold": 0.25}},
    ],
)
def test_the_winner_is_told_as_lines_of_a_recipe(model: dict[str, Any]) -> None:
    base = parse_recipe({"model": model, "source": []}).model
    winner = Candidate(1, drawn(base, 5, 1)[0], 10.0)
    lines = recipe_lines(model, winner)
    assert parse_recipe({**tomllib.loads(lines), "source": []}).model == winner.dimensions.applied(base)
    assert BACKBONE_PLANS["resnet18"].blocks == (2, 2, 2, 2)  # plans are not written to


def test_held_out_pictures_are_the_same_for_all_and_none_that_is_trained_on() -> None:
    judge = HeldOut(NoiseSource(), SHORT, small_config())
    again = HeldOut(NoiseSource(), SHORT, small_config())
    assert len(judge.batches) == 32
    assert all(torch.equal(one.images, other.images) for one, other in zip(judge.batches, again.batches, strict=True))
    steps = StepBatches(NoiseSource(), SHORT, small_spotter().charset, judge.family, 0)
    trained_on = [steps[index].images for index in range(len(steps))]
    assert not any(torch.equal(seen, batch.images) for seen in trained_on for batch in judge.batches)
    network = small_spotter()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    losses = judge(network)
    assert losses == again(network)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    parts = [value for name, value in losses.items() if name != HELD_OUT]
    assert losses[HELD_OUT] == pytest.approx(sum(parts), abs=1e-3)
    assert {"held_out/score", "held_out/dice", "held_out/box"} <= losses.keys()
    with torch.no_grad():
        # Statistics that lag behind do not count.
        network.get_buffer("backbone.stem.1.running_mean").fill_(3.0)
        assert judge(network) == losses
        # A network that is sure there is text everywhere is worse.
        network.get_parameter("head.out.bias")[0] += 9
    assert judge(network)["held_out/score"] > losses["held_out/score"] + 1


RECIPE = f"""
[train]
size = 64
sizes = [64]
batch = 2
words = 2
groups = 1
warmup = 1
{SMALL_MODEL}[[source]]
kind = "labelled"
path = "street"
weight = 1.0
"""


@pytest.fixture(name="place")
def make_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "street" / "images").mkdir(parents=True)
    (tmp_path / "street" / "gts").mkdir()
    cv2.imwrite(str(tmp_path / "street" / "images" / "a.png"), np.full((96, 128, 3), 80, np.uint8))
    (tmp_path / "street" / "gts" / "gt_a.txt").write_text("10,10,70,10,70,34,10,34,EXIT\n")
    backgrounds = Backgrounds.load([], drawn=1)  # 64 take a second
    monkeypatch.setattr(Backgrounds, "load", lambda _folders, part: backgrounds)
    # The real one takes seconds for each network; tests/export/test_latency.py has it.
    monkeypatch.setattr(command, "detector_milliseconds", lambda config, side: config.neck + side / 64)
    return tmp_path


def invoke(place: Path, *options: str) -> Result:
    fixed = [place / "recipe.toml", place / "out", "--data", place, "--workers", "0", "--side", "64"]
    return CliRunner().invoke(command.search, [str(item) for item in (*fixed, *options)])


def test_a_whole_search_of_small_networks(place: Path) -> None:
    options = ["--budget-ms", "40", "--candidates", "3", "--steps", "2", "--halvings", "1"]
    options += ["--against", f"icdar2015={place / 'street'}", "--limit", "1"]
    done = invoke(place, *options)
    assert done.exit_code == 0, done.output
    results = json.loads((place / "out" / RESULTS).read_text())
    runs = [entry["runs"] for entry in results["candidates"] if entry["runs"]]
    assert sorted(len(each) for each in runs) == [1, 1, 2]  # of three the better one goes on
    assert all(each[0]["pictures"] == 4 for each in runs)
    assert all(each[0]["icdar2015/detection"] >= 0 for each in runs)
    assert {entry["dimensions"]["neck"] for entry in results["candidates"] if entry["runs"]} == {8, 32}
    best = min(runs, key=lambda each: each[0][HELD_OUT])
    assert [each["pictures"] for each in best] == [4, 8]
    assert results["candidates"][results["winner"]]["runs"] == best
    assert "0 of" not in done.stdout
    assert "F icdar2015/detection" in done.stdout
    lines = done.stdout[done.stdout.index("[model]") :]
    assert parse_recipe({**tomllib.loads(lines), "source": []}).model.neck in (8, 32)
    picture = (place / "out" / "pareto.svg").read_text()
    assert ">2 steps<" in picture
    assert ">4 steps<" in picture
    logs = {file: file.read_text() for file in (place / "out").glob("*/log.jsonl")}
    assert len(logs) == 3
    again = invoke(place, *options)
    assert again.stdout == done.stdout
    assert {file: file.read_text() for file in (place / "out").glob("*/log.jsonl")} == logs
    other = invoke(place, *options, "--seed", "1")
    assert other.exit_code == 1
    assert "other settings (seed)" in other.stderr


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--budget-ms", "40", "--side", "100"), 2, "multiples of 64"),
        (("--budget-ms", "1"), 1, "none of"),
        (("--budget-ms", "40", "--against", "street"), 2, "NAME=FOLDER"),
    ],
)
def test_what_cannot_be_searched_is_told(options: tuple[str, ...], code: int, message: str, place: Path) -> None:
    done = invoke(place, *options)
    assert done.exit_code == code
    assert message in done.stderr


def test_a_recipe_of_a_recogniser_alone_has_no_detector(place: Path) -> None:
    (place / "recipe.toml").write_text('[recogniser_run]\n[[source]]\nkind = "page"\nweight = 1.0\n')
    done = invoke(place, "--budget-ms", "40")
    assert done.exit_code == 1
    assert "trains the recogniser alone" in done.stderr
