"""Selection of a document's pages, written as `1-3,7` or `5-`."""

import re

from spotter.reading.errors import InvalidParameterError

PAGES = r"^\d{1,6}(-\d{0,6})?(,\d{1,6}(-\d{0,6})?)*$"


def select_pages(pages: str | None, count: int, most: int) -> list[int]:
    """The indices, from 0, of the selected pages, each once and in order; all pages for None.

    Raises InvalidParameterError for a text that selects no pages, for pages that do not exist, and for more than `most`
    pages.
    """
    if pages is not None and re.fullmatch(PAGES, pages) is None:
        raise InvalidParameterError(f"pages: {pages[:64]!r} is not like 1-3,7 or 5-")
    chosen = set[int]()
    for part in pages.split(",") if pages is not None else ("1-",):
        first, dash, last = part.partition("-")
        begin, end = int(first), int(last or count) if dash else int(first)
        if not 1 <= begin <= max(end, 1) or end > count:
            raise InvalidParameterError(f"pages: {part} is not within the {count} pages that there are, from 1")
        if end - begin >= most:
            raise InvalidParameterError(
                f"pages: {end - begin + 1} are more than the {most} of one request; ask for some, as by pages=1-{most}"
            )
        chosen.update(range(begin - 1, end))
    if len(chosen) > most:
        raise InvalidParameterError(f"pages: {len(chosen)} are more than the {most} of one request")
    return sorted(chosen)
