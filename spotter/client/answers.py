"""The service's answers as typed values.

Members have the names and units of the answer's JSON (docs/service.md); members that a newer service adds are left out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypeVar

from spotter.client.errors import BadAnswerError, MissingPackageError, ProblemError, SourceError, problem_from
from spotter.client.sources import Source, picture_of

if TYPE_CHECKING:
    import pandas
    from PIL import Image

Point: TypeAlias = tuple[float, float]
"""(x, y), pixels of the picture after its EXIF rotation; for a PDF, pixels of the drawn page."""
Polygon: TypeAlias = tuple[Point, ...]
"""Points from the text's own top-left corner clockwise, as its reader sees it."""
PAGE_BREAK = "\n\f"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """The model that read the picture."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class ImageSize:
    """The size of the picture in pixels, after its EXIF rotation."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Character:
    """A character of a word as it was read. polygon: None where its position is not known. score: the recogniser's
    probability, 0 to 1."""

    polygon: Polygon | None
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word. score: 0 to 1, by detector and recogniser together; detection_score, reading_score: by each alone, None
    where not known. direction: degrees by which it is turned clockwise, -180 to 180. line, block: numbers, from 0, of
    the picture's line and block that it is in. characters: None unless `detail` asked for them. repaired_from: the text
    as it was read, where look-alike characters were replaced in it to fit a hint. script: "unknown" where the text is
    probably in a script that the model does not know, else None."""

    polygon: Polygon
    text: str
    score: float
    detection_score: float | None
    reading_score: float | None
    direction: float
    line: int
    block: int
    characters: tuple[Character, ...] | None = None
    repaired_from: str | None = None
    script: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Words next to each other. score: the mean of their scores. block: number, from 0, of the picture's block that it
    is in."""

    polygon: Polygon
    text: str
    score: float
    block: int


@dataclass(frozen=True, slots=True)
class Block:
    """Lines under each other. text: one line for each row, with tabs between cells. score: the mean of its words'
    scores."""

    polygon: Polygon
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """How a picture was read.

    width, height: the size in pixels at which it was read. downscaled: whether that is less than the picture's size.
    turned: degrees by which the picture is turned clockwise, undone before it was read. closer_look, reason: whether
    small words got a second look, and why. least_height: in pixels of the picture; smaller letters are not found.
    candidates_cut: whether there were so many words that some may have been dropped. unread: how many detected words
    could not be read; None where that is not known.
    """

    width: int
    height: int
    downscaled: bool
    turned: Literal[0, 90, 180, 270]
    closer_look: Literal["taken", "not_needed", "skipped"]
    reason: str
    least_height: float
    candidates_cut: bool
    unread: int | None


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """The text of a picture, in reading order.

    lines, blocks: None where `detail` did not ask for them. reading: None for a page of a PDF whose embedded text was
    used. warnings: sentences on what may be missing or wrong.
    """

    model: ModelRef
    image: ImageSize
    words: tuple[Word, ...]
    lines: tuple[Line, ...] | None
    blocks: tuple[Block, ...] | None
    reading: Reading | None
    warnings: tuple[str, ...]

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Self:
        """Raises BadAnswerError."""
        return _checked(lambda: cls(**_picture(members)))

    def to_text(self) -> str:
        """The text with one line for each row, tabs between a table's cells, and an empty line between blocks. In an
        answer without blocks each line is a row."""
        if self.blocks is not None:
            return "\n\n".join(block.text for block in self.blocks)
        blocks: dict[int, dict[int, list[str]]] = {}
        for word in self.words:
            blocks.setdefault(word.block, {}).setdefault(word.line, []).append(word.text)
        return "\n\n".join("\n".join(" ".join(line) for line in block.values()) for block in blocks.values())

    def to_dataframe(self) -> "pandas.DataFrame":
        """A row for each word: text, score, the sides of the smallest upright rectangle around it
        (left, top, right, bottom), direction, line, block, polygon. Raises MissingPackageError without pandas."""
        return _table(COLUMNS, map(_row, self.words))

    def draw(self, picture: Source) -> "Image.Image":
        """A copy of the picture, RGB, with the words drawn on it. Raises SourceError where it cannot be opened or does
        not have the size of the picture that was read, and MissingPackageError without Pillow."""
        drawn = picture_of(picture)
        from spotter.formats.draw import draw

        if drawn.size != (self.image.width, self.image.height):
            raise SourceError(
                f"the answer is of a picture of {self.image.width} x {self.image.height} pixels, "
                f"this one has {drawn.width} x {drawn.height}"
            )
        draw(drawn, self.words)
        return drawn


@dataclass(frozen=True, slots=True)
class PageAnswer(PictureAnswer):
    """The text of a page. page: its number, from 1. source: `text` where the words are a PDF's embedded text."""

    page: int
    source: Literal["picture", "text"]

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Self:
        """Raises BadAnswerError."""
        return _checked(lambda: cls(**_picture(members), page=members["page"], source=members["source"]))


@dataclass(frozen=True, slots=True)
class PageProblem:
    """Why a page could not be read. page: its number, from 1."""

    page: int
    error: ProblemError


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """The text of the pages of a PDF or TIFF. page_count: of the whole document, however many pages were asked for."""

    page_count: int
    pages: tuple[PageAnswer | PageProblem, ...]

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Self:
        """Raises BadAnswerError."""
        return _checked(lambda: cls(members["page_count"], tuple(map(page_from, members["pages"]))))

    @property
    def read(self) -> tuple[PageAnswer, ...]:
        """The pages that were read."""
        return tuple(page for page in self.pages if isinstance(page, PageAnswer))

    @property
    def problems(self) -> tuple[PageProblem, ...]:
        """The pages that could not be read."""
        return tuple(page for page in self.pages if isinstance(page, PageProblem))

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all pages that were read. The numbers of lines and blocks start again on each page."""
        return tuple(word for page in self.read for word in page.words)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of all pages, each with its page's number."""
        return tuple(f"Page {page.page}: {warning}" for page in self.read for warning in page.warnings)

    def to_text(self) -> str:
        """The pages' texts with form feeds between them; a page that could not be read is empty."""
        return PAGE_BREAK.join(page.to_text() if isinstance(page, PageAnswer) else "" for page in self.pages)

    def to_dataframe(self) -> "pandas.DataFrame":
        """As `PictureAnswer.to_dataframe`, with the page's number as the first column."""
        rows = ({"page": page.page, **_row(word)} for page in self.read for word in page.words)
        return _table(("page", *COLUMNS), rows)


Answer: TypeAlias = PictureAnswer | DocumentAnswer

COLUMNS = ("text", "score", "left", "top", "right", "bottom", "direction", "line", "block", "polygon")


def answer_from(members: Mapping[str, Any]) -> Answer:
    """The answer of `POST /spot` to one file. Raises BadAnswerError."""
    return DocumentAnswer.from_json(members) if "pages" in members else PictureAnswer.from_json(members)


def page_from(members: Mapping[str, Any]) -> PageAnswer | PageProblem:
    """A page of an answer. Raises BadAnswerError."""
    if "words" in members:
        return PageAnswer.from_json(members)
    return _checked(lambda: PageProblem(members["page"], problem_from(members)))


def _checked(make: Callable[[], T]) -> T:
    try:
        return make()
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswerError(f"the answer is none of Spotter's: {type(error).__name__} {error}") from None


def _picture(members: Mapping[str, Any]) -> dict[str, Any]:
    model, image, reading = members["model"], members["image"], members["reading"]
    lines, blocks = members.get("lines"), members.get("blocks")
    return {
        "model": ModelRef(model["name"], model["version"], model["digest"]),
        "image": ImageSize(image["width"], image["height"]),
        "words": tuple(_word(it) for it in members["words"]),
        "lines": None
        if lines is None
        else tuple(Line(_polygon(it), it["text"], it["score"], it["block"]) for it in lines),
        "blocks": None if blocks is None else tuple(Block(_polygon(it), it["text"], it["score"]) for it in blocks),
        "reading": None if reading is None else Reading(**{name: reading[name] for name in _READING}),
        "warnings": tuple(members["warnings"]),
    }


_READING = tuple(Reading.__dataclass_fields__)


def _word(members: Mapping[str, Any]) -> Word:
    characters = members.get("characters")
    return Word(
        _polygon(members),
        members["text"],
        members["score"],
        members["detection_score"],
        members["reading_score"],
        members["direction"],
        members["line"],
        members["block"],
        None if characters is None else tuple(_character(it) for it in characters),
        members.get("repaired_from"),
        members.get("script"),
    )


def _character(members: Mapping[str, Any]) -> Character:
    return Character(None if members["polygon"] is None else _polygon(members), members["text"], members["score"])


def _polygon(members: Mapping[str, Any]) -> Polygon:
    return tuple((x, y) for x, y in members["polygon"])


def _row(word: Word) -> dict[str, Any]:
    xs, ys = zip(*word.polygon, strict=True)
    sides = {"left": min(xs), "top": min(ys), "right": max(xs), "bottom": max(ys)}
    return {name: sides[name] if name in sides else getattr(word, name) for name in COLUMNS}


def _table(columns: tuple[str, ...], rows: Iterator[dict[str, Any]]) -> "pandas.DataFrame":
    try:
        import pandas
    except ImportError:
        raise MissingPackageError("pandas", "to_dataframe") from None
    return pandas.DataFrame(list(rows), columns=list(columns))
