"""Bundles, checkpoints, RapidOCR and Tesseract as functions from a picture to its words, for evaluation and
benchmarks."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.prediction import Prediction, Predictor

CHECKPOINT_SUFFIX = ".pt"


@dataclass(frozen=True)
class ReaderOptions:
    """threads: of the network. side: working size in pixels of the long side; a bundle's own by default. closest: the
    longest side of a bundle's second look at pictures of small words; 0: none. language: a checkpoint's language
    model."""

    threads: int = 1
    side: int | None = None
    closest: int = 0
    language: Path | None = None


@dataclass(frozen=True)
class OpenedPredictor:
    """A predictor that returns words with any score, and its score threshold."""

    predict: Predictor
    threshold: float = 0.0


def open_predictor(model: Path, options: ReaderOptions) -> OpenedPredictor:
    """The predictor of a checkpoint file or a bundle folder.

    Raises BundleError for a bad bundle and ValueError for a bad checkpoint.
    """
    return checkpoint(model, options) if model.suffix == CHECKPOINT_SUFFIX else bundle(model, options)


def bundle(path: Path, options: ReaderOptions) -> OpenedPredictor:
    """Reads with a bundle, in the same way as the service."""
    from spotter.reading.reader import Reader

    reader = Reader.open(path, threads=options.threads)
    if options.side is not None:
        reader.input = reader.input.at(options.side)

    def predict(image: NDArray[np.uint8]) -> list[Prediction]:
        return [
            Prediction(np.asarray(word.polygon, np.float32), word.text, float(word.score))
            for word in reader.read(image, threshold=0.0, closest=options.closest)
        ]

    return OpenedPredictor(predict, reader.manifest.score_threshold)


def checkpoint(path: Path, options: ReaderOptions) -> OpenedPredictor:
    """Reads with a checkpoint's weights in torch, prepared as the service would prepare it."""
    import torch

    from spotter.export.bundle import INPUT
    from spotter.families.build import load_spotter
    from spotter.reading.imaging import prepare_pixels
    from spotter.reading.sizing import to_upload

    torch.set_num_threads(options.threads)
    model = load_spotter(path, options.language)
    spec = INPUT if options.side is None else INPUT.at(options.side)

    def predict(image: NDArray[np.uint8]) -> list[Prediction]:
        ready = prepare_pixels(image, spec)
        width, height = ready.working
        with torch.inference_mode():
            _, polygons, scores, characters, *_ = model(
                torch.from_numpy(ready.padded[None].copy()), torch.tensor([[height, width]], dtype=torch.int32)
            )
        placed = to_upload(polygons.float().numpy(), ready.working, ready.upload)
        return [
            Prediction(polygon, model.charset.decode(row), score)
            for polygon, row, score in zip(placed, characters.tolist(), scores.tolist(), strict=True)
        ]

    return OpenedPredictor(predict)


def turned(predict: Predictor, degrees: float) -> Predictor:
    """Reads pictures after turning them clockwise by `degrees`, on a white background where they do not fill the frame;
    the words' polygons are in the pixels of the original picture."""

    def predict_turned(image: NDArray[np.uint8]) -> list[Prediction]:
        height, width = image.shape[:2]
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        forward = np.array([[cos, -sin], [sin, cos]])
        wide, high = (math.ceil(round(side, 6)) for side in np.abs(forward) @ (width, height))
        shift = np.array([wide, high]) / 2 - forward @ (width / 2, height / 2)
        # OpenCV's coordinates begin at the centre of the first pixel, those of polygons at its corner.
        corner = shift + forward @ (0.5, 0.5) - 0.5
        matrix = np.concatenate((forward, corner[:, None]), 1)
        seen = cv2.warpAffine(image, matrix, (wide, high), borderMode=cv2.BORDER_CONSTANT, borderValue=(255,) * 3)
        return [
            replace(word, polygon=((word.polygon - shift) @ forward).astype(np.float32))
            for word in predict(np.asarray(seen, np.uint8))
        ]

    return predict_turned


def rapidocr(model: str, threads: int, reference: bool) -> OpenedPredictor:
    """Reads with RapidOCR and the models that `ppocr.find_models` finds under a name.

    Raises ImportError when RapidOCR is not installed, ModelsError when the models are not found.
    """
    from spotter.training.data.ppocr import find_models
    from spotter.training.data.teacher import RapidReader

    reader = RapidReader(threads, reference=reference, models=find_models(model))

    def predict(image: NDArray[np.uint8]) -> list[Prediction]:
        return [Prediction(word.polygon, word.text, word.score) for word in reader.words(image)]

    return OpenedPredictor(predict)


def tesseract(languages: str, threads: int, segmentation: str) -> OpenedPredictor:
    """Reads with the program Tesseract, with languages such as `eng+deu` and one of its page segmentation modes.

    Raises TesseractError when the program or a language is not installed.
    """
    from spotter.training.data.tesseract import read, require

    require(languages)

    def predict(image: NDArray[np.uint8]) -> list[Prediction]:
        return [
            Prediction(word.polygon, word.text, word.score) for word in read(image, threads, languages, segmentation)
        ]

    return OpenedPredictor(predict)
