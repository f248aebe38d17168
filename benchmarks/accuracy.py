"""Scores Spotter's bundles and other readers on annotated pictures, in one table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import table
from benchmarks.bundles import Named
from benchmarks.peers import PeerError
from spotter.cli import predictors
from spotter.cli.evaluate import run
from spotter.cli.predictors import OpenedPredictor
from spotter.reading.reader import Reader
from spotter.reading.session import Session, SessionOptions
from spotter.training.data.ppocr import SMALL, TINY, ModelsError
from spotter.training.data.tesseract import ENGLISH, SPARSE, TesseractError, version
from spotter.training.evaluation.datasets import PRESETS, Dataset
from spotter.training.evaluation.scores import Scorer
from spotter.training.prediction import Prediction

PEERS = ("rapidocr", "rapidocr-reference", "tesseract")
"""`rapidocr-reference`: with the settings that PP-OCR was trained with instead of RapidOCR's own."""

SETS = ("icdar2015", "icdar2003", "sroie")
"""The presets that are scored; `spotter evaluate --data` scores all."""


@dataclass(frozen=True)
class Result:
    """The scores of a reader on a set. F in per cent, without lexicon; scores that need the words' positions are None
    where the set's boxes contain whole lines. milliseconds: the median time of a picture, from its pixels to its
    words."""

    reader: str
    dataset: str
    pictures: int
    detection: float | None
    end_to_end: float | None
    bag_of_words: float
    milliseconds: float


def datasets(data: Path) -> list[Dataset]:
    """The validation parts of the sets in a folder."""
    return [Dataset(data / name / "val", PRESETS[name], name) for name in SETS if (data / name / "val").is_dir()]


def open_bundle(named: Named, threads: int) -> OpenedPredictor:
    """A bundle as a predictor, with its own threshold."""
    reader = Reader(named.bundle, Session(named.bundle, SessionOptions(threads)))

    def predict(image: NDArray[np.uint8]) -> list[Prediction]:
        return [
            Prediction(np.asarray(word.polygon, np.float32), word.text, float(word.score))
            for word in reader.read(image)
        ]

    return OpenedPredictor(predict, reader.manifest.score_threshold)


def open_peer(name: str, threads: int, models: str) -> tuple[str, OpenedPredictor]:
    """A label and a reader; models as `ppocr.find_models` names them. Raises PeerError when there is none of the name,
    or it is not installed."""
    if name == "tesseract":
        try:
            reader = predictors.tesseract(ENGLISH, threads, SPARSE)
            return f"Tesseract {version()}", reader
        except TesseractError as error:
            raise PeerError(f"the peer {error}") from None
    if name not in PEERS:
        raise PeerError(f"there is no peer {name!r}; known: {', '.join(PEERS)}")
    reference = name == "rapidocr-reference"
    try:
        opened = predictors.rapidocr(models, threads, reference)
    except ImportError as error:
        raise PeerError(f"the peer rapidocr is not installed: {error}") from None
    except ModelsError as error:
        raise PeerError(str(error)) from None
    label = f"RapidOCR {models if models in (SMALL, TINY) else Path(models).name}"
    return f"{label}, reference settings" if reference else label, opened


def measure(readers: Sequence[tuple[str, OpenedPredictor]], sets: Sequence[Dataset], limit: int | None) -> list[Result]:
    """Scores every reader on every set, or on its first `limit` pictures. Raises AnnotationError."""
    results = []
    for dataset in sets:
        pictures = dataset.pictures(limit)
        lines = dataset.how.boxes == "lines"
        for label, reader in readers:
            reads, milliseconds = run(reader.predict, pictures, f"{label}: {dataset}")
            scores = Scorer(reads)(reader.threshold)
            results.append(
                Result(
                    label,
                    dataset.name,
                    len(reads),
                    None if lines else 100 * scores.detection.f,
                    None if lines else 100 * scores.end_to_end.f,
                    100 * scores.bag_of_words.f,
                    milliseconds,
                )
            )
    return results


def as_table(results: Sequence[Result]) -> str:
    """A table with a row for each reader and set."""
    header = ("set", "reader", "pictures", "detection F", "end-to-end F", "bag of words F", "ms a picture")
    rows = [
        (r.dataset, r.reader, r.pictures, r.detection, r.end_to_end, r.bag_of_words, r.milliseconds) for r in results
    ]
    return table.render(header, rows)


def as_dicts(results: Sequence[Result]) -> list[dict[str, object]]:
    """The results as JSON values."""
    return [asdict(result) for result in results]
