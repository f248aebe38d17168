from collections.abc import Callable

import pytest

from spotter.model.config import (
    BACKBONE_PLANS,
    BackboneConfig,
    PictureRecogniserConfig,
    RecogniserConfig,
    ScoreConfig,
    backbone_fields,
)


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
        (lambda: BackboneConfig(block="dense"), "block must be one of residual, bottleneck, grouped"),
        (lambda: BackboneConfig(block="attention", channels=(8, 8, 40), blocks=(1, 1, 1)), "multiples of 32"),
        (lambda: RecogniserConfig(encoder="rnn"), "encoder must be one of transformer, lstm, gru"),
        (lambda: RecogniserConfig(encoder="lstm", width=191), "even"),
        (lambda: RecogniserConfig(encoder="gru", width=191), "even"),
        (lambda: BackboneConfig(block="bottleneck", channels=(8, 10), blocks=(1, 1)), "multiples of 4"),
        (lambda: BackboneConfig(block="grouped", channels=(16, 24), blocks=(1, 1)), "multiples of 16"),
        (lambda: BackboneConfig(positions="absolute"), "positions must be one of convolution, rotary"),
        (lambda: BackboneConfig(positions="rotary"), "only blocks of attention"),
        (lambda: backbone_fields({"plan": "resnet19"}), "plan must be one of resnet18, resnet34"),
        (lambda: RecogniserConfig(decoder="rnn-t"), "decoder must be one of ctc, both, attention, hybrid"),
        (lambda: RecogniserConfig(longest=0), "longest must be at least 1"),
        (lambda: RecogniserConfig(ctc_weight=1.2), "ctc_weight lie between"),
    ],
)
def test_an_impossible_configuration_is_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("stages", [2, 4, 5])
def test_the_stride_halves_once_in_the_stem_and_once_in_each_stage(stages: int) -> None:
    assert BackboneConfig(channels=(8,) * stages, blocks=(1,) * stages).stride == 2 * 2**stages


def test_a_plan_fills_in_the_fields_that_are_not_given() -> None:
    fields = backbone_fields({"plan": "resnet50", "stem": 32})
    assert BackboneConfig(**fields) == BackboneConfig(32, (256, 512, 1024, 2048), (3, 4, 6, 3), "bottleneck")
    assert backbone_fields({"stem": 8}) == {"stem": 8}


def test_the_residual_plans_have_as_many_weighed_layers_as_their_names_say() -> None:
    """Two or three a block, and the first one and the classifier; halving is not counted."""
    layers = {"residual": 2, "bottleneck": 3}
    for name, plan in BACKBONE_PLANS.items():
        if name.startswith("resnet"):
            assert layers[plan.block] * sum(plan.blocks) + 2 == int(name.removeprefix("resnet"))
