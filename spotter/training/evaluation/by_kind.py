"""Recall by kind of word."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from spotter.training.evaluation.datasets import Preset
from spotter.training.evaluation.kinds import KINDS, Kind, kinds
from spotter.training.evaluation.matching import Matching, same_text
from spotter.training.evaluation.scores import Compared


@dataclass(frozen=True)
class KindCount:
    """Counts of true words of a kind. words: all. boxed: those with a box of their own; found: those of the boxed that
    were found. read: those read, ignoring case; exact: those read with their case."""

    words: int = 0
    boxed: int = 0
    found: int = 0
    read: int = 0
    exact: int = 0

    def __add__(self, other: "KindCount") -> "KindCount":
        return KindCount(
            self.words + other.words,
            self.boxed + other.boxed,
            self.found + other.found,
            self.read + other.read,
            self.exact + other.exact,
        )


def by_kind(pictures: Iterable[Compared], threshold: float, how: Preset) -> dict[Kind, KindCount]:
    """Recall of each kind; a word counts in each of its kinds.

    Where end-to-end F is the measure, a word counts as read when it is found and has its text. Elsewhere it counts as
    read when the picture's readings contain it, at any position, as often as the truth does.
    """
    total = dict.fromkeys(KINDS, KindCount())
    for picture in pictures:
        matching = picture.matching(threshold)
        words = _matched(picture, matching) if how.measure == "end_to_end" else _counted(picture, matching, how)
        for text, count in words:
            for kind in kinds(text):
                total[kind] += count
    return total


def pooled(parts: Iterable[dict[Kind, KindCount]]) -> dict[Kind, KindCount]:
    """The sums over data sets."""
    total = dict.fromkeys(KINDS, KindCount())
    for part in parts:
        for kind, count in part.items():
            total[kind] += count
    return total


def _matched(picture: Compared, matching: Matching) -> list[tuple[str, KindCount]]:
    partner = dict(matching.pairs)
    counted = []
    for g in matching.truths:
        truth = picture.read.truths[g].text
        reading = picture.texts[partner[g]] if g in partner else None
        read, exact = reading is not None and same_text(truth, reading), reading == truth
        counted.append((truth, KindCount(1, 1, int(g in partner), int(read), int(exact))))
    return counted


def _counted(picture: Compared, matching: Matching, how: Preset) -> list[tuple[str, KindCount]]:
    partner = dict(matching.pairs)
    boxed = how.boxes == "words"
    words = [(word, boxed and g in partner) for g in matching.truths for word in picture.read.truths[g].text.split()]
    left = Counter(word for d in matching.predictions for word in picture.texts[d].split())
    exact = []
    for word, _ in words:
        exact.append(left[word] > 0)
        left[word] -= exact[-1]
    # Readings without an exact match may match words that differ in case.
    upper = Counter[str]()
    for reading, count in left.items():
        upper[reading.upper()] += count
    counted = []
    for (word, found), same in zip(words, exact, strict=True):
        alike = same or upper[word.upper()] > 0
        upper[word.upper()] -= alike and not same
        counted.append((word, KindCount(1, int(boxed), int(found), int(alike), int(same))))
    return counted
