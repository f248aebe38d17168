"""The results of an evaluation of a reader on a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spotter.training.evaluation.by_kind import KindCount, by_kind
from spotter.training.evaluation.counts import Counts
from spotter.training.evaluation.datasets import Dataset
from spotter.training.evaluation.kinds import Kind
from spotter.training.evaluation.reliability import Reliability, measure
from spotter.training.evaluation.scores import Scorer, Scores


@dataclass(frozen=True)
class Result:
    """A reader's figures on a data set.

    milliseconds: the median time for a picture. lexicon: the word list with which readings were corrected, if any.
    by_iou: (IoU, end-to-end counts). reliability: of words of any score. sweep: (threshold, scores) of further
    thresholds.
    """

    reader: str
    dataset: Dataset
    pictures: int
    milliseconds: float
    threshold: float
    lexicon: Path | None
    scores: Scores
    by_iou: list[tuple[float, Counts]]
    by_kind: dict[Kind, KindCount]
    reliability: Reliability
    sweep: list[tuple[float, Scores]]

    @property
    def headline(self) -> float:
        """The figure by which the data set is judged, a fraction of 1."""
        return self.scores.headline(self.dataset.how.measure)


def result(
    reader: str,
    dataset: Dataset,
    scorer: Scorer,
    threshold: float,
    milliseconds: float,
    lexicon: Path | None = None,
    sweep: Sequence[float] = (),
) -> Result:
    """Computes the figures of the predictions that `scorer` holds. sweep: further thresholds."""
    return Result(
        reader,
        dataset,
        len(scorer.pictures),
        milliseconds,
        threshold,
        lexicon,
        scorer(threshold),
        scorer.by_iou(threshold),
        by_kind(scorer.pictures, threshold, dataset.how),
        measure(scorer.pictures, dataset.how),
        scorer.sweep(sweep),
    )


def mean_over_ious(by_iou: Sequence[tuple[float, Counts]]) -> tuple[float, float, float]:
    """Means of precision, recall and F over the IoUs."""
    counts = [part for _, part in by_iou]
    return (
        sum(part.precision for part in counts) / len(counts),
        sum(part.recall for part in counts) / len(counts),
        sum(part.f for part in counts) / len(counts),
    )
