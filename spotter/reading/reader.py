"""Reads pictures without a server: for the shell, evaluation and benchmarks."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from spotter.reading import imaging
from spotter.reading.account import ASKED, IN_PARTS, TAKEN, account, why_one_look
from spotter.reading.hints import NO_HINTS, Hints
from spotter.reading.imaging import PictureLimits, Prepared
from spotter.reading.parts import joined, partition
from spotter.reading.prepared import turned
from spotter.reading.second_look import closer
from spotter.reading.session import Rows, Session, SessionOptions
from spotter.reading.sizing import at_side
from spotter.reading.turning import Turns
from spotter.reading.wording import Wording
from spotter.reading.words import Page, Word, read_page
from spotter.registry.bundle import Bundle, open_bundle
from spotter.registry.errors import BundleError
from spotter.registry.manifest import InputSpec, Manifest


class Reader:
    """A loaded bundle that reads pictures. `read` does everything; `prepare`, `infer` and `page` are its stages.

    max_side: pixels of the long side at which to read, instead of the manifest's.
    """

    def __init__(
        self, bundle: Bundle, session: Session, limits: PictureLimits | None = None, max_side: int | None = None
    ) -> None:
        self.bundle = bundle
        self.session = session
        self.limits = limits or PictureLimits()
        self.max_side = max_side
        self.input = self.manifest.input if max_side is None else at_side(self.manifest.input, max_side)

    @classmethod
    def open(cls, path: Path, threads: int = 1) -> Self:
        """Opens and verifies the bundle in the folder `path`. Raises BundleError."""
        bundle = open_bundle(path)
        return cls(bundle, Session(bundle, SessionOptions(threads)))

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        return self.bundle.manifest

    def read(self, image: NDArray[np.uint8], threshold: float | None = None, closest: int = 0) -> list[Word]:
        """Words of a picture, uint8 [H, W, 3] RGB, in its pixels and reading order; closest: see `read_prepared`."""

        def again(spec: InputSpec) -> Prepared:
            return imaging.prepare_pixels(image, spec)

        return list(self.read_prepared(self.prepare(image), again, threshold, closest).page.words)

    def read_page(self, data: bytes, threshold: float | None = None) -> Page:
        """Words, lines and blocks of an encoded picture. Raises ProblemError for a bad one."""
        prepared = imaging.prepare(data, self.input, self.limits)
        rows = self.infer([prepared])[0]
        return self.page(rows, prepared, threshold)

    def read_prepared(
        self,
        prepared: Prepared,
        again: Callable[[InputSpec], Prepared],
        threshold: float | None,
        closest: int,
        hints: Hints = NO_HINTS,
        characters: bool = False,
    ) -> "Read":
        """The page of a prepared picture, and the account of how it was read. A turned picture is read upright
        (see `turning`). A picture of small words is read a second time, at a larger size (see `second_look.closer`),
        and one of very many words in parts (see `parts`), unless a size was asked for.

        again: prepares the picture another time. hints: those with which it was prepared; they also select words.
        closest: longest side of a second look in pixels, 0 for none. characters: whether words include their
        characters.
        Raises what `again` does.
        """
        spec = hints.spec(self.input)
        turns = Turns(self._look(prepared))
        while (turn := turns.next) is not None:
            turns.took(turn, self._look(turned(prepared, turn, spec)))
        prepared, found = turns.best
        verdict, most = ASKED, len(found.scores)
        if self.max_side is None and hints.max_side is None:
            turn, spec = prepared.turn, self.manifest.input
            rows = hints.keep(found, prepared)
            near = closer(rows, prepared, spec, closest)
            verdict = why_one_look(rows, prepared, closest) if near is None else TAKEN
            if near is not None:
                prepared = turned(again(near), turn, near)
                found = self.infer([prepared])[0]
            most = len(found.scores)
            plan = partition(found, prepared, spec, closest)
            if plan is not None:
                prepared, verdict = turned(again(plan.spec), turn, plan.spec), IN_PARTS
                parts = plan.parts(prepared)
                looks = [self.infer([part.prepared])[0] for part in parts]
                found, most = joined(parts, looks), max(len(look.scores) for look in looks)
        rows = hints.keep(found, prepared)
        page = self.page(rows, prepared, threshold, characters, hints.wording)
        warnings = hints.warnings(page.left_out)
        return Read(page, account(rows, prepared, verdict, most, page.unread, warnings))

    def _look(self, prepared: Prepared) -> "_Look":
        return _Look(prepared, self.infer([prepared])[0])

    def prepare(self, image: NDArray[np.uint8]) -> Prepared:
        """The graph's input for a picture, uint8 [H, W, 3] RGB."""
        return imaging.prepare_pixels(image, self.input)

    def infer(self, batch: Sequence[Prepared]) -> list[Rows]:
        """Runs the graph on pictures of one padded shape."""
        images = batch[0].padded[None] if len(batch) == 1 else np.stack([item.padded for item in batch])
        return self.session.run(images, sizes_of(batch))

    def page(
        self,
        rows: Rows,
        prepared: Prepared,
        threshold: float | None = None,
        characters: bool = False,
        wording: Wording | None = None,
    ) -> Page:
        """The page of a picture from the graph's rows; the threshold is the manifest's unless given. characters,
        wording: as in `words.read_page`."""
        return read_page(rows, prepared, self.manifest, self._threshold(threshold), characters, wording)

    def check_golden(self) -> None:
        """Reads the bundle's golden picture. Raises BundleError when a word is missing."""
        golden = self.manifest.golden
        page = self.read_page(self.bundle.read(golden.picture))
        read = Counter(word.text for word in page.words)
        missing = Counter(golden.words) - read
        if missing:
            raise BundleError(f"the golden picture must read {sorted(missing)}, it read {sorted(read)}")

    def pace(self) -> tuple[int, float]:
        """The number of padded pixels of a blank page at the working size, and the seconds that the graph takes to read
        it."""
        side = self.manifest.input.target_side
        page = self.prepare(np.zeros((side * 3 // 4, side, 3), np.uint8))
        began = time.monotonic()
        self.infer([page])
        return page.padded.shape[0] * page.padded.shape[1], time.monotonic() - began

    def _threshold(self, threshold: float | None) -> float:
        return self.manifest.score_threshold if threshold is None else threshold


class _Look(NamedTuple):
    """A prepared picture, and the graph's rows for it."""

    prepared: Prepared
    rows: Rows


class Read(NamedTuple):
    """A page, and how it was read, for the answer: see `account.account`."""

    page: Page
    account: dict[str, Any]


def sizes_of(batch: Sequence[Prepared]) -> NDArray[np.int32]:
    """The graph's `sizes`: int32 [B, 2] = (height, width) of the real parts."""
    return np.array([item.working[::-1] for item in batch], np.int32)
