"""Scores during training, by the same protocol as `spotter evaluate`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spotter.model.spotter import Spotter
from spotter.training.data.annotations import read_folder
from spotter.training.evaluation.scores import Read, Scorer
from spotter.training.predict import predict


@dataclass(frozen=True)
class ValidationSet:
    """An ICDAR-form folder. aspect: true width / height where it is stored squeezed. limit: only this many first
    pictures are used. side: pixels of the long side at which pictures are read."""

    name: str
    folder: Path
    aspect: float | None = None
    limit: int = 40
    side: int = 960


def validator(sets: Sequence[ValidationSet], threshold: float = 0.4) -> Callable[[Spotter], dict[str, float]]:
    """A function from a model in evaluation mode to its detection and end-to-end F, in percent, on each set."""
    pictures = {item.name: read_folder(item.folder, item.aspect, ascii_only=False)[: item.limit] for item in sets}
    if len(pictures) != len(sets):
        raise ValueError("two validation sets share a name")

    def validate(model: Spotter) -> dict[str, float]:
        found: dict[str, float] = {}
        for item in sets:
            reads = [
                Read(picture.path.stem, tuple(picture.annotations), predict(model, picture.load(), item.side))
                for picture in pictures[item.name]
            ]
            scores = Scorer(reads)(threshold)
            found[f"{item.name}/detection"] = round(100 * scores.detection.f, 2)
            found[f"{item.name}/end_to_end"] = round(100 * scores.end_to_end.f, 2)
        return found

    return validate
