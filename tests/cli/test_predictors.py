from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spotter.cli.predictors import ReaderOptions, open_predictor, rapidocr
from spotter.families import build
from spotter.model.charset import Charset
from spotter.reading.reader import Reader
from spotter.registry.manifest import InputSpec
from spotter.training.data import teacher
from spotter.training.data.ppocr import Models

PICTURE = np.zeros((50, 100, 3), np.uint8)


class Fixed(nn.Module):
    """Reads "Hi" in a box that covers the real part of every picture."""

    charset = Charset()

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        height, width = (float(side) for side in sizes[0])
        polygon = torch.tensor([[[0, 0], [width, 0], [width, height], [0, height]]])
        classes = torch.tensor([[ord("H") - 31, 0, ord("i") - 31]], dtype=torch.int32)
        return torch.zeros(1, dtype=torch.int32), polygon, torch.tensor([0.5]), classes, torch.ones(1, 3)


@pytest.mark.parametrize("side", [None, 64, 640])
def test_a_checkpoint_answers_in_the_pictures_own_pixels(monkeypatch: pytest.MonkeyPatch, side: int | None) -> None:
    def load(path: Path, language: Path | None) -> nn.Module:
        assert language == Path("language.npz")
        return Fixed()

    monkeypatch.setattr(build, "load_spotter", load)
    threads = torch.get_num_threads()
    opened = open_predictor(Path("x.pt"), ReaderOptions(threads, side, language=Path("language.npz")))
    (word,) = opened.predict(PICTURE)
    np.testing.assert_allclose(word.polygon, [[0, 0], [100, 0], [100, 50], [0, 50]])
    assert (word.text, word.score) == ("Hi", 0.5)
    assert opened.threshold == 0.0


@dataclass(frozen=True)
class _Word:
    polygon: list[list[float]]
    text: str
    score: float


def test_a_bundle_is_read_without_its_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    class Manifest:
        score_threshold = 0.4

    class OpenedPredictor:
        manifest = Manifest()
        input = InputSpec()

        def read(self, image: NDArray[np.uint8], threshold: float, closest: int) -> list[_Word]:
            assert (threshold, closest) == (0.0, 2000)
            assert (self.input.max_side, self.input.target_side) == (960, 960)
            return [_Word([[0.0, 0.0], [9.0, 0.0], [9.0, 5.0]], "EXIT", 0.1)]

    def open_bundle(path: Path, threads: int) -> OpenedPredictor:
        assert threads == 3
        return OpenedPredictor()

    monkeypatch.setattr(Reader, "open", open_bundle)
    opened = open_predictor(Path("bundle"), ReaderOptions(threads=3, side=960, closest=2000))
    (word,) = opened.predict(PICTURE)
    assert (word.text, word.polygon.shape) == ("EXIT", (3, 2))
    assert word.polygon.dtype == np.float32
    assert opened.threshold == 0.4


def test_rapidocr_gives_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        def __init__(self, threads: int, reference: bool, models: Models) -> None:
            assert (threads, reference, models) == (2, True, Models("small"))

        def words(self, image: NDArray[np.uint8]) -> list[teacher.TeacherWord]:
            return [teacher.TeacherWord(np.zeros((4, 2), np.float32), "a", 0.7, False)]

    monkeypatch.setattr(teacher, "RapidReader", Fake)
    (word,) = rapidocr("small", 2, True).predict(PICTURE)
    assert (word.text, word.score) == ("a", 0.7)
