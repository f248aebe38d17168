from dataclasses import astuple, replace

import numpy as np
import pytest
import torch

from spotter.model.config import ScoreConfig
from spotter.model.spotter import word_scores
from spotter.training.evaluation.calibration import Evidence, fit, scores
from spotter.training.evaluation.reliability import expected_calibration_error


def drawn(config: ScoreConfig, count: int = 20_000, seed: int = 0) -> Evidence:
    rng = np.random.default_rng(seed)
    detection, character = rng.uniform(0.3, 0.999, count), rng.uniform(0.05, 0.999, count)
    margin, text = rng.uniform(0.0, 8.0, count), rng.uniform(-3.0, 0.0, count)
    length = rng.integers(0, 30, count).astype(np.float64)
    nothing = Evidence(detection, character, margin, text, length, np.zeros(count, np.bool_))
    return replace(nothing, right=rng.random(count) < scores(nothing, config))


def test_the_numbers_that_made_the_words_right_are_found_again() -> None:
    truth = ScoreConfig(-2.5, 0.7, 2.0, 0.5, 0.6, 0.4)
    found = fit([drawn(truth)])
    assert found.bias == pytest.approx(truth.bias, abs=0.1)
    assert found.detection == pytest.approx(truth.detection, abs=0.1)
    assert found.character == pytest.approx(truth.character, abs=0.15)
    assert found.margin == pytest.approx(truth.margin, abs=0.05)
    assert found.text == pytest.approx(truth.text, abs=0.05)
    assert found.length == pytest.approx(truth.length, abs=0.05)


def test_margins_that_no_language_model_gave_weigh_nothing() -> None:
    calibrated = drawn(ScoreConfig(-0.5, 0.7, 2.0))
    assert fit([replace(calibrated, margin=np.zeros(len(calibrated.right)))]).margin == 0


def test_fitting_lowers_the_calibration_error_on_other_words() -> None:
    truth, early = ScoreConfig(-1.5, 0.2, 1.0), ScoreConfig()
    found, other = fit([drawn(truth)]), drawn(truth, seed=1)
    before, after = (expected_calibration_error(scores(other, config), other.right) for config in (early, found))
    assert after < 0.02 < before


def test_a_dozen_words_change_little() -> None:
    before = ScoreConfig(-1.2, 0.7, 2.3, 0.0, 0.8)
    words = drawn(before, 12)
    split = replace(words, right=words.text > np.median(words.text))  # whatever a steep slope would separate
    found = fit([split], before)
    assert found.text > before.text
    for one, other in zip(astuple(found), astuple(before), strict=True):
        assert abs(one - other) < 2


def test_no_slope_is_negative_and_the_others_are_fitted_without_it() -> None:
    truth = drawn(ScoreConfig(-1.5, 0.7, 2.0))
    noise = np.random.default_rng(3).uniform(-3.0, 0.0, len(truth.right)) - truth.right
    found, alone = fit([replace(truth, text=noise)]), fit([replace(truth, text=np.zeros(len(noise)))])
    assert found.text == 0
    others = [replace(each, text=0.0) for each in (found, alone)]
    assert astuple(others[0]) == pytest.approx(astuple(others[1]), abs=1e-3)


@pytest.mark.parametrize("right", [[], [True, True], [False]])
def test_nothing_to_learn_from_is_an_error(right: list[bool]) -> None:
    half = np.full(len(right), 0.5)
    with pytest.raises(ValueError, match="right"):
        fit([Evidence(half, half, half, half, half, np.array(right, np.bool_))])


def test_numpy_and_the_network_score_alike() -> None:
    config = ScoreConfig(-0.4, 0.4, 3.7, 0.2, 0.3, 0.6)
    d, c = torch.tensor([0.5, 0.9, 1.0, 0.4]), torch.tensor([1.0, 0.8, 1.0, 0.0])
    m, t = torch.tensor([0.0, 1.5, 20.0, 0.0]), torch.tensor([0.0, -0.5, 0.0, -40.0])
    n = torch.tensor([1, 20, 7, 0])
    inputs = (value.double().numpy() for value in (d, c, m, t, n))
    detection, character, margin, text, length = inputs
    evidence = Evidence(detection, character, margin, text, length, np.zeros(4, np.bool_))
    expected = scores(evidence, config)
    calibrated = word_scores(d, c, m, t, n, config)
    np.testing.assert_allclose(calibrated.numpy(), expected, atol=1e-4)
    assert calibrated[0].item() == pytest.approx(1 / (1 + np.exp(0.4) / 2**0.6))  # one character counts as two
    assert calibrated[3].item() < 1e-6
