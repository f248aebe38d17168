"""The `reading` and `warnings` of an answer: how a picture was read, and what may have been missed."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from spotter.reading.imaging import Prepared
from spotter.reading.session import Rows
from spotter.reading.sizing import (
    ENLARGED,
    LEAST_HEIGHT,
    MOST_WORDS,
    SMALL,
    VERY_SMALL,
    clear_height,
    median_height,
    much_larger,
    small,
)


class Verdict(NamedTuple):
    """Whether a picture got a second, closer look, and why or why not."""

    closer_look: Literal["taken", "not_needed", "skipped"]
    reason: str


TAKEN = Verdict("taken", "most of the words were small in the first look")
IN_PARTS = Verdict("taken", f"there were more than {MOST_WORDS} words, so the picture was read in parts")
ASKED = Verdict("not_needed", "the request says at which size to read")
NO_TIME = Verdict("skipped", "the deadline is too near")
TOO_SLOW = Verdict("skipped", "the deadline came before it was done")
NO_ROOM = Verdict("skipped", "the service has too much work")
_UNREAD, _MOSTLY = 5, 0.5
"""A warning is given for at least this many detected words that could not be read, if they are at least this share of
all."""


def why_one_look(rows: Rows, seen: Prepared, limit: int) -> Verdict:
    """Why a picture got no second look: `second_look.closer` found it unnecessary, or it was not allowed.

    rows, seen: of the first look. limit: longest side of a second look in pixels, 0 for none.
    """
    height, larger = median_height(rows.polygons), much_larger(max(seen.shown), max(seen.working))
    if not larger and (height is None or height >= VERY_SMALL):
        return Verdict("not_needed", "the picture was read at its own size, or nearly so")
    if height is None:
        return Verdict("not_needed", "too few words were found to tell that they are small")
    if height >= small(seen.working, seen.shown):
        return Verdict("not_needed", "the words are large enough")
    if not much_larger(ENLARGED * max(seen.shown), max(seen.working)):
        return Verdict("not_needed", "the picture was enlarged in the first look")
    if not limit:
        return Verdict("skipped", "the service is set to look once")
    if not much_larger(clear_height(len(rows.scores)), height):
        return Verdict("skipped", "there are so many words that a closer look would drop some")
    return Verdict("skipped", f"the service reads at no more than {limit} pixels of the long side")


def account(
    rows: Rows,
    seen: Prepared,
    verdict: Verdict,
    most: int,
    unread: int | None = None,
    others: Sequence[str] = (),
) -> dict[str, Any]:
    """`reading` and `warnings` of an answer. rows, seen: of the look whose words are in the answer. most: how many
    words it found, including those that the hints leave out; of a look in parts, in the part with the most words.
    unread: as in `Page`. others: further warnings."""
    scale = max(seen.shown) / max(seen.working)
    cut = most > MOST_WORDS
    least = round(LEAST_HEIGHT * scale, 1)
    return {
        "reading": {
            "width": seen.working[0],
            "height": seen.working[1],
            "downscaled": scale > 1,
            "turned": 90 * seen.turn,
            "closer_look": verdict.closer_look,
            "reason": verdict.reason,
            "least_height": least,
            "candidates_cut": cut,
            "unread": unread,
        },
        "warnings": [
            *_warnings(seen, verdict, least, cut, median_height(rows.polygons)),
            *_unread(unread or 0, max(most, len(rows.scores))),
            *others,
        ],
    }


def _warnings(seen: Prepared, verdict: Verdict, least: float, cut: bool, height: float | None) -> list[str]:
    warnings = []
    if seen.turn:
        warnings.append(f"The picture lies turned clockwise by {90 * seen.turn} degrees: it was read upright.")
    if much_larger(max(seen.shown), max(seen.working)):
        warnings.append(
            f"The picture was read at {max(seen.working)} of its {max(seen.shown)} pixels: letters lower than about "
            f"{least:g} pixels may be missing. max_side asks for a larger size."
        )
    if verdict.closer_look == "skipped":
        warnings.append(f"It was not looked at again, closer: {verdict.reason}.")
    if cut:
        warnings.append(f"More than {MOST_WORDS} words were found: others may be missing. Send the picture in parts.")
    if height is not None and height < SMALL:
        warnings.append(f"Most of the words are lower than {SMALL:g} pixels as they were read: expect errors.")
    return warnings


def _unread(count: int, found: int) -> list[str]:
    if count < _UNREAD or count < _MOSTLY * found:
        return []
    return [
        f"{count} places look like words and could not be read: they are left out. They may be handwritten, blurred, "
        "or in a script that the model does not know."
    ]
