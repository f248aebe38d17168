"""The error report of a reader: one self-contained HTML page."""

import base64
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, select_autoescape
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.analysis import (
    PROPERTIES,
    Finding,
    Share,
    edits,
    findings,
    precision_and_recall,
    reading_error,
    shares,
    sharpness,
    unmatched,
)
from spotter.training.evaluation.by_kind import by_kind
from spotter.training.evaluation.datasets import Preset
from spotter.training.evaluation.reliability import Reliability, measure, outcomes
from spotter.training.evaluation.results import mean_over_ious
from spotter.training.evaluation.scores import Compared, Read, Scorer, bag

_COLOURS = {"read": (40, 160, 70), "misread": (230, 140, 20), "false alarm": (200, 40, 160)}
_LOST = (220, 40, 40)
_BLUR = (0.0, 50.0, 150.0, 400.0, 1000.0, 3000.0)
_WIDTH = 900  # pixels of a drawn picture

Load = Callable[[str], NDArray[np.uint8]]
"""Loads the picture uint8 [H, W, 3] RGB of a name."""
Outline = tuple[NDArray[np.float32], tuple[int, int, int], int]
"""A polygon in the picture, its colour, and the width of its line in pixels."""


@dataclass(frozen=True)
class Section:
    """A data set's part of the page: its name, truth and predictions, and the loader of its pictures.

    how: where boxes contain whole lines, figures that need the words' positions are left out.
    """

    name: str
    reads: Sequence[Read]
    load: Load
    how: Preset = field(default_factory=Preset)


def report(reader: str, sections: Sequence[Section], threshold: float, worst: int = 8) -> str:
    """The page as HTML. worst: the number of pictures drawn of each data set, those with most errors first."""
    pages = Environment(loader=PackageLoader("spotter.training.evaluation"), autoescape=select_autoescape())
    parts = [_section(section, threshold, worst) for section in sections]
    return pages.get_template("report.html").render(reader=reader, threshold=threshold, sections=parts)


def _section(section: Section, threshold: float, worst: int) -> dict[str, Any]:
    lines = section.how.boxes == "lines"
    scorer = Scorer(section.reads, how=section.how)
    by_iou = scorer.by_iou(threshold)
    reliability = measure(scorer.pictures, section.how)
    part = {
        "name": section.name,
        "lines": lines,
        "count": len(section.reads),
        "scores": scorer(threshold),
        "by_iou": by_iou,
        "mean_over_ious": mean_over_ious(by_iou),
        "by_kind": [item for item in by_kind(scorer.pictures, threshold, section.how).items() if item[1].words],
        "reliability": reliability,
        "calibration": _calibration(reliability),
    }
    return part | (_bag(section, threshold, worst) if lines else _words(section, scorer.pictures, threshold, worst))


def _bag(section: Section, threshold: float, worst: int) -> dict[str, Any]:
    wrong = {read.name: unmatched(read, threshold) for read in section.reads}
    errors = {name: missing.total() + surplus.total() for name, (missing, surplus) in wrong.items()}
    pictures = []
    for read in sorted(section.reads, key=lambda read: -errors[read.name])[:worst]:
        missing, surplus = wrong[read.name]
        if not errors[read.name]:
            break
        outlines = [
            (p.polygon, _COLOURS["false alarm" if bag([p.text]) & surplus else "read"], 1)
            for p in read.predictions
            if p.score >= threshold
        ]
        outlines += [
            (truth.polygon, _LOST, 2) for truth in read.truths if not truth.ignore and bag([truth.text]) & missing
        ]
        notes = [("missed", word, "") for word in missing.elements()]
        notes += [("read, but not there", word, "") for word in surplus.elements()]
        pictures.append({"name": read.name, "data": _drawn(section.load(read.name), outlines), "notes": notes})
    return {"pictures": pictures}


def _judged(pictures: Sequence[Compared], how: Preset, threshold: float) -> list[tuple[Annotation, bool]]:
    """For each prediction that counts, the true word that it is matched with, or else the prediction itself as an
    annotation; and whether it is read right."""
    judged = []
    for picture in pictures:
        counts, right = outcomes(picture, how, threshold)
        truth_of = {d: picture.read.truths[g] for g, d in picture.matching(threshold).pairs}
        judged += [
            (
                truth_of.get(n) or Annotation(picture.read.predictions[n].polygon, picture.texts[n], False),
                bool(right[n]),
            )
            for n in np.flatnonzero(counts).tolist()
        ]
    return judged


def _words(section: Section, compared: Sequence[Compared], threshold: float, worst: int) -> dict[str, Any]:
    every: list[Finding] = []
    for read in section.reads:
        image = section.load(read.name)
        every += findings(read, threshold, [sharpness(image, truth) for truth in read.truths])
    words = [finding for finding in every if finding.truth is not None]
    misread = [(f.truth.text, f.reading.text) for f in words if f.kind == "misread" and f.truth and f.reading]
    changes = edits(misread)
    judged = _judged(compared, section.how, threshold)
    tables = {
        name: shares(
            words,
            [value(f.truth) for f in words if f.truth],
            edges,
            [(value(prediction), right) for prediction, right in judged],
        )
        for name, (edges, value) in PROPERTIES.items()
    }
    tables["sharpness (variance of the Laplacian)"] = shares(words, [f.blur or 0.0 for f in words], _BLUR)
    errors = Counter(f.picture for f in every if f.kind != "read")
    lost = [f for f in words if f.kind not in ("read", "misread")]
    return {
        "kinds": Counter(finding.kind for finding in every).most_common(),
        "elsewhere": sum(finding.elsewhere for finding in lost),
        "reading": Counter(reading_error(*pair) for pair in misread).most_common(),
        "replaced": changes.replaced.most_common(30),
        "missing": changes.missing.most_common(12),
        "added": changes.added.most_common(12),
        "matrix": _matrix(changes.replaced),
        "tables": {name: (rows, _bars(rows)) for name, rows in tables.items()},
        "curves": _curves(section.reads),
        "misread": misread[:60],
        "pictures": [_picture(section, name, every) for name, _ in errors.most_common(worst)],
    }


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    return buffer.getvalue()[buffer.getvalue().index("<svg") :]


def _bars(rows: Sequence[Share]) -> str:
    figure = Figure(figsize=(5, 2.2))
    axes = figure.subplots()
    at = np.arange(len(rows))
    axes.bar(at - 0.2, [row.found / row.words for row in rows], 0.4, label="found", color="#7aa6d8")
    axes.bar(at + 0.2, [row.read / row.words for row in rows], 0.4, label="read", color="#2d5f9a")
    axes.set_xticks(at, [row.label for row in rows], rotation=30, ha="right", fontsize=7)
    axes.set_ylim(0, 1)
    axes.legend(fontsize=7)
    return _svg(figure)


def _curves(reads: Sequence[Read]) -> str:
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    for text, label in ((False, "detection"), (True, "end to end")):
        curve = precision_and_recall(reads, text)
        axes.plot(curve[:, 2], curve[:, 1], label=label)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize=7)
    return _svg(figure)


def _calibration(reliability: Reliability) -> str:
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), color="#999", linewidth=1)
    present = [part for part in reliability.bins if part.words]
    axes.plot([part.score / part.words for part in present], [part.right / part.words for part in present], "o-")
    axes.set(xlabel="score", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    return _svg(figure)


def _matrix(replaced: Counter[tuple[str, str]]) -> str:
    """A matrix of the characters that are confused most: true ones in rows, read ones in columns."""
    weight: Counter[str] = Counter()
    for (old, new), count in replaced.items():
        weight[old] += count
        weight[new] += count
    names = sorted(character for character, _ in weight.most_common(28))
    if not names:
        return ""
    grid = np.array([[replaced[old, new] for new in names] for old in names])
    figure = Figure(figsize=(5.5, 5))
    axes = figure.subplots()
    axes.imshow(grid, cmap="Blues")
    # To matplotlib a dollar sign begins a formula.
    labels = [name.replace("$", r"\$") for name in names]
    axes.set_xticks(range(len(names)), labels, fontsize=7)
    axes.set_yticks(range(len(names)), labels, fontsize=7)
    axes.set(xlabel="read", ylabel="true")
    return _svg(figure)


def _picture(section: Section, name: str, every: Sequence[Finding]) -> dict[str, Any]:
    """The picture with its words: read green, misread orange, lost red with what was found, false alarms violet."""
    outlines: list[Outline] = []
    mine = [finding for finding in every if finding.picture == name]
    for finding in mine:
        colour = _COLOURS.get(finding.kind, _LOST)
        if finding.reading is not None:
            outlines.append((finding.reading.polygon, colour, 1))
        if finding.truth is not None and finding.kind != "read":
            outlines.append((finding.truth.polygon, colour, 2))
    notes = [
        (f.kind, f.truth.text if f.truth else "", f.reading.text if f.reading else "") for f in mine if f.kind != "read"
    ]
    return {"name": name, "data": _drawn(section.load(name), outlines), "notes": notes}


def _drawn(image: NDArray[np.uint8], outlines: Sequence[Outline]) -> str:
    """The picture at the page's width with polygons drawn, a JPEG in base64."""
    scale = _WIDTH / image.shape[1]
    drawn = cv2.resize(image, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else 1)
    for polygon, colour, thickness in outlines:
        points = np.round((polygon * scale - 0.5) * 8).astype(np.int32)
        cv2.polylines(drawn, [points], True, colour, thickness, cv2.LINE_AA, 3)
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(np.asarray(drawn), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return base64.b64encode(jpeg.tobytes()).decode()
