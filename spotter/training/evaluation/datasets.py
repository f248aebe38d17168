"""Annotated data sets: how each is loaded, and the headline figure by which it is judged."""

import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from spotter.training.data.annotations import AnnotationError, Picture, read_folder
from spotter.training.evaluation.cut_lines import read_cut_lines

Measure = Literal["end_to_end", "bag_of_words", "words_exact"]
"""The figure by which a data set is judged: F of the words found and read; F of each picture's words as a multiset,
ignoring case and position; or the share of the true words that are read with exact case and accents."""


@dataclass(frozen=True)
class Preset:
    """How a data set is loaded and judged.

    aspect: true width / height of every picture, for data stored squeezed. measure: its headline figure.
    boxes: what an annotated polygon contains; positions are judged only where it is a word.
    cut_lines: the pictures are single lines, cut out and listed in `labels.tsv` (see `cut_lines`).
    """

    aspect: float | None = None
    measure: Measure = "end_to_end"
    boxes: Literal["words", "lines"] = "words"
    cut_lines: bool = False


PRESETS = {
    "icdar2015": Preset(aspect=16 / 9),  # frames of 1280x720, even where they are stored squeezed
    "icdar2003": Preset(),
    "born_digital": Preset(),
    "ui": Preset(),
    "sroie": Preset(measure="bag_of_words", boxes="lines"),
    "funsd": Preset(measure="bag_of_words"),
    "pages": Preset(measure="bag_of_words"),
    "curved": Preset(),  # made by `spotter synth write --preset curved`
    "lines": Preset(measure="words_exact", boxes="lines", cut_lines=True),
}
"""The presets by name, in the order of tables."""


@dataclass(frozen=True)
class Dataset:
    """A folder of annotated pictures and how it is loaded and judged; name: for tables."""

    folder: Path
    how: Preset = Preset()
    name: str = ""

    def __str__(self) -> str:
        return self.name or str(self.folder)

    def pictures(self, limit: int | None = None) -> list[Picture]:
        """The first `limit` pictures, or all, with transcripts of any characters in Unicode's composed form (NFC).

        Raises AnnotationError where the folder does not have the expected form.
        """
        if self.how.cut_lines:
            found = read_cut_lines(self.folder, limit)
        else:
            found = read_folder(self.folder, self.how.aspect, ascii_only=False)[:limit]
        return [
            replace(picture, annotations=tuple(replace(a, text=composed(a.text)) for a in picture.annotations))
            for picture in found
        ]


def composed(text: str) -> str:
    """The text in Unicode's composed form (NFC), in which transcripts and readings are compared."""
    return unicodedata.normalize("NFC", text)


def validation_sets(data: Path) -> list[Dataset]:
    """The validation parts `NAME/val` below a folder, for each preset's name, in the presets' order.

    Raises AnnotationError when there is none.
    """
    found = [Dataset(data / name / "val", how, name) for name, how in PRESETS.items() if (data / name / "val").is_dir()]
    if not found:
        raise AnnotationError(f"{data}: has none of the folders {', '.join(f'{name}/val' for name in PRESETS)}")
    return found
