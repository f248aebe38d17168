"""A picture into which emblems are drawn: filled shapes, lines and words, with the labels of the words."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.curved.lettering import Lettering, to_picture
from spotter.training.synthesis.curved.paths import Floats
from spotter.training.synthesis.degrade import Degradation, degrade, parted

Picture = NDArray[np.uint8]
Colour = NDArray[np.float64]
_FINE = 4  # bits of the fractions of pixels in OpenCV's drawing coordinates
_ROUND = 72  # corners of a polygon that approximates a circle
_INKED = 128  # of 255: pixels with at least this opacity belong to a letter


@dataclass(frozen=True)
class Ink:
    """The appearance of letters.

    opacity: 0..1. outline: its colour, and its width in pixels. shadow: its colour, and its offset in pixels. relief:
    offset in pixels of light and shadow of raised letters; 0 for flat ones. worn: share of the ink that is missing, in
    blotches, as from a rubber stamp.
    """

    colour: Colour
    opacity: float = 1.0
    outline: tuple[Colour, float] | None = None
    shadow: tuple[Colour, tuple[float, float]] | None = None
    relief: float = 0.0
    worn: float = 0.0


@dataclass(frozen=True, eq=False)
class _Printed:
    """A word's ink [h, w] at (left, top), and the picture's pixels [h, w, 3] there before it was drawn."""

    alpha: Picture
    left: int
    top: int
    before: Picture

    def of(self, picture: Picture) -> Picture:
        """The part of a picture that the word may have changed."""
        height, width = self.alpha.shape
        return picture[self.top : self.top + height, self.left : self.left + width]


@dataclass(eq=False)
class Drawing:
    """A picture being drawn. picture: uint8 [S, S, 3]. polygons, texts, characters: of the words so far, as in
    `Sample`."""

    picture: Picture
    rng: np.random.Generator
    polygons: list[NDArray[np.float32]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    characters: list[NDArray[np.float32]] = field(default_factory=list)
    _printed: list[_Printed | None] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The side of the picture in pixels."""
        return len(self.picture)

    def fill(self, plane: Floats, outline: Floats, colour: Colour, opacity: float = 1.0) -> None:
        """Fills a shape with the outline [K, 2] in a plane."""
        points = _fixed(to_picture(plane, outline))
        if opacity >= 1:
            cv2.fillPoly(self.picture, [points], colour.tolist(), cv2.LINE_AA, _FINE)
            return
        over = self.picture.copy()
        cv2.fillPoly(over, [points], colour.tolist(), cv2.LINE_AA, _FINE)
        cv2.addWeighted(over, opacity, self.picture, 1 - opacity, 0, self.picture)

    def stroke(self, plane: Floats, line: Floats, colour: Colour, width: float, closed: bool = True) -> None:
        """Draws a line [K, 2] in a plane, `width` pixels wide."""
        points = _fixed(to_picture(plane, line))
        cv2.polylines(self.picture, [points], closed, colour.tolist(), max(round(width), 1), cv2.LINE_AA, _FINE)

    def picture_in(self, plane: Floats, outline: Floats, other: Picture) -> None:
        """Draws another square picture inside a shape."""
        mask = np.zeros(self.picture.shape[:2], np.uint8)
        cv2.fillPoly(mask, [_fixed(to_picture(plane, outline))], 255, cv2.LINE_AA, _FINE)
        shown = cv2.resize(other, (self.size, self.size), interpolation=cv2.INTER_LINEAR)
        self.picture[mask > 127] = shown[mask > 127]

    def letters(self, plane: Floats, words: Sequence[Lettering], ink: Ink) -> None:
        """Draws words and records their labels."""
        for word in words:
            self.polygons.append(word.polygon(plane))
            self.texts.append(word.pool.texts[word.patch])
            self.characters.append(word.characters(plane))
            cover = word.cover(plane, self.size)
            if cover is None:
                self._printed.append(None)
                continue
            alpha, left, top = cover
            before = self.picture[top : top + alpha.shape[0], left : left + alpha.shape[1]].copy()
            self._printed.append(_Printed(alpha, left, top, before))
            self._ink(alpha, left, top, ink)

    def degraded(self, degradation: Degradation) -> tuple[Picture, NDArray[np.float32]]:
        """The degraded picture, and the contrast float32 [N] of each word, of 255: the mean difference, where there is
        ink, between the pictures with and without the word, both degraded except for noise and compression; 0 for words
        beyond the picture's border."""
        bare = self.picture.copy()
        for word in reversed(self._printed):
            if word is not None:
                word.of(bare)[:] = word.before
        clean, later = parted(degradation)
        printed, bare = degrade(self.picture, clean), degrade(bare, clean)
        apart = np.abs(printed.astype(np.int16) - bare).mean(2)
        found = np.zeros(len(self._printed), np.float32)
        for number, word in enumerate(self._printed):
            if word is not None and (ink := word.alpha > _INKED).any():
                found[number] = word.of(apart)[ink].mean()
        return degrade(printed, later), found

    def _ink(self, alpha: Picture, left: int, top: int, ink: Ink) -> None:
        if ink.worn:
            alpha = _worn(alpha, ink.worn, self.rng)
        if ink.shadow is not None:
            colour, (x, y) = ink.shadow
            self._blend(_moved(alpha, x, y), left, top, colour, 0.8 * ink.opacity)
        if ink.outline is not None:
            colour, width = ink.outline
            reach = max(round(width), 1)
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
            self._blend(np.asarray(cv2.dilate(alpha, kernel), np.uint8), left, top, colour, ink.opacity)
        if ink.relief:
            light, dark = np.minimum(ink.colour + 75, 255), np.maximum(ink.colour - 75, 0)
            self._blend(_moved(alpha, ink.relief, ink.relief), left, top, dark, 0.9)
            self._blend(_moved(alpha, -ink.relief, -ink.relief), left, top, light, 0.9)
        self._blend(alpha, left, top, ink.colour, ink.opacity)

    def _blend(self, alpha: Picture, left: int, top: int, colour: Colour, opacity: float) -> None:
        region = self.picture[top : top + alpha.shape[0], left : left + alpha.shape[1]]
        weight = cv2.convertScaleAbs(alpha, alpha=opacity * 128 / 255)[..., None].astype(np.int16)
        region += (((colour.astype(np.int16) - region) * weight + 64) >> 7).astype(np.uint8)


def disc(radius: float, middle: tuple[float, float] = (0.0, 0.0), corners: int = _ROUND) -> Floats:
    """The outline [corners, 2] of a disc."""
    return star(radius, radius, corners // 2, middle)


def star(outer: float, inner: float, points: int, middle: tuple[float, float] = (0.0, 0.0)) -> Floats:
    """The outline [2 points, 2] of a star; a scalloped rim where `inner` is nearly `outer`."""
    angle = np.arange(2 * points) * np.pi / points - np.pi / 2
    radius = np.where(np.arange(2 * points) % 2 == 0, outer, inner)
    return np.stack([middle[0] + radius * np.cos(angle), middle[1] + radius * np.sin(angle)], 1)


def box(left: float, top: float, right: float, bottom: float) -> Floats:
    """The corners [4, 2] of a rectangle."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _fixed(points: Floats) -> NDArray[np.int32]:
    return np.round((points - 0.5) * (1 << _FINE)).clip(-(1 << 24), 1 << 24).astype(np.int32)


def _moved(alpha: Picture, x: float, y: float) -> Picture:
    matrix = np.array([[1, 0, x], [0, 1, y]])
    return np.asarray(cv2.warpAffine(alpha, matrix, (alpha.shape[1], alpha.shape[0])), np.uint8)


def _worn(alpha: Picture, share: float, rng: np.random.Generator) -> Picture:
    height, width = alpha.shape
    coarse = rng.random((max(height // 3, 2), max(width // 3, 2)), np.float32)
    grain = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(alpha * np.clip((grain - share) * 4, 0.15, 1), np.uint8)
