import json

import pytest

from spotter.families.config import SpotterConfig
from spotter.families.fots.config import DetectionConfig
from spotter.model.charset import LATIN_AND_GREEK
from spotter.model.config import BackboneConfig, PictureRecogniserConfig, RecogniserConfig, ScoreConfig


def test_an_unknown_neck_or_family_is_refused() -> None:
    with pytest.raises(ValueError, match="neck_kind must be one of fpn, pan, bifpn"):
        SpotterConfig(neck_kind="path")
    with pytest.raises(ValueError, match="family must be one of fots"):
        SpotterConfig(family="fotz")
    with pytest.raises(ValueError, match="context must be one of none, dilated, branches"):
        SpotterConfig(context="wide")
    with pytest.raises(ValueError, match="neck must be a multiple of 4"):
        SpotterConfig(context="branches", neck=18)


def test_another_familys_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="detection of family fots must be a DetectionConfig"):
        SpotterConfig(detection=ScoreConfig())


def test_a_configuration_survives_json() -> None:
    config = SpotterConfig(
        backbone=BackboneConfig(stem=3, channels=(5, 6, 7, 8), blocks=(1, 2, 1, 2), block="inverted", excitation=True),
        neck=9,
        detection=DetectionConfig(candidates=12),
        recogniser=RecogniserConfig(channels=(3, 4), encoder="lstm", decoder="hybrid", longest=9),
        score=ScoreConfig(bias=0.3),
        neck_kind="pan",
        context="dilated",
        gate=True,
    )
    back = SpotterConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert back == config
    assert isinstance(back.backbone.channels, tuple)


def test_a_recogniser_of_pictures_and_its_characters_survive_json() -> None:
    config = SpotterConfig(recogniser=PictureRecogniserConfig("tiny", margin_x=0.2), characters=LATIN_AND_GREEK)
    assert SpotterConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_former_names_of_margins_are_read() -> None:
    config = SpotterConfig(recogniser=PictureRecogniserConfig(margin_x=0.3, margin_y=0.05))
    values = config.to_dict()
    values["recogniser"]["beside"] = values["recogniser"].pop("margin_x")
    values["recogniser"]["above"] = values["recogniser"].pop("margin_y")
    assert SpotterConfig.from_dict(values) == config


def test_a_configuration_from_before_there_was_a_choice_gets_the_usual_one() -> None:
    values = SpotterConfig().to_dict()
    del values["score"], values["neck_kind"], values["recogniser"]["encoder"], values["recogniser"]["decoder"]
    del values["backbone"]["block"], values["family"], values["characters"]
    del values["backbone"]["excitation"], values["backbone"]["positions"], values["context"], values["gate"]
    del values["recogniser"]["longest"], values["recogniser"]["ctc_weight"]
    values["detection"]["levels"] = 3  # which the first ones had
    assert SpotterConfig.from_dict(values) == SpotterConfig()


def test_missing_parts_are_named() -> None:
    values = SpotterConfig().to_dict()
    del values["recogniser"], values["neck"]
    with pytest.raises(ValueError, match="lacks neck, recogniser"):
        SpotterConfig.from_dict(values)


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
