"""A bundle's provenance and model card: where its weights come from, its scores, and its limits."""

import subprocess
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from spotter.model.family import Head
from spotter.model.history import Trained

_KINDS = {
    "scene": "rendered scenes",
    "page": "rendered pages",
    "sheet": "rendered sheets of words",
    "curved": "rendered logos, seals, labels and signs with curved words",
    "textfree": "photographs without text",
    "unlabelled": "photographs without labels",
}
_SETS = {
    "icdar2015": "ICDAR 2015",
    "icdar2003": "ICDAR 2003",
    "iiit5k": "IIIT 5K",
    "sroie": "SROIE",
    "svt": "SVT",
    "born_digital": "ICDAR 2013, web pictures",
    "funsd": "FUNSD, scanned forms",
    "ui": "screens of phones",
    "pages": "pages of reports and tables",
    "curved": "rendered logos, seals, labels and signs",
    "lines": "lines of print in ten languages (HTR-United)",
    "pseudo/line_words": "lines of print in ten languages (HTR-United), cut into words",
    "pseudo/sroie": "SROIE, lines cut into words",
    "aligned/sroie": "SROIE, lines cut into words",
    "pseudo/unlabelled": "street scenes as PP-OCRv6 small (Apache-2.0) reads them",
    "agree/unlabelled": "street scenes as CRAFT (MIT) and PP-OCRv6 small (Apache-2.0) read them alike",
    "self/unlabelled": "street scenes as earlier weights of this model read them",
    "unlabelled": "street scenes without labels",
}
_PPOCR = {"teacher": "PP-OCRv6 small", "licence": "Apache-2.0"}
_CRAFT = {"teacher": "CRAFT", "licence": "MIT"}
_OURS = {"teacher": "its own moving average", "licence": "none: ours", "what": "its maps and what it reads"}
_TEACHERS: Mapping[str, Mapping[str, str]] = {
    "ema": _OURS,
    "efficientnet-lite0": {
        "teacher": "EfficientNet-Lite0",
        "licence": "Apache-2.0",
        "what": "its maps, learnt from ImageNet",
    },
}
# The folders that `spotter data` writes, with the teachers of their labels.
_TAUGHT: Mapping[str, Sequence[Mapping[str, str]]] = {
    "pseudo/sroie": [_PPOCR | {"what": "the case of letters"}],
    "aligned/sroie": [_PPOCR | {"what": "where words end, and the case of letters"}],
    "pseudo/line_words": [_PPOCR | {"what": "where words end"}],
    "pseudo/unlabelled": [_PPOCR | {"what": "labels of pictures that had none"}],
    "agree/unlabelled": [
        _CRAFT | {"what": "labels of pictures that had none, where words are"},
        _PPOCR | {"what": "labels of pictures that had none"},
    ],
    "self/unlabelled": [
        {
            "teacher": "earlier weights of this model",
            "licence": "none: ours",
            "what": "labels of pictures that had none",
        }
    ],
}
_PARTS = {"train": "training part", "val": "validation part", "test": "test part"}

_SCORES, _LIMITS = "## Scores\n\n", "\n## Where it fails\n\n"


@dataclass(frozen=True)
class Origin:
    """Where a bundle's weights came from.

    recipes: the runs in which the weights were trained, in order; their recipes' sources name data and licences.
    metrics: scores by data set, as `spotter evaluate --json` writes them, or nothing. limits: what the model cannot
    read, as sentences for the card. start: the weights that the first run started from. language: the recipe whose
    transcripts the language model was trained on, where the bundle has one. parts: the published weights that parts of
    the network started from. Runs and parts are as in `spotter.model.history.History`.
    """

    recipes: Sequence[Trained]
    metrics: Mapping[str, Any]
    limits: str
    pictures: int
    start: str = "random weights"
    language: Path | None = None
    parts: Sequence[Mapping[str, str]] = ()


def data_set(folder: str) -> str:
    """A readable name of a data set's folder, which does not reveal its path.

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


def _sources(run: Trained) -> Sequence[Mapping[str, Any]]:
    """The tables of a recipe's sources. Raises ValueError where it has none."""
    try:
        sources: Sequence[Mapping[str, Any]] = run.table["source"]
        if not sources:
            raise KeyError("source")
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ValueError(f"{run.name} is no recipe with sources: {error}") from error
    return sources


def _data(runs: Sequence[Trained]) -> list[dict[str, Any]]:
    """Every source of the recipes, once for each licence, with its weight in the last recipe that uses it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for run in runs:
        weights: dict[tuple[str, str], float] = {}
        for source in _sources(run):
            key = _source(source), source.get("licence", "unstated")
            weights[key] = round(weights.get(key, 0) + source["weight"], 6)
        for (origin, licence), weight in weights.items():
            first = {"source": origin, "weight": 0, "licence": licence, "recipes": []}
            entry = found.setdefault((origin, licence), first)
            entry["weight"] = weight
            _add(entry["recipes"], run.name)
    return list(found.values())


def _add(names: list[str], name: str) -> None:
    """Adds a name that is not among them."""
    if name not in names:
        names.append(name)


def _teachers(runs: Sequence[Trained]) -> list[dict[str, Any]]:
    """The teachers with which the weights were trained, and the recipes that used them."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for run in runs:
        labelled = [source.get("path") for source in _sources(run) if source["kind"] in ("labelled", "crops")]
        folders = [str(path) for given in labelled for path in (given if isinstance(given, list) else [given])]
        taught = [teacher for folder in folders for teacher in _TAUGHT.get("/".join(PurePath(folder).parts[-2:]), ())]
        if teacher := run.table.get("train", {}).get("distill", {}).get("teacher"):
            checkpoint = _OURS | {"teacher": f"the checkpoint {PurePath(teacher).name}"}
            taught.append(_TEACHERS.get(teacher, checkpoint))
        for teacher in taught:
            entry = found.setdefault(tuple(teacher.values()), {**teacher, "recipes": []})
            _add(entry["recipes"], run.name)
    return list(found.values())


def _language_data(recipe: Path) -> list[dict[str, str]]:
    """The data on which `spotter language` trains the language model, from its recipe."""
    data = [
        {"source": _source(source), "licence": source.get("licence", "unstated")}
        for source in _sources(Trained(str(recipe), recipe.read_text()))
        if source["kind"] in ("labelled", "crops")
    ]
    own = {"source": "words that the synthesis makes up", "licence": "none: ours"}
    listed = {"source": "the word list of the machine it was learnt on", "licence": "of that machine's system"}
    return [*data, own, listed]


def provenance(origin: Origin) -> dict[str, Any]:
    """The provenance for the manifest: code, pictures, starting weights, recipes, teachers, and data with their shares
    and licences.

    Raises ValueError when a recipe names no sources.
    """
    data = _data(origin.recipes)
    record: dict[str, Any] = {
        "code_commit": _commit(),
        "pictures_seen": origin.pictures,
        "started_from": origin.start,
        "recipes": _names(run for run in origin.recipes if not run.recogniser_alone),
        "taught_by": _teachers(origin.recipes),
        "data": data,
    }
    if alone := _names(run for run in origin.recipes if run.recogniser_alone):
        record["recogniser_recipes"] = alone
    if origin.parts:
        record["parts_started_from"] = [dict(part) for part in origin.parts]
    return record | ({"language_data": _language_data(origin.language)} if origin.language else {})


def _names(runs: Iterable[Trained]) -> list[str]:
    """The names of the recipes of runs, each once."""
    return list(dict.fromkeys(run.name for run in runs))


def scores(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics for the manifest: the first reader's figures by data set. Raises ValueError when they are invalid."""
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
    """A Markdown table in percent; only the bag of words where boxes contain whole lines."""
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
    """The model card in Markdown: what the model is, its training data, its scores and its limits; metrics as returned
    by `scores`."""
    language = provenance.get("language")
    reads = (
        f"""

A character n-gram language model of {language["states"]:,} contexts, inside the graph, takes part in the reading
(weight {language["weight"]:g}, {language["bonus"]:g} nats a character, {language["beams"]} beams). It is no list of
words: any text can be read, but an improbable one needs clearer letters."""
        if language
        else ""
    )
    columns = {"source": "source", "weight": "weight", "recipes": "recipes", "licence of the data": "licence"}
    return f"""# {name} {version}

{provenance.get("summary", Head.summary)}
It knows {provenance.get("reads", "what its charset says")}.{reads}

## Trained on

{origin.pictures:,} pictures. {_course(provenance)}

{_table(columns, provenance["data"])}

## Taught by

{_taught(provenance)}
{_learnt_from(provenance)}
{_SCORES}{_scored(metrics)}
{_LIMITS}{origin.limits}
"""


def with_scores(card: str, metrics: Mapping[str, Any], limits: str | None = None) -> str:
    """A card of `model_card` with other scores (metrics as from `scores`) and, if given, other limits.

    Raises ValueError for a card without these sections.
    """
    head, scores_heading, rest = card.partition(_SCORES)
    _, limits_heading, known = rest.partition(_LIMITS)
    if not (scores_heading and limits_heading):
        raise ValueError("the card is none that `spotter export` wrote: it has no sections of scores and limits")
    return f"{head}{_SCORES}{_scored(metrics)}\n{_LIMITS}{known.rstrip() if limits is None else limits}\n"


def _course(provenance: Mapping[str, Any]) -> str:
    recipes, alone = provenance["recipes"], provenance.get("recogniser_recipes", ())
    parts = "".join(
        f"The {part['part']} was started from {part['name']} ({part['licence']}), out of the package "
        f"{part['package']} {part['version']}, SHA-256 {part['digest']}. "
        for part in provenance.get("parts_started_from", ())
    )
    if not recipes and not alone:
        return f"{parts}What they were is not stated."
    courses = []
    if recipes:
        courses.append(f"started from {provenance['started_from']}, by {_in_turn(recipes)}")
    if alone:
        courses.append(f"the recogniser trained by itself, by {_in_turn(alone)}")
    drawn = (
        "its sources"
        if len(recipes) + len(alone) == 1
        else "their sources, each given with its weight in the last recipe that has it"
    )
    sentence = "; ".join(courses)
    return f"{parts}{sentence[0].upper()}{sentence[1:]}, drawn from {drawn}:"


def _in_turn(recipes: Sequence[str]) -> str:
    named = ", ".join(f"`{name}`" for name in recipes)
    return (
        f"the recipe {named}" if len(recipes) == 1 else f"the recipes, each from the weights of the one before, {named}"
    )


def _table(columns: Mapping[str, str], entries: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table; columns: header -> key of the entries."""
    lines = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    for entry in entries:
        cells = [", ".join(entry[key]) if isinstance(entry[key], list) else str(entry[key]) for key in columns.values()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _taught(provenance: Mapping[str, Any]) -> str:
    if not provenance["taught_by"]:
        return "Nobody else: it learnt from its data's own labels." if provenance["recipes"] else "Not stated."
    columns = {"teacher": "teacher", "licence of its weights": "licence", "taught": "what", "recipes": "recipes"}
    return _table(columns, provenance["taught_by"])


def _learnt_from(provenance: Mapping[str, Any]) -> str:
    """The section on the language model, empty without one."""
    if "language" not in provenance:
        return ""
    sources = provenance.get("language_data")
    table = _table({"source": "source", "licence": "licence"}, sources) if sources else "Not stated."
    return f"\n## The language model learnt from\n\n{table}\n"
