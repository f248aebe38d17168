"""A recogniser of the picture's own pixels, by itself and inside a spotter."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from spotter.families.build import build_spotter
from spotter.families.fots.boxes import SLANTED_BOXES
from spotter.families.fots.maps import DetectionMaps
from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig
from spotter.model.cutting import picture_mosaic
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.spotter import BLACK, normalised
from tests.model.small import empty_maps, few_channels, loud, picture_spotter, say, small_config

CONFIG = PictureRecogniserConfig("small", longest=24)
BOXES = torch.tensor([[60.0, 40, 70, 20, 0.1, 0], [100, 90, 20, 24, math.pi / 2, 0.2], [90, 64, 40, 12, 0, 0]])
INDEX = torch.tensor([0, 1, 1])


@pytest.fixture(name="recogniser", params=["small", "tiny"])
def make_recogniser(request: pytest.FixtureRequest) -> PictureRecogniser:
    torch.manual_seed(0)
    with few_channels():
        recogniser = PictureRecogniser(
            replace(CONFIG, plan=request.param), Charset("abcdefghijklmnopqrs"), SLANTED_BOXES
        ).eval()
    loud(recogniser.network)
    return recogniser


def noise(pictures: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (pictures, 128, 192, 3), dtype=torch.uint8, generator=generator)


def mosaic(images: Tensor) -> Tensor:
    return picture_mosaic(normalised(images), BLACK)


@torch.no_grad()
def test_a_word_reads_the_same_alone_and_among_others(recogniser: PictureRecogniser) -> None:
    together = recogniser(mosaic(noise()), BOXES, INDEX, (128, 192))
    assert together.logits.shape == (3, int(together.widths.max()), 20)
    # With margins 82.8 by 24 pixels: 82.8 / 24 x 6 = 20.7 units; 35.36 by 28.8: 7.4; and 47.68 by 14.4: 19.9.
    assert together.widths.tolist() == [21, 7, 20]
    for n, width in enumerate(together.widths.tolist()):
        images = noise()[INDEX[n]][None]
        alone = recogniser(mosaic(images), BOXES[n : n + 1], torch.tensor([0]), (128, 192))
        torch.testing.assert_close(together.logits[n, :width], alone.logits[0], atol=5e-3, rtol=1e-3)


@torch.no_grad()
def test_a_word_is_read_from_its_place_in_its_own_picture(recogniser: PictureRecogniser) -> None:
    images = noise()
    before = recogniser(mosaic(images), BOXES, INDEX, (128, 192)).logits
    images[1, 60:68, 86:94] = 255 - images[1, 60:68, 86:94]
    moved = (recogniser(mosaic(images), BOXES, INDEX, (128, 192)).logits - before).abs().amax((1, 2))
    assert moved[0] == 0  # in the other picture
    assert moved[2] > 1e-3


@torch.no_grad()
def test_numbers_of_the_configuration_change_how_likely_spaces_and_rare_letters_are() -> None:
    config = replace(small_config(), recogniser=CONFIG, characters="aé ąω")
    with few_channels():
        plain, spaced = build_spotter(config), build_spotter(config.with_priors(1.5, -1.0))
    spaced.load_state_dict(plain.state_dict())  # the number is the configuration's, and no weight
    logits = [model.eval().recogniser(mosaic(noise()), BOXES, INDEX, (128, 192)).logits for model in (plain, spaced)]
    difference = logits[1] - logits[0]
    torch.testing.assert_close(difference, torch.tensor([0, 0, 0, 1.5, -1, 0]).expand_as(difference))


def test_of_maps_no_characters_are_made_likelier() -> None:
    with pytest.raises(ValueError, match="reads the picture"):
        small_config().with_priors(space=1.5)


def test_a_spotter_is_built_with_it_by_its_configuration() -> None:
    config = replace(small_config(), recogniser=CONFIG, characters="abc\u0219")
    with few_channels():
        model = build_spotter(config)
    assert model.charset == Charset("abc\u0219")
    assert isinstance(model.recogniser, PictureRecogniser)
    assert model.recogniser.network.head.out_features == 5
    assert any(name.startswith("recogniser.network.blocks.") for name in model.state_dict())


@torch.no_grad()
def test_a_spotter_reads_a_picture_alone_as_in_a_batch() -> None:
    model = picture_spotter()
    images, sizes = noise(3), torch.tensor([[128, 192], [100, 150], [128, 192]], dtype=torch.int32)
    together = model(images, sizes)
    assert {0, 1, 2} == set(together[0].tolist())
    assert len(set(map(tuple, together[3].tolist()))) > 3  # it reads otherwise where pixels are others
    for n in range(3):
        alone = model(images[n : n + 1], sizes[n : n + 1])
        mine = together[0] == n
        torch.testing.assert_close(together[1][mine], alone[1], atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(together[2][mine], alone[2], atol=1e-3, rtol=1e-3)
        columns = alone[3].shape[1]
        torch.testing.assert_close(together[4][mine][:, :columns], alone[4], atol=5e-3, rtol=0)
        assert not together[3][mine][:, columns:].any()


@torch.no_grad()
def test_no_words_are_an_ordinary_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    model = picture_spotter()
    monkeypatch.setattr(model, "detect", lambda _features: empty_maps(1, 32, 48))
    index, polygons, scores, characters, sureness = model(noise(1), torch.tensor([[128, 192]], dtype=torch.int32))
    assert (index.shape, polygons.shape, scores.shape) == ((0,), (0, 4, 2), (0,))
    assert characters.shape[0] == 0
    assert sureness.shape == characters.shape


@torch.no_grad()
def test_while_training_words_are_cut_from_the_picture_without_its_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word 16 pixels high is cut from the picture itself, so a map with levels and one without give the same."""
    model = picture_spotter()
    images, box = noise(1), torch.tensor([[90.0, 64, 40, 16, 0, 0]])
    plain = model.columns(model.features(images), box, torch.tensor([0]))
    whole = model.columns(model.pyramid(images), box, torch.tensor([0]))
    torch.testing.assert_close(plain.logits, whole.logits, atol=5e-3, rtol=1e-3)


@torch.no_grad()
def test_scores_weigh_the_probability_of_the_whole_text(monkeypatch: pytest.MonkeyPatch) -> None:
    maps: DetectionMaps = empty_maps(1, 32, 48)
    say(maps, (0, 5, 10), 0.8, (6, 20, 6, 20), 0.0)
    model = picture_spotter()
    monkeypatch.setattr(model, "detect", lambda _features: maps)
    images, sizes = noise(1), torch.tensor([[128, 192]], dtype=torch.int32)
    without = model.examine(images, sizes)
    assert without.text.shape == (1,)
    columns = model.columns(model.pyramid(images), torch.tensor([[42.0, 22, 40, 12, 0, 0]]), torch.tensor([0]))
    best = columns.logits.log_softmax(-1).amax(-1)[0, : int(columns.widths)].sum()
    torch.testing.assert_close(without.text[0], best, atol=1e-3, rtol=1e-3)
    model.score = replace(model.score, text=0.02)
    odds = [torch.logit(found.words.scores[0]) for found in (without, model.examine(images, sizes))]
    assert float(odds[1] - odds[0]) == pytest.approx((0.02 - 0.001) * float(best), abs=1e-3)
