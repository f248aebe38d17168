"""From a checkpoint to a smaller one that can be read with and trained."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from spotter.families.build import load_spotter
from spotter.families.config import SpotterConfig
from spotter.model.config import BackboneConfig, PictureRecogniserConfig
from spotter.model.history import History
from spotter.training import checkpoint
from spotter.training.loop import Trainer
from spotter.training.pruning.cli import prune as command
from spotter.training.pruning.costs import Costs
from spotter.training.pruning.prune import prune
from spotter.training.pruning.widths import as_recipe
from tests.model.small import few_channels, picture_spotter, small_config
from tests.training.pruning.networks import HISTORY, saved
from tests.training.small import SHORT, NoiseSource


def test_the_smaller_network_reads_and_is_trained_like_any_other(tmp_path: Path) -> None:
    config = replace(small_config(), orientation=True)
    path = saved(tmp_path / "large.pt", config)
    made = prune(path, 0.5, multiple=1)
    checkpoint.save(tmp_path / "small.pt", made.state)
    costs = Costs(config)
    assert 0.4 < costs.operations(made.after) / costs.operations(config) <= 0.5
    assert (made.state["step"], made.state["pictures"]) == (5, 70)
    assert History.of(made.state) == HISTORY

    small, large = load_spotter(tmp_path / "small.pt"), load_spotter(path)
    assert small.orientation is None  # to be fitted again
    words = small(torch.zeros(1, 128, 128, 3, dtype=torch.uint8), torch.tensor([[128, 128]]))
    assert words[1].shape[1:] == (4, 2)
    kept, whole = small.map_recogniser.encoder.state_dict(), large.map_recogniser.encoder.state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in kept.items())

    run = Trainer(tmp_path / "run", NoiseSource(), SHORT, made.after, workers=0)
    run.start_from(tmp_path / "small.pt")
    before = run.model.get_parameter("backbone.stem.0.weight").clone()
    run.train()
    assert run.step == SHORT.steps
    assert not torch.equal(run.model.get_parameter("backbone.stem.0.weight"), before)


def test_a_recogniser_that_reads_the_picture_stays_whole(tmp_path: Path) -> None:
    recogniser = PictureRecogniserConfig("small", longest=24)
    with few_channels():
        model = picture_spotter()
        path = saved(tmp_path / "large.pt", replace(small_config(), recogniser=recogniser), model)
        weights = prune(path, 0.6, multiple=2).state["weights"]
    names = [name for name in model.state_dict() if name.startswith("recogniser.")]
    assert names
    assert all(torch.equal(weights[name], model.state_dict()[name].half()) for name in names)


def test_all_operations_leave_the_network_as_it_is(tmp_path: Path) -> None:
    path = saved(tmp_path / "large.pt", small_config())
    made = prune(path, 1.0)
    assert made.after == made.before
    whole = torch.load(path, weights_only=True)["weights"]
    assert all(torch.equal(value, whole[name]) for name, value in made.state["weights"].items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "mask_textspotter", "detection": None}, "prune the detector that it starts from"),
        ({"neck_kind": "bifpn"}, r"neck_kind is 'bifpn' cannot be pruned, only 'fpn', 'pan': .*train\.distill"),
        ({"gate": True}, "gate is True cannot be pruned"),
        ({"backbone": BackboneConfig(4, (16, 16), (1, 1), "grouped")}, "block is 'grouped'"),
    ],
    ids=str,
)
def test_networks_that_cannot_be_pruned_say_what_to_do(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "large.pt", replace(small_config(), **changes))
    with pytest.raises(ValueError, match=message):
        prune(path, 0.5)


RECIPE = """
[train]
size = 64
batch = 2
sizes = [64]
[[source]]
kind = "labelled"
path = "signs"
weight = 1.0
"""


def pictures(folder: Path) -> None:
    """A folder of one picture with a word, as a recipe's source."""
    (folder / "images").mkdir(parents=True)
    (folder / "gts").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(noise).save(folder / "images/a.png")
    (folder / "gts/gt_a.txt").write_text("20,20,70,20,70,40,20,40,abc\n")


def test_the_command_says_what_is_left_and_what_a_recipe_needs(tmp_path: Path) -> None:
    torch.manual_seed(0)  # which channels go, and so how much is left, depends on the weights
    path = saved(tmp_path / "large.pt", small_config())
    pictures(tmp_path / "data/signs")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    shown = ["--recipe", str(tmp_path / "recipe.toml"), "--data", str(tmp_path / "data"), "--batches", "2"]
    for options in ([], shown, [*shown, "--importance", "taylor"]):
        output = tmp_path / "small.pt"
        given = [str(path), str(output), "--operations", "0.6", "--multiple", "2", *options]
        done = CliRunner().invoke(command, given)
        assert done.exit_code == 0, done.output
        report, recipe = done.output[done.output.index(str(output)) :].split("\n", 1)
        assert re.search(r": ([45]\d|60)\.\d% of the detector's multiply-adds, [\d,]+ of [\d,]+ parameters$", report)
        config = SpotterConfig.from_dict(torch.load(output, weights_only=True)["model_config"])
        assert recipe == as_recipe(config) + "\n"
        load_spotter(output)


def test_the_command_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    path = saved(tmp_path / "large.pt", small_config())
    output = tmp_path / "small.pt"

    def refused(*options: str) -> tuple[int, str]:
        done = CliRunner().invoke(command, [str(path), str(output), *options])
        return done.exit_code, done.output

    code, said = refused("--operations", "1.5")
    assert (code, "0<x<=1" in said) == (2, True)
    code, said = refused("--operations", "0.5", "--importance", "taylor")
    assert (code, "--importance taylor needs --recipe" in said) == (2, True)
    code, said = refused("--operations", "0.01")
    assert (code, "ask for more than that" in said) == (1, True)
    assert not output.exists()
