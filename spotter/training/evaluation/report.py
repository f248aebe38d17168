"""Scores for people and for programs."""

from collections.abc import Sequence
from typing import Any

from spotter.training.evaluation.scores import HEIGHTS, Counts, Scores


def as_dict(scores: Scores) -> dict[str, Any]:
    """Everything in `scores` as plain JSON values; ratios are fractions of 1."""

    def ratios(counts: Counts) -> dict[str, float | int]:
        return {
            "precision": counts.precision,
            "recall": counts.recall,
            "f": counts.f,
            "correct": counts.correct,
            "truths": counts.truths,
            "predictions": counts.predictions,
        }

    return {
        "detection": ratios(scores.detection),
        "end_to_end": ratios(scores.end_to_end),
        "end_to_end_lenient": ratios(scores.end_to_end_lenient),
        "bag_of_words": ratios(scores.bag_of_words),
        "recognition": {
            "words": scores.recognition.words,
            "word_accuracy": scores.recognition.word_accuracy,
            "exact_accuracy": scores.recognition.exact_accuracy,
            "character_accuracy": scores.recognition.character_accuracy,
        },
        "by_height": [
            {"from": low, "truths": part.truths, "found": part.found, "read": part.read}
            for low, part in zip(HEIGHTS, scores.by_height, strict=True)
        ],
    }


def table(scores: Scores, bag_of_words: bool = False) -> str:
    """Per cent, for a terminal. bag_of_words: leave out the figures that need the words' places."""
    lines = [f"{'':24}{'precision':>10}{'recall':>10}{'F':>10}"]
    rows = [("bag of words", scores.bag_of_words)]
    if not bag_of_words:
        rows = [
            ("detection", scores.detection),
            ("end to end", scores.end_to_end),
            ("end to end, lenient", scores.end_to_end_lenient),
            *rows,
        ]
    lines += [f"{name:24}{100 * c.precision:10.1f}{100 * c.recall:10.1f}{100 * c.f:10.1f}" for name, c in rows]
    if bag_of_words:
        return "\n".join(lines)
    read = scores.recognition
    lines += [
        "",
        f"on {read.words} words found: {100 * read.word_accuracy:.1f} read right, "
        f"{100 * read.exact_accuracy:.1f} with their case, "
        f"{100 * read.character_accuracy:.1f} of characters",
        "",
        f"{'text height, pixels':24}{'words':>10}{'found':>10}{'read':>10}",
    ]
    ends = [f"{high:g}" for high in HEIGHTS[1:]] + [""]
    for low, high, part in zip(HEIGHTS, ends, scores.by_height, strict=True):
        if part.truths:
            found, right = 100 * part.found / part.truths, 100 * part.read / part.truths
            lines.append(
                f"{f'{low:g} to {high}' if high else f'{low:g} and more':24}{part.truths:10}{found:10.1f}{right:10.1f}"
            )
    return "\n".join(lines)


def sweep_table(sweep: Sequence[tuple[float, Scores]]) -> str:
    """F at each threshold, per cent."""
    lines = [f"{'threshold':24}{'detection':>10}{'end to end':>12}{'bag of words':>14}"]
    lines += [
        f"{threshold:<24.2f}{100 * s.detection.f:10.1f}{100 * s.end_to_end.f:12.1f}{100 * s.bag_of_words.f:14.1f}"
        for threshold, s in sweep
    ]
    return "\n".join(lines)
