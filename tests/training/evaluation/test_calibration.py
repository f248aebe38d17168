from dataclasses import replace

import numpy as np
import pytest
import torch

from spotter.model.config import ScoreConfig
from spotter.model.spotter import word_scores
from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.calibration import Evidence, expected_calibration_error, fit, outcomes, scores
from spotter.training.evaluation.scores import Read
from spotter.training.prediction import Prediction


def drawn(config: ScoreConfig, count: int = 20_000, seed: int = 0) -> Evidence:
    rng = np.random.default_rng(seed)
    detection, character = rng.uniform(0.3, 0.999, count), rng.uniform(0.05, 0.999, count)
    margin, text = rng.uniform(0.0, 8.0, count), -rng.uniform(0.0, 6.0, count)
    nothing = Evidence(detection, character, margin, text, np.zeros(count, np.bool_))
    return replace(nothing, right=rng.random(count) < scores(nothing, config))


def test_the_numbers_that_made_the_words_right_are_found_again() -> None:
    truth = ScoreConfig(-1.5, 0.7, 2.0, 0.5, 0.3)
    found = fit([drawn(truth)])
    assert found.bias == pytest.approx(truth.bias, abs=0.1)
    assert found.detection == pytest.approx(truth.detection, abs=0.1)
    assert found.character == pytest.approx(truth.character, abs=0.15)
    assert found.margin == pytest.approx(truth.margin, abs=0.05)
    assert found.text == pytest.approx(truth.text, abs=0.05)


def test_margins_that_no_language_model_gave_weigh_nothing() -> None:
    told = drawn(ScoreConfig(-0.5, 0.7, 2.0))
    assert fit([replace(told, margin=np.zeros(len(told.right)))]).margin == 0


def test_fitting_lowers_the_calibration_error_on_other_words() -> None:
    truth, early = ScoreConfig(-1.5, 0.2, 1.0), ScoreConfig()
    found, other = fit([drawn(truth)]), drawn(truth, seed=1)
    before, after = (expected_calibration_error(scores(other, config), other.right) for config in (early, found))
    assert after < 0.02 < before


def test_calibration_error_by_hand() -> None:
    # Bin 0.2: two words, none right, gap 0.25; bin 0.9: two words, one right, gap 0.95 - 0.5.
    error = expected_calibration_error(np.array([0.25, 0.25, 0.95, 0.95]), np.array([False, False, True, False]))
    assert error == pytest.approx((2 * 0.25 + 2 * 0.45) / 4)
    assert expected_calibration_error(np.array([1.0]), np.array([True])) == 0
    assert expected_calibration_error(np.zeros(0), np.zeros(0, np.bool_)) == 0


@pytest.mark.parametrize("right", [[], [True, True], [False]])
def test_nothing_to_learn_from_is_an_error(right: list[bool]) -> None:
    half = np.full(len(right), 0.5)
    with pytest.raises(ValueError, match="right"):
        fit([Evidence(half, half, half, half, np.array(right, np.bool_))])


def test_numpy_and_the_network_score_alike() -> None:
    config = ScoreConfig(-0.4, 0.4, 3.7, 0.2, 0.6)
    told_by = (
        torch.tensor([0.5, 0.9, 1.0, 0.4]),
        torch.tensor([1.0, 0.8, 1.0, 0.0]),
        torch.tensor([0.0, 1.5, 20.0, 0.0]),
        torch.tensor([0.0, -0.7, -1.0, -2.0]),
    )
    expected = scores(Evidence(*(part.double().numpy() for part in told_by), np.zeros(4, np.bool_)), config)
    told = word_scores(*told_by, config)
    np.testing.assert_allclose(told.numpy(), expected, atol=1e-4)
    assert told[0].item() == pytest.approx(1 / (1 + np.exp(0.4)))
    assert told[3].item() < 1e-6


def test_words_in_regions_not_to_be_cared_about_do_not_count() -> None:
    def box(x: float) -> np.ndarray:
        return np.array([[x, 0], [x + 10, 0], [x + 10, 5], [x, 5]], np.float32)

    truths = (Annotation(box(0), "Exit", False), Annotation(box(20), "", True))
    predictions = [Prediction(box(0), "EXIT", 1.0), Prediction(box(20), "x", 1.0), Prediction(box(50), "y", 1.0)]
    counts, right = outcomes(Read("a", truths, predictions))
    assert counts.tolist() == [True, False, True]
    assert right.tolist() == [True, False, False]
