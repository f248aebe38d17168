from pathlib import Path
from typing import Any

import pytest
import torch

from spotter.families.build import load_spotter
from tests.model.small import small_config, small_spotter


def state(seed: int = 0) -> dict[str, Any]:
    return {"model_config": small_config().to_dict(), "weights": small_spotter(seed).state_dict()}


def test_a_spotter_comes_back_in_evaluation_mode_with_its_weights(tmp_path: Path) -> None:
    torch.save(state(3), tmp_path / "model.pt")
    model = load_spotter(tmp_path / "model.pt")
    assert not model.training
    for name, value in small_spotter(3).state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


def test_the_average_of_a_whole_run_is_preferred(tmp_path: Path) -> None:
    torch.save(state(1) | {"ema": small_spotter(2).state_dict()}, tmp_path / "last.pt")
    loaded = load_spotter(tmp_path / "last.pt").state_dict()
    average = small_spotter(2).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in average.items())


def test_half_precision_files_become_single_precision_models(tmp_path: Path) -> None:
    whole = state()
    halves = {name: v.half() if v.is_floating_point() else v for name, v in whole["weights"].items()}
    torch.save(whole | {"weights": halves}, tmp_path / "half.pt")
    for name, value in load_spotter(tmp_path / "half.pt").state_dict().items():
        if value.is_floating_point():
            assert value.dtype == torch.float32
            torch.testing.assert_close(value, whole["weights"][name], atol=1e-6, rtol=1e-3)
        else:
            assert torch.equal(value, whole["weights"][name])


def test_weights_of_another_shape_are_refused_by_name(tmp_path: Path) -> None:
    wrong = state()
    wrong["model_config"]["neck"] = 16
    torch.save(wrong, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"model\.pt.*(?s:.*)size mismatch"):
        load_spotter(tmp_path / "model.pt")


@pytest.mark.parametrize("change", ["missing", "surplus"])
def test_missing_and_surplus_weights_are_refused(tmp_path: Path, change: str) -> None:
    wrong = state()
    if change == "missing":
        del wrong["weights"]["head.out.bias"]
    else:
        wrong["weights"]["head.out.offset"] = torch.zeros(1)
    torch.save(wrong, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"head\.out\.(bias|offset)"):
        load_spotter(tmp_path / "model.pt")


@pytest.mark.parametrize(
    "config", [{}, {"backbone": {}, "neck": 8}, {**small_config().to_dict(), "neck": "wide"}, 7, None]
)
def test_a_configuration_that_builds_nothing_is_refused(tmp_path: Path, config: object) -> None:
    torch.save(state() | {"model_config": config}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"model\.pt"):
        load_spotter(tmp_path / "model.pt")
