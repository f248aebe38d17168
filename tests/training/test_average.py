from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from spotter.families.build import load_spotter
from spotter.model.history import History, Trained
from spotter.model.weights import load_state
from spotter.training.average import average
from spotter.training.cli import average as command
from tests.training.small import make_other_trainer, make_trainer


def test_two_runs_average_to_the_middle_of_their_ema_weights(tmp_path: Path) -> None:
    start, paths, runs = tmp_path / "start.pt", [], []
    first = make_trainer(tmp_path / "first")
    first.pictures = 100
    first.export_weights(start)
    for seed in (1, 2):
        trainer = make_trainer(tmp_path / f"run{seed}", seed=seed, steps=3)
        trainer.start_from(start)
        trainer.train()
        paths.append(trainer.last)
        runs.append(trainer)
    name = "recogniser.classify.weight"
    ours, theirs = (run.ema.model.state_dict()[name] for run in runs)
    assert not torch.equal(ours, theirs)
    mean = tmp_path / "mean.pt"
    result = CliRunner().invoke(command, [str(path) for path in (mean, *paths, "--start-from", start)])
    assert result.exit_code == 0, result.output
    torch.testing.assert_close(load_spotter(mean).state_dict()[name], (ours + theirs) / 2, atol=1e-3, rtol=1e-3)
    assert load_state(mean)["pictures"] == 100 + sum(run.pictures - 100 for run in runs)


def test_the_average_of_one_is_itself(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run")
    trainer.save()
    trainer.export_weights(tmp_path / "weights.pt")
    result, kept = average([trainer.last])["weights"], load_state(tmp_path / "weights.pt")["weights"]
    assert all(torch.equal(result[name], kept[name]) for name in kept)


def test_thresholds_may_differ_and_are_the_first_ones(tmp_path: Path) -> None:
    paths = []
    for threshold in (0.25, 0.4):
        trainer = make_trainer(tmp_path / str(threshold))
        detection = replace(trainer.model_config.detection, score_threshold=threshold)
        trainer.model_config = replace(trainer.model_config, detection=detection)
        trainer.save()
        paths.append(trainer.last)
    assert average(paths)["model_config"]["detection"]["score_threshold"] == 0.25


def test_models_that_differ_have_no_average(tmp_path: Path) -> None:
    one, other = make_trainer(tmp_path / "one"), make_other_trainer(tmp_path / "other", height=12)
    one.save()
    other.save()
    result = CliRunner().invoke(command, [str(tmp_path / "mean.pt"), str(one.last), str(other.last)])
    assert result.exit_code == 1
    assert f"{other.last} holds another model than {one.last}" in result.output
    with pytest.raises(ValueError, match=r"no\.pt is not a readable checkpoint"):
        average([tmp_path / "no.pt"])


def test_whose_weights_they_began_with_goes_along(tmp_path: Path) -> None:
    began = (
        {"part": "backbone", "name": "ImageNet weights", "licence": "MIT"},
        {"part": "recogniser", "name": "theirs", "licence": "MIT"},
    )
    runs = Trained("both", "[[source]]"), Trained("reader", "[recogniser_run]\n[[source]]")
    result = History(began, runs)
    first = make_trainer(tmp_path / "first")
    first.history = result
    first.export_weights(tmp_path / "start.pt")
    second = make_trainer(tmp_path / "second")
    second.start_from(tmp_path / "start.pt")
    second.save()
    resumed = make_trainer(tmp_path / "second")
    resumed.resume()
    assert resumed.history == result
    assert History.of(average([second.last])) == result
    second.start_from(tmp_path / "start.pt", fresh=["recogniser"])  # of random weights instead
    assert second.history == History(began[:1], runs[:1])
