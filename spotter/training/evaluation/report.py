"""Reports of scores, as JSON and as tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from spotter.training.evaluation.by_height import HEIGHTS
from spotter.training.evaluation.by_kind import KindCount, pooled
from spotter.training.evaluation.counts import Counts
from spotter.training.evaluation.datasets import Measure
from spotter.training.evaluation.kinds import KINDS, Kind
from spotter.training.evaluation.reliability import BINS, Reliability
from spotter.training.evaluation.results import Result, mean_over_ious
from spotter.training.evaluation.scores import Scores

MEASURES: Mapping[Measure, str] = {
    "end_to_end": "end-to-end F",
    "bag_of_words": "bag-of-words F",
    "words_exact": "words exact",
}
"""The names of the measures in tables."""


def as_dict(result: Result) -> dict[str, Any]:
    """Everything in `result` as plain JSON values; ratios are fractions of 1."""
    how = result.dataset.how
    precision, recall, f = mean_over_ious(result.by_iou)
    return {
        "reader": result.reader,
        "dataset": str(result.dataset.folder),
        "name": str(result.dataset),
        "headline": {"measure": how.measure, "value": result.headline},
        "bag_of_words_only": how.boxes == "lines",
        "pictures": result.pictures,
        "median_ms": result.milliseconds,
        "threshold": result.threshold,
        "lexicon": str(result.lexicon) if result.lexicon else None,
        **scores_as_dict(result.scores),
        "end_to_end_by_iou": [{"iou": iou, **_ratios(counts)} for iou, counts in result.by_iou],
        "end_to_end_mean_over_iou": {"precision": precision, "recall": recall, "f": f},
        "by_kind": {kind: _kind_as_dict(count) for kind, count in result.by_kind.items() if count.words},
        "calibration": _calibration_as_dict(result.reliability),
        **({"sweep": [{"threshold": t, **scores_as_dict(s)} for t, s in result.sweep]} if result.sweep else {}),
    }


def scores_as_dict(scores: Scores) -> dict[str, Any]:
    """Everything in `scores` as plain JSON values; ratios are fractions of 1."""
    read = scores.recognition
    return {
        "detection": _ratios(scores.detection),
        "end_to_end": _ratios(scores.end_to_end),
        "end_to_end_lenient": _ratios(scores.end_to_end_lenient),
        "bag_of_words": _ratios(scores.bag_of_words),
        "words_exact": _ratios(scores.words_exact),
        "recognition": {
            "words": read.words,
            "word_accuracy": read.word_accuracy,
            "exact_accuracy": read.exact_accuracy,
            "character_accuracy": read.character_accuracy,
            "sequences": read.sequences,
            "sequence_accuracy": read.sequence_accuracy,
        },
        "by_height": [
            {"from": low, **asdict(part), "detection_f": part.detection.f, "end_to_end_f": part.end_to_end.f}
            for low, part in zip(HEIGHTS, scores.by_height, strict=True)
        ],
    }


def _ratios(counts: Counts) -> dict[str, float | int]:
    return {
        "precision": counts.precision,
        "recall": counts.recall,
        "f": counts.f,
        "correct": counts.correct,
        "truths": counts.truths,
        "predictions": counts.predictions,
    }


def _kind_as_dict(count: KindCount) -> dict[str, int]:
    places = {"boxed": count.boxed, "found": count.found} if count.boxed else {}
    return {"words": count.words, **places, "read": count.read, "exact": count.exact}


def _calibration_as_dict(reliability: Reliability) -> dict[str, Any]:
    return {
        "expected_calibration_error": reliability.error,
        "words": reliability.words,
        "bins": [
            {
                "from": n / BINS,
                "words": part.words,
                "mean_score": part.score / part.words if part.words else None,
                "right": part.right,
            }
            for n, part in enumerate(reliability.bins)
        ],
    }


def table(result: Result) -> str:
    """A table in per cent for a terminal; where boxes contain whole lines, without the figures that need the words'
    positions."""
    scores, lines = result.scores, result.dataset.how.boxes == "lines"
    rows = [("bag of words", scores.bag_of_words), ("words, exact case", scores.words_exact)]
    if not lines:
        rows = [
            ("detection", scores.detection),
            ("end to end", scores.end_to_end),
            ("end to end, lenient", scores.end_to_end_lenient),
            *rows,
        ]
    shown = [f"{'':24}{'precision':>10}{'recall':>10}{'F':>10}"]
    shown += [_row(name, (c.precision, c.recall, c.f)) for name, c in rows]
    if not lines:
        ious = ", ".join(f"{iou:.2f}: {100 * counts.f:.1f}" for iou, counts in result.by_iou)
        shown += [_row("end to end, mean of IoU", mean_over_ious(result.by_iou)), "", f"end-to-end F by IoU: {ious}"]
    read = scores.recognition
    shown += [
        "",
        f"on {read.words} words {'of the lines' if lines else 'found'}: {100 * read.word_accuracy:.1f} read right, "
        f"{100 * read.exact_accuracy:.1f} with their case, "
        f"{100 * read.character_accuracy:.1f} of characters, "
        f"{100 * read.sequence_accuracy:.1f} of {read.sequences} transcripts",
        f"expected calibration error {result.reliability.error:.3f} over {result.reliability.words} words of any score",
    ]
    return "\n".join(shown if lines else [*shown, "", _heights(scores)])


def _row(name: str, ratios: Iterable[float]) -> str:
    return f"{name:24}" + "".join(f"{100 * ratio:10.1f}" for ratio in ratios)


def _heights(scores: Scores) -> str:
    lines = [f"{'text height, pixels':24}{'words':>10}{'found':>10}{'read':>10}{'detection F':>13}{'end-to-end F':>14}"]
    for n, (low, part) in enumerate(zip(HEIGHTS, scores.by_height, strict=True)):
        if part.truths:
            name = f"{low:g} to {HEIGHTS[n + 1]:g}" if n + 1 < len(HEIGHTS) else f"{low:g} and more"
            lines.append(
                f"{name:24}{part.truths:10}{100 * part.detection.recall:10.1f}{100 * part.end_to_end.recall:10.1f}"
                f"{100 * part.detection.f:13.1f}{100 * part.end_to_end.f:14.1f}"
            )
    return "\n".join(lines)


def sweep_table(sweep: Sequence[tuple[float, Scores]]) -> str:
    """A table of F at each threshold, in per cent."""
    lines = [f"{'threshold':24}{'detection':>10}{'end to end':>12}{'bag of words':>14}"]
    lines += [
        f"{threshold:<24.2f}{100 * s.detection.f:10.1f}{100 * s.end_to_end.f:12.1f}{100 * s.bag_of_words.f:14.1f}"
        for threshold, s in sweep
    ]
    return "\n".join(lines)


def summary_table(results: Sequence[Result]) -> str:
    """One row for each data set and reader: its headline figure and related figures, in per cent; "-" where a figure
    needs boxes of words."""
    readers = [_short(reader) for reader in dict.fromkeys(result.reader for result in results)]
    many = len(readers) > 1
    sets = max([3, *(len(str(result.dataset)) for result in results)]) + 2
    names = max(len(name) for name in readers) + 2 if many else 0
    lines = [
        f"{'set':{sets}}{'reader' if many else '':{names}}{'pictures':>8}  {'figure':15}{'%':>6}{'detection F':>13}"
        f"{'IoU mean F':>12}{'ECE':>7}{'ms':>7}"
    ]
    for result in results:
        boxed = result.dataset.how.boxes == "words"
        detection = f"{100 * result.scores.detection.f:.1f}" if boxed else "-"
        mean = f"{100 * mean_over_ious(result.by_iou)[2]:.1f}" if boxed else "-"
        lines.append(
            f"{result.dataset!s:{sets}}{_short(result.reader) if many else '':{names}}{result.pictures:8}  "
            f"{MEASURES[result.dataset.how.measure]:15}{100 * result.headline:6.1f}{detection:>13}{mean:>12}"
            f"{result.reliability.error:7.3f}{result.milliseconds:7.0f}"
        )
    return "\n".join(lines)


def kinds_table(results: Sequence[Result]) -> str:
    """Recall by kind of word over all data sets, per cent, of each reader: found (of words that have a box), read
    whatever the case, and exact."""
    readers = list(dict.fromkeys(result.reader for result in results))
    parts: list[dict[Kind, KindCount]] = [
        pooled(result.by_kind for result in results if result.reader == reader) for reader in readers
    ]
    width = 25
    lines = [] if len(readers) == 1 else [" " * 34 + "".join(f"{_short(reader):>{width}}" for reader in readers)]
    lines.append(f"{'kind of word':24}{'words':>10}" + f"{'found':>9}{'read':>8}{'exact':>8}" * len(readers))
    for kind in KINDS:
        if parts and parts[0][kind].words:
            row = f"{kind:24}{parts[0][kind].words:10}"
            for part in parts:
                count = part[kind]
                found = f"{100 * count.found / count.boxed:.1f}" if count.boxed else "-"
                row += f"{found:>9}{100 * count.read / count.words:8.1f}{100 * count.exact / count.words:8.1f}"
            lines.append(row)
    return "\n".join(lines)


def _short(reader: str) -> str:
    """The end of a reader's name, which is often a path."""
    return reader if len(reader) <= 24 else f"…{reader[-23:]}"
