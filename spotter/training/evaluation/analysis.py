"""Classifies the errors of a reader, for the error report."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.by_height import text_height
from spotter.training.evaluation.matching import IOU, Matching, Overlaps, match, overlaps, same_text
from spotter.training.evaluation.scores import Read, Scorer, bag
from spotter.training.prediction import Prediction

_TOUCHING = 0.1  # IoU from which a prediction is related to a word
_INSIDE = 0.6  # share of a region that must lie in another to be part of it

Kind = Literal["read", "misread", "inaccurate", "split", "merged", "missed", "false alarm"]


@dataclass(frozen=True)
class Finding:
    """The result for a true word, or for a prediction that matches no true word.

    kind: "misread" was found but read differently; "inaccurate" has a predicted box that overlaps too little; "split"
    is covered by several predictions, "merged" by one that also covers other words. truth, reading: None where there is
    none. elsewhere: the word is not matched, but a prediction that matches no other word has its text. blur: variance
    of the Laplacian under the word.
    """

    picture: str
    kind: Kind
    truth: Annotation | None
    reading: Prediction | None
    elsewhere: bool = False
    blur: float | None = None


@dataclass(frozen=True)
class Edits:
    """Differences between transcripts and readings, ignoring case.

    replaced: (true, read) pairs; missing and added: characters.
    """

    replaced: Counter[tuple[str, str]]
    missing: Counter[str]
    added: Counter[str]


def findings(read: Read, threshold: float, blur: Sequence[float] | None = None) -> Iterator[Finding]:
    """One finding for each true word that counts and for each false alarm. blur: for each of the picture's
    annotations."""
    found = overlaps(read.truths, read.predictions)
    keep = np.array([p.score >= threshold for p in read.predictions], np.bool_)
    matching = match([truth.ignore for truth in read.truths], found, keep)
    partner = dict(matching.pairs)
    explained: set[int] = set(partner.values())
    right = {d for g, d in matching.pairs if same_text(read.truths[g].text, read.predictions[d].text)}
    spoken = Counter(read.predictions[d].text.upper() for d in matching.predictions if d not in right)
    for g in matching.truths:
        truth = read.truths[g]
        soft = None if blur is None else blur[g]
        if g in partner:
            reading = read.predictions[partner[g]]
            yield Finding(read.name, "read" if partner[g] in right else "misread", truth, reading, blur=soft)
            continue
        kind, near = _lost(g, read, found, matching)
        explained.update(near)
        reading_of = read.predictions[max(near, key=lambda d: found.iou[g, d])] if near else None
        yield Finding(read.name, kind, truth, reading_of, spoken[truth.text.upper()] > 0, soft)
        spoken[truth.text.upper()] -= 1
    for d in matching.predictions:
        if d not in explained:
            yield Finding(read.name, "false alarm", None, read.predictions[d])


def _lost(g: int, read: Read, found: Overlaps, matching: Matching) -> tuple[Kind, list[int]]:
    """Why true word `g` is not matched, and the predictions that are related to it."""
    iou = found.iou[g]
    near = [d for d in matching.predictions if iou[d] > _TOUCHING or found.covered[g, d] > _INSIDE]
    inside = [d for d in near if found.covered[g, d] > _INSIDE]
    if len(inside) > 1:
        return "split", inside
    for d in near:
        others = [o for o in matching.truths if o != g and found.iou[o, d] > _TOUCHING]
        if others and iou[d] <= IOU:
            return "merged", [d]
    return ("inaccurate", near) if near else ("missed", [])


def unmatched(read: Read, threshold: float) -> tuple[Counter[str], Counter[str]]:
    """(true words that were not predicted, predicted words that are not true) of a picture, ignoring positions, as in
    `scores.bag_of_words`."""
    keep = np.array([p.score >= threshold for p in read.predictions], np.bool_)
    matching = match([truth.ignore for truth in read.truths], overlaps(read.truths, read.predictions), keep)
    wanted = bag(read.truths[g].text for g in matching.truths)
    got = bag(read.predictions[d].text for d in matching.predictions)
    return wanted - got, got - wanted


def edits(pairs: Sequence[tuple[str, str]]) -> Edits:
    """The fewest character edits that turn each truth into its reading (Levenshtein), summed."""
    replaced: Counter[tuple[str, str]] = Counter()
    missing: Counter[str] = Counter()
    added: Counter[str] = Counter()
    for truth, reading in pairs:
        for old, new in alignment(truth.upper(), reading.upper()):
            if old and new and old != new:
                replaced[old, new] += 1
            elif not new:
                missing[old] += 1
            elif not old:
                added[new] += 1
    return Edits(replaced, missing, added)


def alignment(first: str, second: str) -> list[tuple[str, str]]:
    """An alignment of characters with the fewest differences; "" stands for a gap."""
    rows, columns = len(first) + 1, len(second) + 1
    cost = np.zeros((rows, columns), int)
    cost[:, 0], cost[0] = range(rows), range(columns)
    for i in range(1, rows):
        for j in range(1, columns):
            step = cost[i - 1, j - 1] + (first[i - 1] != second[j - 1])
            cost[i, j] = min(step, cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    pairs: list[tuple[str, str]] = []
    i, j = len(first), len(second)
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (first[i - 1] != second[j - 1]):
            pairs.append((first[i - 1], second[j - 1]))
            i, j = i - 1, j - 1
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            pairs.append((first[i - 1], ""))
            i -= 1
        else:
            pairs.append(("", second[j - 1]))
            j -= 1
    return pairs[::-1]


def reading_error(truth: str, reading: str) -> str:
    """The kind of a misreading: of the length, of the order, or of single characters."""
    truth, reading = truth.upper(), reading.upper()
    if sorted(truth) == sorted(reading):
        return "order"
    if len(reading) < len(truth):
        return "cut short" if reading and reading in truth else "too short"
    if len(reading) > len(truth):
        return "runs over" if truth in reading else "too long"
    return "one character" if sum(a != b for a, b in zip(truth, reading, strict=True)) == 1 else "several characters"


def angle(truth: Annotation) -> float:
    """Degrees between the reading direction and the picture's x axis, -180 to 180, clockwise."""
    top = truth.polygon[1] - truth.polygon[0]
    return float(np.degrees(np.arctan2(top[1], top[0])))


PROPERTIES: dict[str, tuple[tuple[float, ...], Callable[[Annotation], float]]] = {
    "text height, pixels": ((0.0, 8.0, 12.0, 16.0, 24.0, 40.0, 80.0), lambda truth: text_height(truth.polygon)),
    "angle, degrees": ((0.0, 5.0, 15.0, 45.0, 100.0), lambda truth: abs(angle(truth))),
    "characters": ((0.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0), lambda truth: float(len(truth.text))),
}
"""The properties by which words are grouped: the lower bounds of the classes, and the function that measures the
property."""


@dataclass(frozen=True)
class Share:
    """How many true words of a class there are, were found, and were read.

    predictions, right: the predictions of the class, and how many of them read a true word right. A prediction is
    classified by the true word that it is matched with, or else by its own property; None where predictions do not have
    this property.
    """

    label: str
    words: int
    found: int
    read: int
    predictions: int | None = None
    right: int = 0

    @property
    def f(self) -> float | None:
        """Harmonic mean of the true words' recall and the predictions' precision, end to end."""
        if self.predictions is None:
            return None
        recall = self.read / self.words
        precision = self.right / self.predictions if self.predictions else 0.0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def shares(
    found: Sequence[Finding],
    values: Sequence[float],
    edges: Sequence[float],
    predictions: Sequence[tuple[float, bool]] | None = None,
) -> list[Share]:
    """The shares of the true words of `found`, in classes of their `values` with the lower bounds `edges`; findings
    without a true word are left out. predictions: (value, whether right) of each that counts."""
    index = np.searchsorted(edges, values, side="right") - 1
    said = None if predictions is None else np.searchsorted(edges, [value for value, _ in predictions], "right") - 1
    rows = []
    for n, low in enumerate(edges):
        members = [finding for finding, at in zip(found, index, strict=True) if at == n]
        if members:
            label = f"{low:g} to {edges[n + 1]:g}" if n + 1 < len(edges) else f"{low:g} and more"
            kinds = Counter(finding.kind for finding in members)
            row = Share(label, len(members), kinds["read"] + kinds["misread"], kinds["read"])
            if predictions is not None and said is not None:
                rights = [right for (_, right), at in zip(predictions, said, strict=True) if at == n]
                row = replace(row, predictions=len(rights), right=sum(rights))
            rows.append(row)
    return rows


def sharpness(image: NDArray[np.uint8], truth: Annotation) -> float:
    """Variance of the Laplacian of the grey picture in the word's upright rectangle: small where it is blurred
    (Pech-Pacheco et al. 2000)."""
    height, width = image.shape[:2]
    x0, y0 = np.clip(np.floor(truth.polygon.min(0)), 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(truth.polygon.max(0)), 0, (width, height)).astype(int)
    grey = image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].mean(2)
    padded = np.pad(grey, 1, mode="edge")
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * grey
    return float(laplacian.var())


def precision_and_recall(reads: Sequence[Read], text: bool) -> NDArray[np.float64]:
    """float64 [K, 3]: (threshold, precision, recall) at each multiple of 0.01 of the score. text: whether a word must
    also be read right."""
    scorer = Scorer(reads)
    rows = []
    for threshold in np.arange(0, 1, 0.02):
        scores = scorer(float(threshold))
        counts = scores.end_to_end if text else scores.detection
        if counts.predictions:
            rows.append((threshold, counts.precision, counts.recall))
    return np.array(rows).reshape(-1, 3)
