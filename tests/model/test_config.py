import json
from collections.abc import Callable

import pytest

from spotter.model.charset import LATIN_AND_GREEK
from spotter.model.config import (
    BackboneConfig,
    DetectionConfig,
    PictureRecogniserConfig,
    RecogniserConfig,
    ScoreConfig,
    SpotterConfig,
)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: BackboneConfig(channels=(8, 8), blocks=(1,)), "same stages"),
        (lambda: BackboneConfig(channels=(8,), blocks=(1,)), "at least two"),
        (lambda: BackboneConfig(stem=0), "at least 1"),
        (lambda: BackboneConfig(channels=(8, 0), blocks=(1, 1)), "at least 1"),
        (lambda: BackboneConfig(channels=(8, 8), blocks=(1, 0)), "at least 1"),
        (lambda: DetectionConfig(score_threshold=0.0), "score_threshold"),
        (lambda: DetectionConfig(score_threshold=1.0), "score_threshold"),
        (lambda: DetectionConfig(suppression=0.5, merging=0.5), "suppression < merging"),
        (lambda: DetectionConfig(merging=1.0), "suppression < merging"),
        (lambda: DetectionConfig(candidates=0), "candidates"),
        (lambda: ScoreConfig(detection=-0.1), "must not lower"),
        (lambda: ScoreConfig(character=-0.1), "must not lower"),
        (lambda: ScoreConfig(text=-0.1), "must not lower"),
        (lambda: PictureRecogniserConfig(plan="medium"), "plan must be one of small, tiny"),
        (lambda: PictureRecogniserConfig(rows=40), "multiple of 16"),
        (lambda: PictureRecogniserConfig(longest=0), "longest"),
        (lambda: PictureRecogniserConfig(beside=-0.1), "margins"),
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
        (lambda: SpotterConfig(neck_kind="path"), "neck_kind must be one of fpn, pan, bifpn"),
    ],
)
def test_an_impossible_configuration_is_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("stages", [2, 4, 5])
def test_the_stride_halves_once_in_the_stem_and_once_in_each_stage(stages: int) -> None:
    assert BackboneConfig(channels=(8,) * stages, blocks=(1,) * stages).stride == 2 * 2**stages


def test_a_configuration_survives_json() -> None:
    config = SpotterConfig(
        backbone=BackboneConfig(stem=3, channels=(5, 6, 7, 8), blocks=(1, 2, 1, 2), block="inverted"),
        neck=9,
        detection=DetectionConfig(candidates=12),
        recogniser=RecogniserConfig(channels=(3, 4), encoder="lstm", decoder="both"),
        score=ScoreConfig(bias=0.3),
        neck_kind="pan",
    )
    back = SpotterConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert back == config
    assert isinstance(back.backbone.channels, tuple)


def test_a_recogniser_of_pictures_and_its_characters_survive_json() -> None:
    config = SpotterConfig(recogniser=PictureRecogniserConfig("tiny", beside=0.2), characters=LATIN_AND_GREEK)
    assert SpotterConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_configuration_from_before_there_was_a_choice_gets_the_usual_one() -> None:
    values = SpotterConfig().to_dict()
    del values["score"], values["neck_kind"], values["recogniser"]["encoder"], values["recogniser"]["decoder"]
    del values["backbone"]["block"], values["characters"]
    assert SpotterConfig.from_dict(values) == SpotterConfig()


def test_an_unknown_field_is_refused() -> None:
    values = SpotterConfig().to_dict()
    values["detection"]["anchors"] = 9
    with pytest.raises(TypeError, match="anchors"):
        SpotterConfig.from_dict(values)


def test_values_are_checked_on_the_way_back_too() -> None:
    values = SpotterConfig().to_dict()
    values["recogniser"]["heads"] = 7
    with pytest.raises(ValueError, match="multiple of heads"):
        SpotterConfig.from_dict(values)
