"""The figures of docs/how-it-works.md come from the network."""

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from docs.images.how_it_works import Explained, draw_boxes, draw_patches, draw_score, explain, slope
from spotter.export.bundle import INPUT
from spotter.families.abcnet.config import CurveConfig
from spotter.families.build import build_spotter, load_spotter
from spotter.families.config import SpotterConfig
from spotter.model.config import PictureRecogniserConfig

WEIGHTS = Path(__file__).parents[1] / "recipes/start/weights.pt"
DEGREES = 20


@pytest.fixture(scope="module")
def explained() -> Explained:
    """A level word and one that runs upwards by 20 degrees, 320 x 192."""
    picture = Image.new("RGB", (320, 192), (230, 228, 220))
    turned = picture.copy()
    ImageDraw.Draw(turned).text((160, 70), "Harbour", (30, 30, 60), ImageFont.load_default(30), anchor="mm")
    turned = turned.rotate(DEGREES, Image.Resampling.BICUBIC, center=(160, 70), fillcolor=(230, 228, 220))
    ImageDraw.Draw(turned).text((160, 160), "Street", (30, 30, 60), ImageFont.load_default(28), anchor="mm")
    return explain(load_spotter(WEIGHTS), np.asarray(turned), INPUT.at(320))


def test_patches_stand_upright_whatever_the_picture(explained: Explained) -> None:
    words = {patch.text: patch for patch in explained.patches}
    assert words.keys() >= {"Harbour", "Street"}
    assert np.degrees(slope(words["Harbour"].polygon)) == pytest.approx(DEGREES, abs=4)
    assert np.degrees(slope(words["Street"].polygon)) == pytest.approx(0, abs=4)
    for text in ("Harbour", "Street"):
        patch = words[text]
        assert patch.pixels.shape == (48, len(patch.inside), 3)
        assert 0.5 < patch.inside.mean() < 1  # the margins lie outside
        dark = (patch.pixels.mean(2) < 128)[:, patch.inside]
        assert dark[12:36].mean() > 2 * dark[:6].mean()  # the letters stand along the patch's middle
        assert "".join(character for character, _ in groupby(patch.characters) if character != "·") == text
        assert patch.score > 0.5


def test_the_score_is_high_where_words_are(explained: Explained) -> None:
    assert explained.mosaic.shape[:2] == (4 * explained.score.shape[0], 4 * explained.score.shape[1])
    assert explained.score[160 // 4, 160 // 4] > 0.5
    assert explained.score[70 // 4, 160 // 4] > 0.5
    assert explained.score[:4, :20].max() < 0.2
    assert len(explained.candidates) >= len(explained.patches)


def test_the_figures_show_them(explained: Explained) -> None:
    assert draw_score(explained).size == explained.mosaic.shape[1::-1]
    boxes = np.asarray(draw_boxes(explained)).astype(int)
    assert boxes.shape == explained.picture.shape
    x, y = explained.patches[0].polygon[:2].mean(0)
    assert np.abs(boxes[round(y) - 2 : round(y) + 3, round(x)] - (230, 30, 90)).sum(1).min() == 0
    assert draw_patches(explained, rows=1).height * 2 == draw_patches(explained, rows=2).height


def test_other_families_are_drawn_without_candidates() -> None:
    reader = PictureRecogniserConfig(plan="tiny")
    model = build_spotter(SpotterConfig(family="abcnet", detection=CurveConfig(), recogniser=reader)).eval()
    explained = explain(model, np.full((64, 96, 3), 200, np.uint8), INPUT.at(96))
    assert explained.candidates.shape == (0, 4, 2)
    assert draw_boxes(explained).size == (96, 64)
    assert draw_score(explained).size == explained.mosaic.shape[1::-1]
