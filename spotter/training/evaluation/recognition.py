"""Recognition accuracy of found text, by characters, words and whole transcripts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.lexicon import edit_distance
from spotter.training.evaluation.matching import Matching, Overlaps
from spotter.training.prediction import Prediction

_INSIDE = 0.5


@dataclass(frozen=True)
class Recognition:
    """Sums over transcripts and their readings.

    words: true words, from transcripts split at spaces; right: those that the reading contains, ignoring case; exact:
    those that it contains with their case. edits: edit distances to the transcripts, ignoring case; characters: the
    transcripts' lengths. sequences: transcripts; whole: those read without any difference, case included.
    """

    words: int = 0
    right: int = 0
    exact: int = 0
    edits: int = 0
    characters: int = 0
    sequences: int = 0
    whole: int = 0

    def __add__(self, other: "Recognition") -> "Recognition":
        return Recognition(
            self.words + other.words,
            self.right + other.right,
            self.exact + other.exact,
            self.edits + other.edits,
            self.characters + other.characters,
            self.sequences + other.sequences,
            self.whole + other.whole,
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

    @property
    def sequence_accuracy(self) -> float:
        return self.whole / self.sequences if self.sequences else 0.0


def recognition(pairs: Sequence[tuple[str, str]]) -> Recognition:
    """Reading accuracy over (transcript, reading) pairs; a repeated word counts as often as it occurs in both."""
    return Recognition(
        words=sum(len(truth.split()) for truth, _ in pairs),
        right=sum((words([truth.upper()]) & words([reading.upper()])).total() for truth, reading in pairs),
        exact=sum((words([truth]) & words([reading])).total() for truth, reading in pairs),
        edits=sum(edit_distance(truth.upper(), reading.upper()) for truth, reading in pairs),
        characters=sum(len(truth) for truth, _ in pairs),
        sequences=len(pairs),
        whole=sum(truth == reading for truth, reading in pairs),
    )


def words(texts: Iterable[str]) -> Counter[str]:
    """The words of some texts, split at spaces."""
    return Counter(word for text in texts for word in text.split())


def regions_of(found: Overlaps, matching: Matching) -> dict[int, int]:
    """For each prediction the true region in which more than half of its area lies; predictions in no region are left
    out."""
    regions: dict[int, int] = {}
    for d in matching.predictions if matching.truths else ():
        g = max(matching.truths, key=lambda g: found.covered[g, d])
        if found.covered[g, d] > _INSIDE:
            regions[d] = g
    return regions


def readings_by_region(
    truths: Sequence[Annotation],
    predictions: Sequence[Prediction],
    texts: Sequence[str],
    found: Overlaps,
    matching: Matching,
) -> list[tuple[str, str]]:
    """(transcript, reading) of every true region that counts, for regions that hold whole lines.

    texts: of the predictions. A region's reading consists of the texts of the predictions in it, ordered by their
    centres along the region's top edge and joined by spaces; "" where there are none.
    """
    members: dict[int, list[tuple[float, str]]] = {g: [] for g in matching.truths}
    for d, g in regions_of(found, matching).items():
        along = truths[g].polygon[1] - truths[g].polygon[0]
        members[g].append((float(along @ predictions[d].polygon.mean(0)), texts[d]))
    return [(truths[g].text, " ".join(text for _, text in sorted(inside))) for g, inside in members.items()]
