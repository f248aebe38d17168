import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from spotter.families.build import build_spotter
from spotter.families.fots.boxes import boxes_to_polygons
from spotter.families.fots.maps import DetectionMaps
from spotter.model.charset import Charset
from spotter.model.config import ScoreConfig
from spotter.model.family import Columns
from spotter.model.spotter import Features, Spotter, word_scores
from tests.model.small import STRIDE, attending_spotter, empty_maps, say, small_config, small_spotter, talkative_spotter


def pictures(batch: int, rows: int = 4, columns: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noise that fills the whole of each picture."""
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, rows * STRIDE, columns * STRIDE, 3)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return images, torch.tensor([shape[1:3]] * batch, dtype=torch.int32)


def finding(model: Spotter, maps: DetectionMaps, monkeypatch: pytest.MonkeyPatch) -> Spotter:
    """The spotter, its detector replaced by what a test wants found."""
    monkeypatch.setattr(model, "detect", lambda _features: maps)
    return model


@torch.no_grad()
def test_no_words_is_an_ordinary_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    images, sizes = pictures(2)
    model = finding(small_spotter(), empty_maps(2, 32, 48), monkeypatch)
    index, polygons, scores, characters, sureness = model(images, sizes)
    assert (index.shape, index.dtype) == ((0,), torch.int32)
    assert (polygons.shape, polygons.dtype) == ((0, 4, 2), torch.float32)
    assert (scores.shape, scores.dtype) == ((0,), torch.float32)
    assert (characters.shape[0], characters.dtype) == (0, torch.int32)
    assert sureness.shape == characters.shape


@torch.no_grad()
def test_words_come_with_their_pictures_and_places(monkeypatch: pytest.MonkeyPatch) -> None:
    images, sizes = pictures(2)
    maps = empty_maps(2, 32, 48)
    say(maps, (0, 5, 10), 0.8, (6, 20, 6, 20), 0.0)
    say(maps, (1, 20, 30), 0.9, (6, 20, 6, 20), math.pi / 2)
    say(maps, (1, 5, 10), 0.7, (6, 20, 6, 20), math.pi)
    index, polygons, scores, characters, sureness = finding(small_spotter(), maps, monkeypatch)(images, sizes)
    assert index.tolist() == [0, 1, 1]
    boxes = torch.tensor(
        [[42.0, 22, 40, 12, 0, 0], [122.0, 82, 40, 12, math.pi / 2, 0], [42.0, 22, 40, 12, math.pi, 0]]
    )
    torch.testing.assert_close(polygons, boxes_to_polygons(boxes), atol=1e-3, rtol=0)
    assert characters.shape == sureness.shape
    assert characters.shape[1] == 24  # 40 / 12 x 8 = 26.7 columns, limited
    for n, detection in enumerate((0.8, 0.9, 0.7)):
        kept = sureness[n][characters[n] > 0]
        least = kept.min().clamp(min=1e-6) if len(kept) else torch.tensor(1e-6)
        expected = word_scores(
            torch.tensor(detection),
            least,
            torch.tensor(0.0),
            torch.tensor(0.0),
            (characters[n] > 0).sum(),
            small_config().score,
        )
        assert float(scores[n]) == pytest.approx(float(expected), rel=1e-3)


@torch.no_grad()
def test_a_word_that_makes_sense_from_its_other_end_is_read_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector says of three words that they run right, down and down; the second makes sense upwards alone."""
    images, sizes = pictures(1)
    maps = empty_maps(1, 32, 48)
    say(maps, (0, 5, 10), 0.9, (6, 20, 6, 20), 0.0)
    say(maps, (0, 15, 30), 0.8, (6, 20, 6, 20), math.pi / 2)
    say(maps, (0, 15, 10), 0.7, (6, 20, 6, 20), math.pi / 2)

    def columns(_features: Features, shapes: Tensor, image_index: Tensor) -> Columns:
        logits = torch.zeros(len(shapes), 2, 96)
        logits[:, 0, 5] = torch.where((shapes[:, 4] < -1) & (shapes[:, 0] > 100), 9.0, 3.5)
        assert image_index.tolist() == [0] * len(shapes)
        return Columns(logits, torch.full((len(shapes),), 2), torch.ones(len(shapes)))

    model = finding(small_spotter(), maps, monkeypatch)
    monkeypatch.setattr(model, "columns", columns)
    _, polygons, _, characters, sureness = model(images, sizes)
    angles = (0, -math.pi / 2, math.pi / 2)
    boxes = torch.tensor(
        [[x, y, 40.0, 12, a, 0] for (x, y), a in zip(((42, 22), (122, 62), (42, 62)), angles, strict=True)]
    )
    torch.testing.assert_close(polygons, boxes_to_polygons(boxes), atol=1e-3, rtol=0)
    assert characters[:, 0].tolist() == [5, 5, 5]
    odds = torch.tensor([3.5, 9.0, 3.5]).exp()
    torch.testing.assert_close(sureness[:, 0], odds / (odds + 95), atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_picture_reads_the_same_alone_and_in_a_batch() -> None:
    model = talkative_spotter()
    images, sizes = pictures(3)
    sizes[1] = torch.tensor([100, 150])
    together = model(images, sizes)
    assert {0, 1, 2} == set(together[0].tolist())
    for n in range(3):
        alone = model(images[n : n + 1], sizes[n : n + 1])
        mine = together[0] == n
        torch.testing.assert_close(together[1][mine], alone[1], atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(together[2][mine], alone[2], atol=1e-4, rtol=1e-4)
        columns = alone[3].shape[1]
        torch.testing.assert_close(together[4][mine][:, :columns], alone[4], atol=1e-3, rtol=0)
        # Some characters are as probable as others but for rounding.
        assert (together[3][mine][:, :columns] == alone[3]).float().mean() > 0.99
        assert not together[3][mine][:, columns:].any()


@torch.no_grad()
def test_words_in_the_padding_are_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    images, sizes = pictures(1)
    maps = empty_maps(1, 32, 48)
    say(maps, (0, 5, 10), 0.8, (6, 20, 6, 20), 0.0)
    say(maps, (0, 28, 10), 0.8, (6, 20, 6, 20), 0.0)
    sizes[0] = torch.tensor([64, 192])
    index, polygons, *_ = finding(small_spotter(), maps, monkeypatch)(images, sizes)
    assert len(index) == 1
    assert float(polygons[0, :, 1].mean()) == pytest.approx(22)


@torch.no_grad()
@pytest.mark.parametrize("height", [12.0, 44.0, 90.0])
def test_a_word_of_any_height_is_read_from_its_own_pixels(height: float) -> None:
    """A change of the picture far from a word leaves its patch alone, a change within it does not."""
    model = small_spotter()
    images, _ = pictures(1, 8, 16)
    box = torch.tensor([[400.0, 128, 1.5 * height, height, 0, 0]])
    index = torch.tensor([0])

    def patches(picture: Tensor) -> tuple[Tensor, Tensor]:
        features = model.features(picture)
        features.shared.mul_(0)  # their field of view covers the picture
        sampled = model.sample(features, box, index)
        return sampled.fine, sampled.coarse

    fine, coarse = patches(images)
    elsewhere, within = images.clone(), images.clone()
    elsewhere[:, :, :200] = 255 - elsewhere[:, :, :200]
    within[:, 120:136, 392:408] = 255 - within[:, 120:136, 392:408]
    assert torch.equal(patches(elsewhere)[0], fine)
    assert not torch.allclose(patches(within)[0], fine, atol=1e-3)
    assert fine.shape[2:] == tuple(2 * side for side in coarse.shape[2:])


def test_features_are_the_stems_and_the_necks() -> None:
    images, _ = pictures(2)
    features = small_spotter().features(images)
    assert tuple(features.fine.shape) == (2, 4, 64, 96)
    assert tuple(features.shared.shape) == (2, 8, 32, 48)
    assert features.anchors.mosaic is None


def test_the_pyramid_is_the_picture_and_its_lower_canvas() -> None:
    images, _ = pictures(2)
    model = small_spotter()
    with torch.no_grad():
        features, plain = model.pyramid(images), model.features(images)
    assert tuple(features.fine.shape) == (2, 4, 64 + 8 + 32, 96)  # 16 pixels of nothing, then half the picture
    assert tuple(features.shared.shape) == (2, 8, 32 + 4 + 16, 48)
    assert torch.equal(features.shared[:, :, :32], plain.shared)
    assert not features.shared[:, :, 32:36].any()
    assert features.anchors.mosaic == (128, 192)


def test_a_level_sees_what_the_picture_shows_when_scaled() -> None:
    """Half the picture, on the canvas of a picture twice as large, looks as it does by itself."""
    model = small_spotter()
    generator = torch.Generator().manual_seed(3)
    small = torch.randint(0, 256, (1, 320, 320, 3), dtype=torch.uint8, generator=generator)
    large = small.repeat_interleave(2, 1).repeat_interleave(2, 2)
    with torch.no_grad():
        whole, level = model.features(small).fine, model.pyramid(large).fine[:, :, 320 + 8 :, :160]
    torch.testing.assert_close(level[..., :159], whole[..., :159], atol=1e-5, rtol=1e-4)  # the last column sees the gap


def test_the_charset_sets_the_number_of_classes() -> None:
    model = build_spotter(small_config(), Charset("abc"))
    assert model.map_recogniser.classify.out_features == 4


def test_scores_join_detector_and_reader_as_configured() -> None:
    config = ScoreConfig(bias=0.5, detection=2.0, character=3.0, margin=0.25, text=0.5, length=2.0)
    scores = word_scores(
        torch.tensor([0.8, 0.5, 0.5, 0.5, 0.5, 0.5]),
        torch.tensor([0.9, 1.0, 1.0, 1.0, 1.0, 1.0]),
        torch.tensor([0.0, 0, 2, 0, 0, 0]),
        torch.tensor([0.0, 0, 0, -3, 0, 0]),
        torch.tensor([1, 1, 1, 1, 3, 0]),
        config,
    )
    # exp(0.5), and the 2 squared of words of two characters, also of fewer; then with (0.8 / 0.2) squared x 0.9 cubed,
    # with the margin's exp(0.25 x 2), with the text's exp(0.5 x -3), with 3 squared for three characters, and alone.
    base = 4 * math.exp(0.5)
    odds = [base * 16 * 0.729, base, base * math.exp(0.5), base * math.exp(-1.5), base * 9 / 4, base]
    assert scores.tolist() == pytest.approx([odd / (1 + odd) for odd in odds], abs=1e-5)


def test_scores_stay_probabilities_at_the_extremes() -> None:
    extremes = torch.tensor([0.0, 1.0, 1.0]), torch.tensor([0.0, 1.0, 0.0])
    scores = word_scores(*extremes, torch.zeros(3), torch.tensor([-1e4, 0, -1e4]), torch.ones(3), ScoreConfig(text=1.0))
    assert scores.isfinite().all()
    assert 0 <= float(scores[0]) < 1e-6
    assert 0.9 < float(scores[1]) <= 1
    assert float(scores[2]) < 1e-6


def test_every_parameter_learns_from_detection_or_reading() -> None:
    model = talkative_spotter().train()
    images, _ = pictures(1)
    features = model.features(images)
    maps = model.detect(features)
    assert isinstance(maps, DetectionMaps)
    patches = model.sample(features, torch.tensor([[60.0, 60, 40, 12, 0.2, 0.1]]), torch.tensor([0]))
    logits = model.recogniser(patches.fine, patches.coarse, patches.widths)
    total = maps.score.square().sum() + maps.distances.sum() + maps.direction.square().sum() + logits.square().sum()
    torch.autograd.backward(total)
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@torch.no_grad()
def test_a_network_that_looks_at_whole_maps_is_told_what_is_padding() -> None:
    torch.manual_seed(0)
    model = build_spotter(replace(small_config(), gate=True)).eval()
    nn.init.normal_(model.neck.get_parameter("gate.choose.weight"))
    images, whole = pictures(1, 4, 14)
    other = images.clone()
    other[:, :, 384:] = 0  # further from the first 64 columns than convolutions reach
    for sizes, alike in ((torch.tensor([[128, 64]], dtype=torch.int32), True), (whole, False)):
        one, two = (model.pyramid(each, sizes).shared for each in (images, other))
        assert torch.equal(one[..., :32, :16], two[..., :32, :16]) == alike


@torch.no_grad()
def test_words_are_what_attention_writes_where_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    images, sizes = pictures(1)
    maps = empty_maps(1, 32, 48)
    say(maps, (0, 5, 10), 0.8, (6, 20, 6, 20), 0.0)
    model = finding(attending_spotter("attention"), maps, monkeypatch)
    recogniser = model.map_recogniser
    assert recogniser.attention is not None
    recogniser.attention.classify.bias[0] -= 100  # it does not end before its last step
    recogniser.attention.classify.bias[model.charset.encode(" ")[0]] -= 100  # and writes one word
    index, polygons, scores, characters, sureness = model(images, sizes)
    patches = model.sample(model.pyramid(images, sizes), torch.tensor([[42.0, 22, 40, 12, 0, 0]]), torch.tensor([0]))
    view = recogniser.attention.view(recogniser.encode(patches.fine, patches.coarse, patches.widths), patches.widths)
    spelling = recogniser.attention.write(view, torch.full((1, 1, 6), -1))
    assert characters[characters > 0].tolist() == spelling.classes[0, 0].tolist()
    assert index.tolist() == [0]
    assert (polygons.shape, characters.shape, sureness.shape) == ((1, 4, 2), (1, 24), (1, 24))
    chosen = spelling.log_probabilities[0, 0].amax(1).exp()
    torch.testing.assert_close(sureness[characters > 0], chosen, rtol=1e-4, atol=1e-5)
    assert (sureness[characters == 0] == 1).all()  # between the characters there is certainly none
    assert 0 < float(scores[0]) < 1
