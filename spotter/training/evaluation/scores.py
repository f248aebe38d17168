"""Scores over a data set: precision, recall and F of detection and end to end."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.by_height import HEIGHTS, HeightClass, by_height
from spotter.training.evaluation.counts import Counts
from spotter.training.evaluation.datasets import Measure, Preset
from spotter.training.evaluation.lexicon import Lexicon
from spotter.training.evaluation.matching import (
    IOU,
    Matching,
    Overlaps,
    match,
    overlaps,
    same_text,
    same_text_leniently,
)
from spotter.training.evaluation.recognition import Recognition, readings_by_region, recognition, words
from spotter.training.prediction import Prediction

IOUS = tuple(n / 100 for n in range(50, 100, 5))
"""The IoUs at which `Scorer.by_iou` counts."""


@dataclass(frozen=True)
class Scores:
    """Sums over the pictures of a data set.

    end_to_end: pairs whose text is equal, ignoring case.
    end_to_end_lenient: the same, where a missing mark at an end is forgiven as in the contest's script.
    bag_of_words: words of each picture as a multiset, ignoring case and position.
    words_exact: the same with exact case.
    recognition: over the matched pairs; where boxes contain whole lines, over all true lines.
    by_height: one for each of HEIGHTS.
    """

    detection: Counts = field(default_factory=Counts)
    end_to_end: Counts = field(default_factory=Counts)
    end_to_end_lenient: Counts = field(default_factory=Counts)
    bag_of_words: Counts = field(default_factory=Counts)
    recognition: Recognition = field(default_factory=Recognition)
    by_height: tuple[HeightClass, ...] = field(default=(HeightClass(),) * len(HEIGHTS))
    words_exact: Counts = field(default_factory=Counts)

    def headline(self, measure: Measure) -> float:
        """The headline figure, a fraction of 1, by which a data set is judged."""
        if measure == "words_exact":
            return self.words_exact.recall
        return self.end_to_end.f if measure == "end_to_end" else self.bag_of_words.f

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(
            self.detection + other.detection,
            self.end_to_end + other.end_to_end,
            self.end_to_end_lenient + other.end_to_end_lenient,
            self.bag_of_words + other.bag_of_words,
            self.recognition + other.recognition,
            tuple(a + b for a, b in zip(self.by_height, other.by_height, strict=True)),
            self.words_exact + other.words_exact,
        )


@dataclass(frozen=True)
class Read:
    """A picture's truth and what was predicted for it."""

    name: str
    truths: tuple[Annotation, ...]
    predictions: list[Prediction]


@dataclass(frozen=True)
class Compared:
    """A picture's truth and predictions, compared. texts: of the predictions, after any correction by a lexicon."""

    read: Read
    texts: Sequence[str]
    overlaps: Overlaps

    def matching(self, threshold: float = 0.0, iou: float = IOU) -> Matching:
        """True words paired with the predictions whose score is at least `threshold`."""
        keep = np.array([p.score >= threshold for p in self.read.predictions], np.bool_)
        return match([truth.ignore for truth in self.read.truths], self.overlaps, keep, iou)

    def pairs(self, matching: Matching) -> list[tuple[str, str]]:
        """(truth, reading) of the matched words."""
        return [(self.read.truths[g].text, self.texts[d]) for g, d in matching.pairs]


def compare(read: Read, lexicon: Lexicon | None = None) -> Compared:
    """Compares a picture's predictions with its truth; lexicon: corrects every reading to its nearest word."""
    texts = [p.text if lexicon is None else lexicon.correct(p.text) for p in read.predictions]
    return Compared(read, texts, overlaps(read.truths, read.predictions))


class Scorer:
    """Scores a reader's predictions at any threshold; overlaps are computed only once.

    lexicon: corrects every reading to its nearest word. how: how the data set is judged.
    """

    def __init__(self, reads: Sequence[Read], lexicon: Lexicon | None = None, how: Preset | None = None) -> None:
        self._how = how or Preset()
        self.pictures = [compare(read, lexicon) for read in reads]

    def __call__(self, threshold: float = 0.0) -> Scores:
        """The scores of the predictions whose score is at least `threshold`."""
        total = Scores()
        for picture in self.pictures:
            total = total + _score(picture, threshold, self._how.boxes == "lines")
        return total

    def by_iou(self, threshold: float = 0.0) -> list[tuple[float, Counts]]:
        """End-to-end counts for each of IOUS, which a word's IoU with the truth must exceed."""
        return [(iou, sum((_end_to_end(p, threshold, iou) for p in self.pictures), Counts())) for iou in IOUS]

    def errors(self, threshold: float = 0.0) -> Iterator[dict[str, object]]:
        """The errors, one plain record for each word: kind is "missed", "misread" or "false alarm"."""
        for picture in self.pictures:
            read, texts, matching = picture.read, picture.texts, picture.matching(threshold)
            partner = dict(matching.pairs)
            taken = set(partner.values())
            for g in matching.truths:
                truth = read.truths[g]
                place = {"picture": read.name, "truth": truth.text, "polygon": truth.polygon.tolist()}
                if g not in partner:
                    yield {"kind": "missed", **place}
                elif not same_text(truth.text, texts[partner[g]]):
                    score = read.predictions[partner[g]].score
                    yield {"kind": "misread", **place, "read": texts[partner[g]], "score": score}
            for d in matching.predictions:
                if d not in taken:
                    alarm = read.predictions[d]
                    yield {
                        "kind": "false alarm",
                        "picture": read.name,
                        "read": texts[d],
                        "score": alarm.score,
                        "polygon": alarm.polygon.tolist(),
                    }

    def sweep(self, thresholds: Sequence[float]) -> list[tuple[float, Scores]]:
        """The scores at each threshold."""
        return [(threshold, self(threshold)) for threshold in thresholds]


def _end_to_end(picture: Compared, threshold: float, iou: float) -> Counts:
    matching = picture.matching(threshold, iou)
    right = sum(same_text(*pair) for pair in picture.pairs(matching))
    return Counts(right, len(matching.truths), len(matching.predictions))


def _score(picture: Compared, threshold: float, lines: bool) -> Scores:
    read, texts = picture.read, picture.texts
    matching = picture.matching(threshold)
    pairs = picture.pairs(matching)
    counted = (len(matching.truths), len(matching.predictions))
    truths, readings = [read.truths[g].text for g in matching.truths], [texts[d] for d in matching.predictions]
    wanted, got = words(truths), words(readings)
    return Scores(
        Counts(len(pairs), *counted),
        Counts(sum(same_text(*pair) for pair in pairs), *counted),
        Counts(sum(same_text_leniently(*pair) for pair in pairs), *counted),
        bag_of_words(truths, readings),
        recognition(
            readings_by_region(read.truths, read.predictions, texts, picture.overlaps, matching) if lines else pairs
        ),
        by_height(read.truths, read.predictions, texts, matching),
        Counts((wanted & got).total(), wanted.total(), got.total()),
    )


def bag_of_words(truths: Sequence[str], readings: Sequence[str]) -> Counts:
    """Compares the words of a picture as multisets, in capitals, split at spaces: a repeated word counts as often as it
    occurs on both sides.

    Punctuation counts as written.
    """
    wanted, got = bag(truths), bag(readings)
    return Counts((wanted & got).total(), wanted.total(), got.total())


def bag(texts: Iterable[str]) -> Counter[str]:
    """The words of texts as a multiset, in capitals, split at spaces."""
    return words(text.upper() for text in texts)
