"""What a bundle tells of itself: where its weights came from, what they read, and what they cannot."""

import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

_KINDS = {
    "scene": "rendered scenes",
    "page": "rendered pages",
    "sheet": "rendered sheets of words",
    "textfree": "photographs without text",
}
_SETS = {
    "icdar2015": "ICDAR 2015",
    "icdar2003": "ICDAR 2003",
    "iiit5k": "IIIT 5K",
    "sroie": "SROIE",
    "svt": "SVT",
    "pseudo/sroie": "SROIE, lines cut into words",
    "pseudo/unlabelled": "street scenes as PP-OCRv6 small (Apache-2.0) reads them",
}
_PARTS = {"train": "training part", "val": "validation part", "test": "test part"}


@dataclass(frozen=True)
class Origin:
    """Where a bundle's weights came from.

    recipe: the training recipe's TOML, whose sources name their data and licences. metrics: scores by data set, as
    `spotter evaluate --json` writes them, or nothing. limits: what the model cannot read, in sentences for the card.
    """

    recipe: Path | None
    metrics: Mapping[str, Any]
    limits: str
    pictures: int


def data_set(folder: str) -> str:
    """A readable name of a data set's folder, which tells nothing of where that lies.

    ".../icdar2015/val" and ".../icdar2015_val" are both "ICDAR 2015, validation part".
    """
    path = PurePath(folder)
    if (whole := "/".join(path.parts[-2:])) in _SETS:
        return _SETS[whole]
    owner, part = (path.parent.name, path.name) if path.name in _PARTS else (path.name, "")
    stem, _, ending = path.name.rpartition("_")
    if stem and ending in _PARTS:
        owner, part = stem, ending
    name = _SETS.get(owner, owner)
    return f"{name}, {_PARTS[part]}" if part else name


def _source(table: Mapping[str, Any]) -> str:
    path = table.get("path")
    if table["kind"] == "crops" and path:
        return "word crops: " + "; ".join(data_set(folder) for folder in path)
    return data_set(str(path)) if path else _KINDS.get(table["kind"], str(table["kind"]))


def _commit() -> str:
    try:
        return subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def provenance(origin: Origin) -> dict[str, Any]:
    """For the manifest: code, pictures, and data with their weights and licences.

    Raises ValueError when the recipe names no sources.
    """
    try:
        sources = tomllib.loads(origin.recipe.read_text())["source"] if origin.recipe else []
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ValueError(f"{origin.recipe} is no recipe with sources: {error}") from error
    return {
        "code_commit": _commit(),
        "pictures_seen": origin.pictures,
        "data": [
            {"source": _source(source), "weight": source["weight"], "licence": source.get("licence", "unstated")}
            for source in sources
        ],
    }


def scores(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """For the manifest: the first reader's figures, data sets by name. Raises ValueError when they are none."""
    if not metrics:
        return {}
    try:
        first = metrics["results"][0]["reader"]
        results = [
            {key: value for key, value in result.items() if key not in ("reader", "median_ms", "sweep")}
            | {
                "dataset": data_set(result["dataset"]),
                "lexicon": PurePath(result["lexicon"]).name if result["lexicon"] else None,
            }
            for result in metrics["results"]
            if result["reader"] == first
        ]
        _score_table(results)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"the metrics are not what `spotter evaluate --json` writes: {error!r}") from error
    return {"results": results}


def _score_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Markdown, in percent; only the bag of words where boxes hold whole lines."""
    ratios = ("precision", "recall", "f")
    kinds = {"detection": "detection", "end_to_end": "end to end", "bag_of_words": "bag of words"}
    columns = ["data set", "pictures", *(f"{kind} {ratio[0].upper()}" for kind in kinds.values() for ratio in ratios)]
    lines = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    for result in results:
        hidden = ("detection", "end_to_end") if result["bag_of_words_only"] else ()
        figures = ["" if kind in hidden else f"{100 * result[kind][ratio]:.1f}" for kind in kinds for ratio in ratios]
        name = result["dataset"] + (f", lexicon {result['lexicon']}" if result["lexicon"] else "")
        lines.append(f"| {' | '.join([name, str(result['pictures']), *figures])} |")
    return "\n".join(lines)


def _scored(metrics: Mapping[str, Any]) -> str:
    if not metrics:
        return "Not measured."
    results = metrics["results"]
    thresholds = ", ".join(f"{value:g}" for value in sorted({result["threshold"] for result in results}))
    return f"""Precision, recall and F in percent by the protocol of ICDAR 2015 (IoU above 0.5, texts equal whatever
the case), of words that score at least {thresholds}.

{_score_table(results)}"""


def model_card(
    name: str, version: str, origin: Origin, provenance: Mapping[str, Any], metrics: Mapping[str, Any]
) -> str:
    """Markdown: what the model is, was trained on, scores, and cannot do; metrics as `scores` gives them."""
    language = provenance.get("language")
    reads = (
        f"""

A character n-gram language model of {language["states"]:,} contexts, inside the graph, has its say in what is read
(weight {language["weight"]:g}, {language["bonus"]:g} nats a character, {language["beams"]} beams). It is no list of
words: any text can be read, but an unlikely one wants surer strokes."""
        if language
        else ""
    )
    data = "\n".join(f"| {entry['source']} | {entry['weight']} | {entry['licence']} |" for entry in provenance["data"])
    return f"""# {name} {version}

A FOTS text spotter: one network that finds words as rotated boxes and reads them as printable ASCII, case kept.{reads}

## Trained on

{origin.pictures:,} pictures, drawn from these sources by weight:

| source | weight | licence of the data |
| --- | --- | --- |
{data}

## Scores

{_scored(metrics)}

## Where it fails

{origin.limits}
"""
