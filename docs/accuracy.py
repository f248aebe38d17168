"""Writes the page of figures from the result files: python docs/accuracy.py > docs/accuracy.md

Each file in `results/accuracy` was written by `spotter evaluate --json` for one reader, and each in `results/speed` by
`spotter bench graph --json`. A member `about` says how: `reader`, `command`, `date` and `machine`.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
HEAD = """\
# Accuracy and speed

`python docs/accuracy.py > docs/accuracy.md` writes this page from the files in `docs/results`, which
`spotter evaluate --json` and `spotter bench graph --json` wrote. What the measures mean is in
[evaluation](evaluation.md), how to measure speed in [benchmarks](benchmarks.md), and where it fails in
[limits](../recipes/limits.md)."""
MEASURES = {"end_to_end": "end-to-end F", "bag_of_words": "bag-of-words F", "words_exact": "words exact"}


def load(kind: str) -> list[dict[str, Any]]:
    """The contents of a kind's result files, in the order of the files' names."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted((RESULTS / kind).glob("*.json"))]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table in Markdown."""
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"


def percent(value: float | None) -> str:
    """A share from 0 to 1 in percent; empty for None."""
    return "" if value is None else f"{100 * value:.1f}"


def sets(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A row for each data set: the headline figure of every reader, and further figures of the first one."""
    by_reader = [{each["name"]: each for each in run["results"]} for run in runs]
    rows = []
    for name, first in by_reader[0].items():
        headlines = [percent(found[name]["headline"]["value"]) if name in found else "" for found in by_reader]
        places = not first["bag_of_words_only"]
        rows.append(
            [
                f"`{name}`, {first['pictures']} pictures",
                MEASURES.get(first["headline"]["measure"], first["headline"]["measure"]),
                f"**{headlines[0]}**",
                *headlines[1:],
                percent(first["detection"]["f"]) if places else "",
                percent(first["end_to_end_mean_over_iou"]["f"]) if places else "",
                f"{first['calibration']['expected_calibration_error']:.3f}",
            ]
        )
    readers = [run["about"]["reader"] for run in runs]
    own = ["detection F", "mean end-to-end F of IoU 0.5 to 0.95", "calibration error"]
    yield from table(["set", "measure, percent", *readers, *(f"{readers[0]}: {each}" for each in own)], rows)


def kinds(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A row for each kind of word, over all data sets: the percentage that each reader reads."""
    totals: list[dict[str, list[int]]] = []
    for run in runs:
        total: dict[str, list[int]] = {}
        for each in run["results"]:
            for kind, count in each["by_kind"].items():
                words, read = total.setdefault(kind, [0, 0])
                total[kind] = [words + count["words"], read + count["read"]]
        totals.append(total)
    rows = [
        [kind, f"{words:,}", *(f"{100 * read / words:.0f}" for words, read in (total[kind] for total in totals))]
        for kind, (words, _) in totals[0].items()
    ]
    yield from table(["kind", "words", *(run["about"]["reader"] for run in runs)], rows)


def speed(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A table for each machine: milliseconds for the drawn picture, and their ratio to the first reader's."""
    for run in runs:
        about, graph = run["about"], run["graph"]
        (picture,) = graph["results"]
        size = f"{picture['width']}x{picture['height']} pixels"
        yield f"{about['machine']}, {about['date']}, threads: {graph['threads']}, {picture['picture']}, {size}:"
        yield ""
        yield f"    {about['command']}"
        yield ""
        rows = [
            [
                each["name"],
                *(f"{each['whole_ms'][part]:.0f}" for part in ("median", "p10", "p90")),
                f"{each['ratio']:.2f}",
                str(each["words"]),
            ]
            for each in picture["readers"]
        ]
        yield from table(["reader", "ms", "p10", "p90", "ratio", "words found"], rows)
        yield ""


def page() -> str:
    """The whole page."""
    runs = load("accuracy")
    lines = [HEAD, "", "## Accuracy", ""]
    for run in runs:
        about = run["about"]
        lines.append(f"- {about['reader']}: `{about['command']}`, {about['date']}, {about['machine']}")
    lines += [
        "",
        *sets(runs),
        "",
        "Percent read of all these sets' words by kind, whatever the case:",
        "",
        *kinds(runs),
    ]
    measured = load("speed")
    lines += ["", "## Speed", "", *speed(measured)] if measured else []
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(page(), end="")
