"""`spotter evaluate`: scores a bundle, a checkpoint, RapidOCR or Tesseract on annotated folders."""

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from tqdm import tqdm

from spotter.cli.layout import LayoutScore, layout_scores, layout_table
from spotter.cli.predictors import (
    CHECKPOINT_SUFFIX,
    OpenedPredictor,
    ReaderOptions,
    open_predictor,
    rapidocr,
    tesseract,
    turned,
)
from spotter.reading.bundles import find_bundle
from spotter.reading.settings import ReadingSettings
from spotter.registry.bundle import MANIFEST
from spotter.registry.errors import BundleError, RegistryError
from spotter.training.data.annotations import AnnotationError, Picture
from spotter.training.data.ppocr import ModelsError
from spotter.training.data.tesseract import OWN, SPARSE, TesseractError
from spotter.training.evaluation.datasets import PRESETS, Dataset, Preset, composed, validation_sets
from spotter.training.evaluation.lexicon import Lexicon
from spotter.training.evaluation.page import Section
from spotter.training.evaluation.page import report as error_page
from spotter.training.evaluation.report import as_dict, kinds_table, summary_table, sweep_table, table
from spotter.training.evaluation.results import Result, result
from spotter.training.evaluation.scores import Read, Scorer
from spotter.training.prediction import Predictor

SWEEP = tuple(n / 20 for n in range(1, 20))


def parse_aspect(value: str) -> float:
    """width / height of "W:H"."""
    width, _, height = value.partition(":")
    try:
        ratio = float(width) / float(height)
    except (ValueError, ZeroDivisionError):
        raise click.BadParameter(f"{value!r} is no ratio such as 16:9") from None
    if not 0.01 < ratio < 100:
        raise click.BadParameter(f"{value!r} is no ratio of a picture")
    return ratio


def parse_dataset(value: str) -> Dataset:
    """The dataset of FOLDER or PRESET=FOLDER."""
    preset, equals, folder = value.partition("=")
    known = bool(equals) and preset in PRESETS
    path = Path(folder if known else value)
    if not path.is_dir():
        raise click.BadParameter(f"{path} is not a folder")
    return Dataset(path, PRESETS[preset]) if known else Dataset(path)


def _found(model: str) -> Path:
    """The checkpoint, or the bundle's folder, that MODEL names. A folder that is no bundle, such as the program's own
    folder in a checkout, does not hide a model of the same name."""
    path = Path(model)
    if path.is_file() or (path / MANIFEST).is_file():
        return path
    try:
        return find_bundle(ReadingSettings(model=model)).folder
    except (ValueError, RegistryError) as error:
        if path.exists():
            return path
        raise click.BadParameter(f"{model} is no file or folder, and no model: {error}", param_hint="MODEL") from None


@click.command()
@click.argument("model")
@click.argument("datasets", type=parse_dataset, nargs=-1, metavar="[PRESET=]FOLDER...")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Score the validation parts PRESET/val below this folder, and print one table.",
)
@click.option("--preset", type=click.Choice(list(PRESETS)), help="How to read datasets that name none.")
@click.option(
    "--aspect", type=parse_aspect, metavar="W:H", help="True width:height of the pictures, where stored squeezed."
)
@click.option("--bag-of-words", is_flag=True, help="Score words without their places.")
@click.option("--lexicon", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="One word a line.")
@click.option("--score-threshold", type=click.FloatRange(0, 1), help="Instead of the bundle's own; else 0.")
@click.option("--kinds", is_flag=True, help="Also show how many words of each kind are read, over all datasets.")
@click.option("--layout", is_flag=True, help="Also show how well lines and reading order are found.")
@click.option("--sweep", is_flag=True, help="Also show F at thresholds from 0.05 to 0.95.")
@click.option("--rapidocr", "rival", metavar="small|tiny|FOLDER", help="Score RapidOCR with this PP-OCRv6 beside it.")
@click.option("--rapidocr-defaults", is_flag=True, help="RapidOCR's own settings, not those of PP-OCR's training.")
@click.option("--tesseract", "languages", metavar="LANG", help="Score Tesseract beside it, by `eng` or `eng+deu`.")
@click.option("--tesseract-sparse", is_flag=True, help="Tesseract looks for text anywhere, not for a page's blocks.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--side", type=click.IntRange(min=32), help="Long side at which to read; a bundle's own by default.")
@click.option(
    "--second-look",
    "closest",
    type=click.IntRange(min=64),
    help="A bundle looks again at small words, to this side.",
)
@click.option(
    "--turned",
    "degrees",
    type=float,
    default=0.0,
    help="Degrees by which the pictures are turned clockwise before they are read.",
)
@click.option(
    "--language",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A checkpoint reads by this language model; a bundle has its own.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Only the first pictures of each dataset.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures.")
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), help="Write an HTML page on the errors.")
@click.option("--errors", type=click.Path(dir_okay=False, path_type=Path), help="Write each error, JSON lines.")
def evaluate(
    model: str,
    datasets: tuple[Dataset, ...],
    data: Path | None,
    preset: str | None,
    aspect: float | None,
    bag_of_words: bool,
    lexicon: Path | None,
    score_threshold: float | None,
    kinds: bool,
    layout: bool,
    sweep: bool,
    rival: str | None,
    rapidocr_defaults: bool,
    languages: str | None,
    tesseract_sparse: bool,
    threads: int,
    side: int | None,
    closest: int | None,
    degrees: float,
    language: Path | None,
    limit: int | None,
    json_file: Path | None,
    report: Path | None,
    errors: Path | None,
) -> None:
    """Score MODEL on datasets in the form of the ICDAR contests (images/, gts/).

    MODEL is a bundle's folder, a checkpoint (.pt), NAME[@ALIAS] of the registry that SPOTTER_REGISTRY names, or "none"
    to score only --rapidocr and --tesseract, or only the --layout of true words. A dataset is a folder, or
    PRESET=FOLDER with one of icdar2015, icdar2003, born_digital, ui, sroie, funsd, pages, curved and lines (cut-out
    lines, listed in labels.tsv). --data finds them all.
    """
    if not datasets and data is None:
        raise click.UsageError("nothing to score on: give a dataset or --data")
    readers: dict[str, OpenedPredictor] = {}
    if model != "none":
        path = _found(model)
        try:
            readers[model] = open_predictor(path, ReaderOptions(threads, side, closest or 0, language))
        except (BundleError, ValueError) as error:
            raise click.ClickException(str(error)) from None
        if language is None and _misses_language(path):
            click.echo(
                f"Warning: the scores of {model} weigh a language model's margin: without --language they are too low",
                err=True,
            )
    if rival is not None:
        try:
            readers[f"rapidocr {rival}"] = rapidocr(rival, threads, not rapidocr_defaults)
        except ImportError:
            raise click.ClickException("RapidOCR is not installed: pip install rapidocr") from None
        except ModelsError as error:
            raise click.ClickException(str(error)) from None
    if languages is not None:
        try:
            readers[f"tesseract {languages}"] = tesseract(languages, threads, SPARSE if tesseract_sparse else OWN)
        except TesseractError as error:
            raise click.ClickException(str(error)) from None
    if not readers and layout:
        readers["none"] = OpenedPredictor(lambda image: [])
    if not readers:
        raise click.UsageError(
            "nothing to score: MODEL is none, and none of --rapidocr, --tesseract and --layout is given"
        )
    words = Lexicon.load(lexicon) if lexicon else None
    try:
        everything = [_complete(given, preset, aspect, bag_of_words) for given in datasets]
        everything += validation_sets(data) if data else []
    except AnnotationError as error:
        raise click.ClickException(str(error)) from None
    results: list[Result] = []
    records: list[dict[str, object]] = []
    layouts: list[tuple[str, LayoutScore, LayoutScore]] = []
    sections: dict[str, list[Section]] = {name: [] for name in readers}
    for number, dataset in enumerate(everything):
        try:
            pictures = dataset.pictures(limit)
        except AnnotationError as error:
            raise click.ClickException(str(error)) from None
        for name, reader in readers.items():
            threshold = reader.threshold if score_threshold is None else score_threshold
            predict = turned(reader.predict, degrees) if degrees else reader.predict
            reads, milliseconds = run(predict, pictures, f"{name}: {dataset.folder}")
            scorer = Scorer(reads, words, dataset.how)
            judged = result(name, dataset, scorer, threshold, milliseconds, lexicon, SWEEP if sweep else ())
            if number < len(datasets) or sweep:
                click.echo(
                    f"\n{name} on {dataset.folder}, {len(reads)} pictures, "
                    f"threshold {threshold:g}, median {milliseconds:.0f} ms"
                )
            if number < len(datasets):
                click.echo(f"\n{table(judged)}")
            if sweep:
                click.echo(f"\n{sweep_table(judged.sweep)}")
            results.append(judged)
            if layout:
                each = [layout_scores(read, dataset.how.boxes, threshold) for read in reads]
                true, found = (sum(scores, LayoutScore()) for scores in zip(*each, strict=True))
                layouts.append((f"{name} {dataset}" if len(readers) > 1 else str(dataset), true, found))
            if report:
                sections[name].append(_section(dataset, reads, pictures, words, lexicon))
            if errors:
                records += [{"reader": name, "dataset": str(dataset.folder), **e} for e in scorer.errors(threshold)]
    if data or len(everything) > 1:
        click.echo(f"\n{summary_table(results)}")
    if layout:
        click.echo(f"\n{layout_table(layouts)}")
    if kinds:
        click.echo(f"\n{kinds_table(results)}")
    if json_file:
        json_file.write_text(json.dumps({"results": [as_dict(each) for each in results]}, indent=2) + "\n")
    if report:
        _write_reports(report, sections, {name: reader.threshold for name, reader in readers.items()}, score_threshold)
    if errors:
        errors.write_text("".join(json.dumps(record) + "\n" for record in records))


def _section(
    dataset: Dataset, reads: Sequence[Read], pictures: Sequence[Picture], words: Lexicon | None, lexicon: Path | None
) -> Section:
    by_name = {picture.path.name: picture for picture in pictures}
    title = str(dataset)
    if words is not None:
        title += f", read by {lexicon}"
        reads = [
            replace(read, predictions=[replace(p, text=words.correct(p.text)) for p in read.predictions])
            for read in reads
        ]
    return Section(title, reads, lambda name: by_name[name].load(), dataset.how)


def _misses_language(model: Path) -> bool:
    """Whether a model is a checkpoint whose scores need a language model; a bundle contains its own."""
    if model.suffix != CHECKPOINT_SUFFIX:
        return False
    from spotter.training.checkpoint import weighs_margin

    return weighs_margin(model)


def _write_reports(
    folder: Path, sections: dict[str, list[Section]], thresholds: dict[str, float], given: float | None
) -> None:
    """Writes errors.html for the first reader, errors-2.html and so on for the others."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, parts) in enumerate(sections.items(), 1):
        file = folder / ("errors.html" if number == 1 else f"errors-{number}.html")
        file.write_text(error_page(name, parts, thresholds[name] if given is None else given), encoding="utf-8")
        click.echo(f"\nerrors of {name}: {file}")


def run(predictor: Predictor, pictures: Sequence[Picture], label: str = "") -> tuple[list[Read], float]:
    """Reads every picture; returns the results and the median time of a picture in milliseconds, without decoding."""
    reads: list[Read] = []
    seconds: list[float] = []
    for picture in tqdm(pictures, desc=label, unit="picture", disable=None):
        image = picture.load()
        start = time.perf_counter()
        predictions = predictor(image)
        seconds.append(time.perf_counter() - start)
        predictions = [replace(each, text=composed(each.text)) for each in predictions]
        reads.append(Read(picture.path.name, picture.annotations, predictions))
    return reads, 1000 * statistics.median(seconds) if seconds else 0.0


def _complete(given: Dataset, preset: str | None, aspect: float | None, bag_of_words: bool) -> Dataset:
    """The dataset with the options applied; the dataset's own values take precedence."""
    how = PRESETS[preset] if preset is not None and given.how == Preset() else given.how
    if how.aspect is None:
        how = replace(how, aspect=aspect)
    if bag_of_words and how.measure == "end_to_end":
        how = replace(how, measure="bag_of_words", boxes="lines")
    return replace(given, how=how)
