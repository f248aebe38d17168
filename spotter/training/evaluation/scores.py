"""Figures over a data set: precision, recall and F of finding and of reading words."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.lexicon import Lexicon, edit_distance
from spotter.training.evaluation.matching import (
    Matching,
    Overlaps,
    match,
    overlaps,
    same_text,
    same_text_leniently,
)
from spotter.training.prediction import Prediction

HEIGHTS = (0.0, 8.0, 12.0, 16.0, 24.0, 40.0, 80.0)  # lower edges of the classes of text height, pixels


@dataclass(frozen=True)
class Counts:
    """How many of the true and of the predicted were right; an undefined ratio is 0."""

    correct: int = 0
    truths: int = 0
    predictions: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.correct + other.correct, self.truths + other.truths, self.predictions + other.predictions)

    @property
    def precision(self) -> float:
        return self.correct / self.predictions if self.predictions else 0.0

    @property
    def recall(self) -> float:
        return self.correct / self.truths if self.truths else 0.0

    @property
    def f(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.truths + self.predictions
        return 2 * self.correct / both if both else 0.0


@dataclass(frozen=True)
class Recognition:
    """Reading on words that were found: `exact` minds the case, the rest does not.

    edits: sum of edit distances to the truth; characters: sum of the true lengths.
    """

    words: int = 0
    right: int = 0
    exact: int = 0
    edits: int = 0
    characters: int = 0

    def __add__(self, other: "Recognition") -> "Recognition":
        return Recognition(
            self.words + other.words,
            self.right + other.right,
            self.exact + other.exact,
            self.edits + other.edits,
            self.characters + other.characters,
        )

    @property
    def word_accuracy(self) -> float:
        return self.right / self.words if self.words else 0.0

    @property
    def exact_accuracy(self) -> float:
        return self.exact / self.words if self.words else 0.0

    @property
    def character_accuracy(self) -> float:
        """1 - edits / true characters, never below 0."""
        return max(0.0, 1 - self.edits / self.characters) if self.characters else 0.0


@dataclass(frozen=True)
class HeightClass:
    """True words of one height: how many, how many found, how many found and read."""

    truths: int = 0
    found: int = 0
    read: int = 0

    def __add__(self, other: "HeightClass") -> "HeightClass":
        return HeightClass(self.truths + other.truths, self.found + other.found, self.read + other.read)


@dataclass(frozen=True)
class Scores:
    """Sums over the pictures of a data set.

    end_to_end: pairs whose text is equal whatever the case.
    end_to_end_lenient: the same where the contest's script forgives a mark missing at an end.
    bag_of_words: words of each picture as a multiset, places left aside.
    by_height: one for each of HEIGHTS.
    """

    detection: Counts = Counts()
    end_to_end: Counts = Counts()
    end_to_end_lenient: Counts = Counts()
    bag_of_words: Counts = Counts()
    recognition: Recognition = Recognition()
    by_height: tuple[HeightClass, ...] = field(default=(HeightClass(),) * len(HEIGHTS))

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(
            self.detection + other.detection,
            self.end_to_end + other.end_to_end,
            self.end_to_end_lenient + other.end_to_end_lenient,
            self.bag_of_words + other.bag_of_words,
            self.recognition + other.recognition,
            tuple(a + b for a, b in zip(self.by_height, other.by_height, strict=True)),
        )


@dataclass(frozen=True)
class Read:
    """A picture's truth and what was predicted for it."""

    name: str
    truths: tuple[Annotation, ...]
    predictions: list[Prediction]


class Scorer:
    """Scores a reader's predictions at any threshold; overlaps are computed once.

    lexicon: replaces every reading by its nearest word.
    """

    def __init__(self, reads: Sequence[Read], lexicon: Lexicon | None = None) -> None:
        self._reads = list(reads)
        self._texts = [
            [p.text if lexicon is None else lexicon.correct(p.text) for p in read.predictions] for read in self._reads
        ]
        self._overlaps = [overlaps(read.truths, read.predictions) for read in self._reads]

    def __call__(self, threshold: float = 0.0) -> Scores:
        """The scores of the predictions whose score is at least `threshold`."""
        total = Scores()
        for read, texts, found in zip(self._reads, self._texts, self._overlaps, strict=True):
            total = total + _score(read, texts, found, threshold)
        return total

    def errors(self, threshold: float = 0.0) -> Iterator[dict[str, object]]:
        """What went wrong, one plain record a word: kind is "missed", "misread" or "false alarm"."""
        for read, texts, found in zip(self._reads, self._texts, self._overlaps, strict=True):
            keep = np.array([p.score >= threshold for p in read.predictions], np.bool_)
            matching = match([truth.ignore for truth in read.truths], found, keep)
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


def _score(read: Read, texts: Sequence[str], found: Overlaps, threshold: float) -> Scores:
    keep = np.array([p.score >= threshold for p in read.predictions], np.bool_)
    ignored = [truth.ignore for truth in read.truths]
    matching = match(ignored, found, keep)
    pairs = [(read.truths[g].text, texts[d]) for g, d in matching.pairs]
    counted = (len(matching.truths), len(matching.predictions))
    return Scores(
        Counts(len(pairs), *counted),
        Counts(sum(same_text(*pair) for pair in pairs), *counted),
        Counts(sum(same_text_leniently(*pair) for pair in pairs), *counted),
        bag_of_words([read.truths[g].text for g in matching.truths], [texts[d] for d in matching.predictions]),
        recognition(pairs),
        _by_height(read, matching, texts),
    )


def recognition(pairs: Sequence[tuple[str, str]]) -> Recognition:
    """Reading accuracy over (truth, reading) pairs."""
    return Recognition(
        words=len(pairs),
        right=sum(same_text(truth, reading) for truth, reading in pairs),
        exact=sum(truth == reading for truth, reading in pairs),
        edits=sum(edit_distance(truth.upper(), reading.upper()) for truth, reading in pairs),
        characters=sum(len(truth) for truth, _ in pairs),
    )


def bag_of_words(truths: Sequence[str], readings: Sequence[str]) -> Counts:
    """Words of a picture as a multiset, in capitals, split at spaces: a word counts as often as both sides have it.

    Punctuation counts as written.
    """
    wanted, got = bag(truths), bag(readings)
    return Counts((wanted & got).total(), wanted.total(), got.total())


def bag(texts: Iterable[str]) -> Counter[str]:
    """The words of some texts, in capitals, split at spaces."""
    return Counter(word for text in texts for word in text.upper().split())


def _by_height(read: Read, matching: Matching, texts: Sequence[str]) -> tuple[HeightClass, ...]:
    partner = dict(matching.pairs)
    classes = [HeightClass() for _ in HEIGHTS]
    for g in matching.truths:
        at = int(np.searchsorted(HEIGHTS, text_height(read.truths[g]), side="right")) - 1
        right = g in partner and same_text(read.truths[g].text, texts[partner[g]])
        classes[at] = classes[at] + HeightClass(1, int(g in partner), int(right))
    return tuple(classes)


def text_height(truth: Annotation) -> float:
    """Mean length of the left and the right side of a true word, pixels."""
    left = np.linalg.norm(truth.polygon[3] - truth.polygon[0])
    right = np.linalg.norm(truth.polygon[2] - truth.polygon[1])
    return float(left + right) / 2
