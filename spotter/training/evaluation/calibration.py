"""Calibration of scores, so that a score is the probability that the word is right."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from spotter.model.config import LEAST_LENGTH, ScoreConfig

_ROUNDS = 50
_LEAST = 1e-6


@dataclass(frozen=True)
class Evidence:
    """The numbers behind the scores of N words, and whether each was right.

    detection, character: float64 [N], probabilities. margin, text: float64 [N], nats. length: float64 [N], characters.
    right: bool [N].
    """

    detection: NDArray[np.float64]
    character: NDArray[np.float64]
    margin: NDArray[np.float64]
    text: NDArray[np.float64]
    length: NDArray[np.float64]
    right: NDArray[np.bool_]


def fit(evidence: Sequence[Evidence], before: ScoreConfig | None = None) -> ScoreConfig:
    """Logistic regression (Platt scaling) by Newton's method, with equal total weights of the data sets.

    before: the numbers to start from, by default those of an early model. Each number has a normal prior around its
    value there, with a standard deviation of 1: a dozen words change little, thousands decide.
    Raises ValueError when there is nothing to fit: no words, or all right, or all wrong.
    """
    used = [part for part in evidence if len(part.right)]
    if not used or len({bool(r) for part in used for r in part.right}) < 2:
        raise ValueError("calibration needs words that were read right and words that were not")
    inputs = np.concatenate([_inputs(part) for part in used])
    right = np.concatenate([part.right for part in used]).astype(np.float64)
    weight = np.concatenate([np.full(len(part.right), 1 / len(part.right)) for part in used])
    weight *= len(right) / weight.sum()
    prior = np.array(astuple(before or ScoreConfig()))
    found = _most_likely(inputs, right, weight, prior)
    while (found[1:] < 0).any():  # no slope may be negative: without the lowest one, the others are fitted again
        lowest = 1 + int(found[1:].argmin())
        inputs[:, lowest] = prior[lowest] = 0
        found = _most_likely(inputs, right, weight, prior)
    return ScoreConfig(*[round(value, 4) for value in found.tolist()])


def _most_likely(
    inputs: NDArray[np.float64], right: NDArray[np.float64], weight: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    found = np.zeros_like(prior)
    for _ in range(_ROUNDS):
        probability = 1 / (1 + np.exp(-np.clip(inputs @ found, -30, 30)))
        slope = inputs.T @ (weight * (right - probability)) - (found - prior)
        curve = inputs.T @ (inputs * (weight * probability * (1 - probability))[:, None]) + np.eye(len(found))
        found += np.linalg.solve(curve, slope)
    return found


def scores(evidence: Evidence, config: ScoreConfig) -> NDArray[np.float64]:
    """float64 [N], as of `spotter.model.spotter.word_scores`."""
    value = _inputs(evidence) @ np.array(astuple(config))
    return np.asarray(1 / (1 + np.exp(-value)))


def _inputs(evidence: Evidence) -> NDArray[np.float64]:
    """float64 [N, 6]: what the numbers of a `ScoreConfig` are the weights of, in their order."""
    d = np.clip(evidence.detection, _LEAST, 1 - _LEAST)
    c = np.clip(evidence.character, _LEAST, 1)
    length = np.log(evidence.length.clip(LEAST_LENGTH))
    return np.stack((np.ones_like(d), np.log(d / (1 - d)), np.log(c), evidence.margin, evidence.text, length), 1)
