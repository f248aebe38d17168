from collections.abc import Callable

import pytest

from spotter.model.config import BackboneConfig, PictureRecogniserConfig, RecogniserConfig, ScoreConfig


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: BackboneConfig(channels=(8, 8), blocks=(1,)), "same stages"),
        (lambda: BackboneConfig(channels=(8,), blocks=(1,)), "at least two"),
        (lambda: BackboneConfig(stem=0), "at least 1"),
        (lambda: BackboneConfig(channels=(8, 0), blocks=(1, 1)), "at least 1"),
        (lambda: BackboneConfig(channels=(8, 8), blocks=(1, 0)), "at least 1"),
        (lambda: ScoreConfig(detection=-0.1), "must not lower"),
        (lambda: ScoreConfig(character=-0.1), "must not lower"),
        (lambda: ScoreConfig(text=-0.1), "must not lower"),
        (lambda: PictureRecogniserConfig(plan="medium"), "plan must be one of small, tiny"),
        (lambda: PictureRecogniserConfig(rows=40), "multiple of 16"),
        (lambda: PictureRecogniserConfig(longest=0), "longest"),
        (lambda: PictureRecogniserConfig(margin_x=-0.1), "margins"),
        (lambda: RecogniserConfig(height=6), "multiple of 4"),
        (lambda: RecogniserConfig(min_width=0), "min_width"),
        (lambda: RecogniserConfig(min_width=97), "min_width"),
        (lambda: RecogniserConfig(width=190), "multiple of heads"),
        (lambda: BackboneConfig(block="dense"), "block must be one of residual, inverted, attention"),
        (lambda: BackboneConfig(block="attention", channels=(8, 8, 40), blocks=(1, 1, 1)), "multiples of 32"),
        (lambda: RecogniserConfig(encoder="rnn"), "encoder must be one of transformer, lstm, gru"),
        (lambda: RecogniserConfig(encoder="lstm", width=191), "even"),
        (lambda: RecogniserConfig(encoder="gru", width=191), "even"),
        (lambda: RecogniserConfig(decoder="attention"), "decoder must be one of ctc, both"),
    ],
)
def test_an_impossible_configuration_is_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("stages", [2, 4, 5])
def test_the_stride_halves_once_in_the_stem_and_once_in_each_stage(stages: int) -> None:
    assert BackboneConfig(channels=(8,) * stages, blocks=(1,) * stages).stride == 2 * 2**stages
