"""Hints of a request: what the client knows about a picture and how it is to be read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotter.reading.prepared import Prepared, Region
from spotter.reading.session import Rows
from spotter.reading.sizing import enlarged_to, heights
from spotter.reading.wording import Wording
from spotter.registry.manifest import InputSpec

_MOST_UPSCALE = 16.0


@dataclass(frozen=True)
class Hints:
    """max_side: pixels of the long side at which to read; small pictures are enlarged; None: chosen by the size of the
    words. region: the only part to be read. ignore: rectangles in which nothing is read. min_height: least height of
    words, in pixels of the upload; smaller words are left out and do not cause a closer look. wording: constraints on
    the words' texts. notes: warnings to include in every answer.
    """

    max_side: int | None = None
    region: Region | None = None
    ignore: tuple[Region, ...] = ()
    min_height: float = 0.0
    wording: Wording | None = None
    notes: tuple[str, ...] = ()

    def spec(self, spec: InputSpec) -> InputSpec:
        """The model's input with these hints. Raises BundleError where the model cannot read at that side."""
        if self.max_side is None:
            return spec
        return enlarged_to(spec, self.max_side, _MOST_UPSCALE)

    def keep(self, rows: Rows, prepared: Prepared) -> Rows:
        """The rows of words that the hints do not exclude."""
        if not self.ignore and not self.min_height:
            return rows
        kept = self.wanted(prepared.to_upload(rows.polygons))
        return rows._replace(
            polygons=rows.polygons[kept],
            scores=rows.scores[kept],
            characters=rows.characters[kept],
            character_scores=rows.character_scores[kept],
        )

    def warnings(self, left_out: int) -> list[str]:
        """The warnings about the hints. left_out: how many words were read but do not fit the wording."""
        if not left_out:
            return list(self.notes)
        return [
            *self.notes,
            f"Left out, as they do not fit what was asked for: {left_out} of the words read.",
        ]

    def wanted(self, polygons: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of the polygons [N, P, 2], in upload pixels, the hints do not exclude, by their centres and the height
        of their left ends."""
        centres = polygons.mean(axis=1)
        kept: NDArray[np.bool_] = heights(polygons) >= self.min_height
        for region in self.ignore:
            kept &= ~region.holds(centres)
        return kept


NO_HINTS = Hints()
