"""What the service answers, as typed values.

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
"""(x, y), pixels of the picture after its EXIF rotation; of a PDF, of the drawn page."""
Polygon: TypeAlias = tuple[Point, ...]
"""Points from the text's own top-left corner clockwise, as its reader sees it."""
PAGE_BREAK = "\n\f"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """The model that read."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Pixels of the picture after its EXIF rotation."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Character:
    """A character of a word as it was read. polygon: None where the model does not say where it is. score: the
    recogniser's probability, 0 to 1."""

    polygon: Polygon | None
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Word:
    """score: 0 to 1, by detector and recogniser; detection_score, reading_score: by each alone, None where that is not
    known. direction: degrees by which it is turned clockwise, -180 to 180. line, block: which of the picture's it is
    in, from 0. characters: None unless `detail` asked for them. repaired_from: the text as it was read, where a hint
    let look-alike characters be replaced in it."""

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


@dataclass(frozen=True, slots=True)
class Line:
    """Words next to each other. score: the mean of theirs. block: which of the picture's it is in, from 0."""

    polygon: Polygon
    text: str
    score: float
    block: int


@dataclass(frozen=True, slots=True)
class Block:
    """Lines under each other. text: a line for each row, with tabs between the cells of one. score: the mean of its
    words'."""

    polygon: Polygon
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """How a picture was read.

    width, height: pixels at which. downscaled: whether that is less than the picture has. turned: degrees by which the
    picture lies turned clockwise, undone before it was read. closer_look, reason: whether small words were looked at
    again, and why. least_height: pixels of the picture; lower letters are not looked for. candidates_cut: whether there
    were so many words that some may have been dropped. unread: places that look like words and could not be read; None
    where that is not known.
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
    """What a picture says, in reading order.

    lines, blocks: None where a lesser `detail` was asked for. reading: None of a page of a PDF whose own text was
    taken. warnings: what may be missing or wrong, in words.
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
        """A line of text for each row, with tabs between a table's cells, and an empty line between blocks. Of an
        answer without blocks each line is a row."""
        if self.blocks is not None:
            return "\n\n".join(block.text for block in self.blocks)
        blocks: dict[int, dict[int, list[str]]] = {}
        for word in self.words:
            blocks.setdefault(word.block, {}).setdefault(word.line, []).append(word.text)
        return "\n\n".join("\n".join(" ".join(line) for line in block.values()) for block in blocks.values())

    def to_dataframe(self) -> "pandas.DataFrame":
        """A row for each word: text, score, the sides of the smallest upright rectangle that holds it (left, top,
        right, bottom), direction, line, block, polygon. Raises MissingPackageError without pandas."""
        return _table(COLUMNS, map(_row, self.words))

    def draw(self, picture: Source) -> "Image.Image":
        """A copy of the picture, RGB, with the words drawn on it. Raises SourceError where it does not open or has
        another size than what was read, and MissingPackageError without Pillow."""
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
    """What a page says. page: its number, from 1. source: `text` where the words are those that a PDF carries."""

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
    """What the pages of a PDF or TIFF say. page_count: of the document, however many were asked for."""

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
        """The pages that were not."""
        return tuple(page for page in self.pages if isinstance(page, PageProblem))

    @property
    def words(self) -> tuple[Word, ...]:
        """Of all pages that were read. Their lines and blocks are numbered anew on each page."""
        return tuple(word for page in self.read for word in page.words)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Of all pages, each with its number."""
        return tuple(f"Page {page.page}: {warning}" for page in self.read for warning in page.warnings)

    def to_text(self) -> str:
        """Its pages' texts with form feeds between them; one that was not read is empty."""
        return PAGE_BREAK.join(page.to_text() if isinstance(page, PageAnswer) else "" for page in self.pages)

    def to_dataframe(self) -> "pandas.DataFrame":
        """As a picture's, with the page's number first."""
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
