"""`spotter spot`."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

import click
from pydantic import ValidationError
from tqdm import tqdm

from spotter.formats import draw
from spotter.formats.forms import FORMS, FormName
from spotter.formats.pdf import Original
from spotter.formats.structure import Detail, as_answer
from spotter.reading.bundles import find_bundle
from spotter.reading.errors import BrokenPictureError, InvalidParameterError, ProblemError
from spotter.reading.files import FileRead, FileReader
from spotter.reading.hints import Hints
from spotter.reading.imaging import Prepared, Region
from spotter.reading.kinds import SUFFIXES
from spotter.reading.lexicons import Lexicon, LexiconError, read_lexicon
from spotter.reading.patterns import Pattern, PatternError
from spotter.reading.reader import Reader
from spotter.reading.selection import PAGES
from spotter.reading.session import Session
from spotter.reading.settings import ReadingSettings
from spotter.reading.wording import Wording
from spotter.registry.errors import RegistryError

AnySettings = TypeVar("AnySettings", bound=ReadingSettings)


class Rectangle(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions of click
    """X,Y,W,H on the command line."""

    name = "x,y,w,h"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Region:
        """The region; fails where the text is no region."""
        numbers = str(value).split(",")
        if len(numbers) != 4 or not all(number.isdecimal() for number in numbers):
            self.fail(f"{value} is not X,Y,W,H in whole pixels", param, ctx)
        return Region(*map(int, numbers))


class PageNumbers(click.ParamType):  # type: ignore[type-arg]  # as above
    """Numbers of pages on the command line."""

    name = "pages"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text; fails where it names no pages."""
        if re.fullmatch(PAGES, str(value)) is None:
            self.fail(f"{value} is not like 1-3,7", param, ctx)
        return str(value)


class Parsed(click.ParamType):  # type: ignore[type-arg]  # as above
    """A text on the command line that a function parses."""

    def __init__(self, name: str, parse: Callable[[str], Any], error: type[Exception]) -> None:
        """error: raised by `parse` for an invalid text."""
        self.name, self._parse, self._error = name, parse, error

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The result of `parse` for the text; fails where it raises its error."""
        try:
            return self._parse(str(value))
        except self._error as error:
            self.fail(str(error), param, ctx)


_PATTERN = Parsed("pattern", Pattern, PatternError)
_LEXICON = Parsed("file", lambda path: read_lexicon(Path(path)), LexiconError)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", *FORMS]),
    default="json",
    show_default=True,
    help="JSON: a line each.",
)
@click.option(
    "--detail",
    type=click.Choice(get_args(Detail)),
    default="words",
    help="What the JSON tells; ALTO and hOCR characters, too.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a file for each picture into this folder; to standard output by default.",
)
@click.option("--draw", "draw_into", type=click.Path(file_okay=False, path_type=Path), help="Draw the words, too.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Least score of a word; the model's by default.")
@click.option("--max-side", type=click.IntRange(64, 16_384), help="Pixels of the long side at which to read.")
@click.option("--region", type=Rectangle(), help="X,Y,W,H in pixels of the picture: read only there.")
@click.option("--ignore", type=Rectangle(), multiple=True, help="X,Y,W,H: leave out words there; repeatable.")
@click.option("--min-height", type=click.FloatRange(0), default=0.0, help="Pixels: leave out lower words.")
@click.option("--charset", help="Characters that may occur; words with others are left out, or look-alikes replaced.")
@click.option(
    "--pattern",
    type=_PATTERN,
    help="Small regular expression that whole words match, likewise.",
)
@click.option(
    "--lexicon",
    type=_LEXICON,
    help="File of the words that may occur, one a line, likewise.",
)
@click.option("--pages", type=PageNumbers(), help="Of PDFs and TIFFs, from 1: 1-3,7 or 5- to the end; all by default.")
@click.option(
    "--pdf",
    type=click.Choice(["auto", "ocr", "text"]),
    default="auto",
    help="What is read of a PDF's page: its picture, its own text, or that where it seems to be all of it.",
)
@click.option("--threads", type=click.IntRange(1), help="Threads of the model; all cores by default.")
@click.option("--registry", help="Folder or mlflow+http(s)://...; the embedded one by default.")
@click.option("--model", metavar="NAME[@ALIAS]", help="The model; spotter by default.")
@click.option("--alias", help="Alias or version; live by default.")
def spot(
    paths: tuple[Path, ...],
    form: str,
    detail: Detail,
    output: Path | None,
    draw_into: Path | None,
    min_score: float | None,
    max_side: int | None,
    region: Region | None,
    ignore: tuple[Region, ...],
    min_height: float,
    charset: str | None,
    pattern: Pattern | None,
    lexicon: Lexicon | None,
    pages: str | None,
    pdf: Literal["auto", "ocr", "text"],
    **options: Any,
) -> None:
    """Read the pictures and documents in PATHS (files, or folders with everything below them).

    Words go to standard output, or to files. A file that cannot be read is a JSON problem on standard error, and a page
    one among the pages in the JSON; the exit code is then 1.
    """
    settings = settings_from(ReadingSettings, options)
    wording = Wording(None if charset is None else frozenset(charset), pattern, lexicon)
    hints = Hints(max_side, region, ignore, min_height, None if wording == Wording() else wording)
    try:
        bundle = find_bundle(settings)
        reader = Reader(bundle, Session(bundle, settings.session), settings.limits)
    except RegistryError as error:
        raise click.ClickException(str(error)) from None
    how = FileReader(reader, hints, min_score, settings.closest, detail == "characters", pages, pdf)
    files = list(_files(paths))
    if output is None and form not in ("json", "text") and len(files) > 1:
        raise click.UsageError(f"--format {form} of several files wants --output")
    failed = False
    suffix = FORMS[cast(FormName, form)].suffix if form != "json" else ".json"
    names, drawings = _names(files, suffix), _names(files, ".png")
    for folder in filter(None, (output, draw_into)):
        folder.mkdir(parents=True, exist_ok=True)
    progress = tqdm(total=len(files), unit="file", disable=len(files) < 2 or not sys.stderr.isatty())
    with progress:
        for file, opened in _opened(files, how):
            try:
                if isinstance(opened, ProblemError):
                    raise opened
                with how.read(*opened) as found:
                    failed |= any(isinstance(page.found, ProblemError) for page in found.pages)
                    written = _written(file, found, form, detail, alone=len(files) == 1 or output is not None)
                    if output is not None:
                        (output / names[file]).write_bytes(written)
                    else:
                        with progress.external_write_mode():
                            click.echo(written, nl=False)
                    if draw_into is not None:
                        _draw(found, draw_into / drawings[file])
            except ProblemError as problem:
                failed = True
                with progress.external_write_mode(file=sys.stderr):
                    click.echo(json.dumps({"file": str(file), **problem.body()}, ensure_ascii=False), err=True)
            progress.update()
    if failed:
        sys.exit(1)


def settings_from(kind: type[AnySettings], options: dict[str, Any]) -> AnySettings:
    """Settings of a kind from a command's options and the environment. Raises ClickException."""
    try:
        return kind(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}" for each in error.errors())
        raise click.ClickException("; ".join(lines)) from None


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The files as given; for folders, every file below them with the suffix of a kind that is read, sorted."""
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES)
        else:
            yield path


def _opened(files: list[Path], how: FileReader) -> Iterator[tuple[Path, tuple[bytes, Prepared | None] | ProblemError]]:
    """Each file's bytes and, for a picture, the decoded input; the next file is prepared while the model reads the
    current one."""

    def opened(file: Path) -> tuple[bytes, Prepared | None] | ProblemError:
        try:
            data = file.read_bytes()
            return data, how.prepare(data)
        except OSError as error:
            return BrokenPictureError(f"the file cannot be read: {error.strerror}")
        except ProblemError as problem:
            return problem

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(opened, files[0]) if files else None
        for index, file in enumerate(files):
            assert ahead is not None
            current = ahead.result()
            ahead = pool.submit(opened, files[index + 1]) if index + 1 < len(files) else None
            yield file, current


def _written(file: Path, found: FileRead, form: str, detail: Detail, alone: bool) -> bytes:
    """A file's output. alone: whether nothing else is written to the same file or stream. Raises ProblemError."""
    if form == "json":
        return f"{_as_json(file, found, detail)}\n".encode()
    how = FORMS[cast(FormName, form)]
    pages = [each.page for each in found.all()]
    if how.pages is not None and len(pages) > how.pages:
        raise InvalidParameterError(f"format: {form} is for {how.pages} page, and there are {len(pages)}: give --pages")
    written = how.written(pages, (page.picture() for page in found.pages), _original(found))
    return written if alone or form != "text" else f"{file}:\n".encode() + written + b"\n"


def _original(found: FileRead) -> Original | None:
    if found.document is None or not found.document.carries_text:
        return None
    numbers, carried = [page.number for page in found.pages], [page.source == "text" for page in found.pages]
    return Original(numbers, carried, found.document.writable)


def _as_json(file: Path, found: FileRead, detail: Detail) -> str:
    pages = []
    for number, read, source, _ in found.pages:
        if isinstance(read, ProblemError):
            pages.append({"page": number + 1, **read.body()})
            continue
        answer = as_answer(read, detail)
        pages.append({"page": number + 1, **answer, "source": source} if found.page_count is not None else answer)
    whole = pages[0] if found.page_count is None else {"page_count": found.page_count, "pages": pages}
    return json.dumps({"file": str(file), **whole}, ensure_ascii=False)


def _draw(found: FileRead, path: Path) -> None:
    """Draws the words of each page that was read; those of documents into files with the page's number."""
    for number, read, _, picture in found.pages:
        if not isinstance(read, ProblemError):
            drawing = picture()
            draw.draw(drawing, read.page.words)
            drawing.save(path if found.page_count is None else path.with_stem(f"{path.stem}-page-{number + 1}"))


def _names(files: list[Path], suffix: str) -> dict[Path, str]:
    """An output name with the suffix for each file; duplicates get a number."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for file in files:
        name, number = f"{file.stem}{suffix}", 1
        while name in taken:
            number += 1
            name = f"{file.stem}-{number}{suffix}"
        taken.add(name)
        names[file] = name
    return names
