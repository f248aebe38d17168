"""Plain text."""

from collections.abc import Sequence

from spotter.reading.words import Page

PAGE_BREAK = "\n\f"


def as_text(page: Page) -> str:
    """A line of text for each row, with a tab between the cells of a table, and an empty line between blocks."""
    return "\n\n".join([block.text for block in page.blocks])


def write_text(pages: Sequence[Page]) -> bytes:
    """UTF-8; each page ends its last line, and all but the last end with a form feed."""
    return (PAGE_BREAK.join(as_text(page) for page in pages) + "\n").encode()
