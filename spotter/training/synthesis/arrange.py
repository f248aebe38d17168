"""Blocks of words on planes, from which the layouts of scenes, pages and sheets are made."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.degrade import Degradation
from spotter.training.synthesis.layout import (
    FRAME,
    PLATE,
    SHADOW,
    TEXT,
    Background,
    Layout,
    best_level,
    corners,
    transform,
)
from spotter.training.synthesis.pool import PatchPool

Matrix = NDArray[np.float64]
Colour = NDArray[np.float64]

_CELL = 4  # pixels of a picture per cell of the occupancy map
_LARGE = 50.0  # pixels of a capital's height from which a style is sharp enough for big words
_NATURAL = 0.8  # of a capital's height: the usual width of a letter; a larger advance is mostly spacing
_APART = 1.5  # times the letters' spacing: with a smaller gap, words of spaced letters could not be told apart
_OUTLINE_STEPS = 8  # copies of the letters, shifted in different directions, that make an outline
_SHORT = 2  # the most characters of entries in narrow table cells
_NUMERIC = re.compile(r"[^A-Za-z]*\d[\d.,]*[)%€$£]?")


class Styles:
    """The pool's styles by use.

    kinds: factors by name of the kind, by which words of the kind are drawn more often than they occur in the pool; 1
    for kinds that are not named, 0 to draw none.
    scene, large, page, mono: numbers of the styles for each use; `large` styles are sharp at any height. words,
    numbers, short, rules: patches by style; `short` are words of one or two characters.
    capital, advance: by style, the height of a capital and the mean width of a character, in pixels of level 0.
    Raises ValueError on a pool without words, an unknown kind or a negative number, or when no word is left.
    """

    def __init__(self, pool: PatchPool, kinds: Mapping[str, float] | None = None) -> None:
        times = _times(pool, kinds or {})
        self.words = {style: left for style, patches in pool.groups.items() if len(left := patches[times[patches] > 0])}
        if not self.words:
            raise ValueError(
                "the pool holds no words" if not kinds else "the pool holds no words of the kinds asked for"
            )
        self._edges = {style: np.cumsum(times[patches]) for style, patches in self.words.items()} if kinds else {}
        self.rules = pool.rules
        numeric = np.array([bool(_NUMERIC.fullmatch(text)) for text in pool.texts])
        self.numbers = {style: patches[numeric[patches]] for style, patches in self.words.items()}
        brief = np.array([0 < len(text) <= _SHORT for text in pool.texts])
        self.short = {style: patches[brief[patches]] for style, patches in self.words.items()}
        first = {style: int(patches[0]) for style, patches in self.words.items()}
        every = np.array(sorted(first), np.int64)
        firsts = np.array([first[style] for style in every.tolist()])
        page, mono = pool.page[firsts], pool.mono[firsts]
        straight = ~pool.arcs[firsts]
        large = pool.capitals[firsts] > _LARGE
        self.scene = every[~page] if (~page).any() else every
        self.large = every[large & ~page] if (large & ~page).any() else self.scene
        self.page = every[page & straight] if (page & straight).any() else every
        self.mono = every[page & straight & mono] if (page & straight & mono).any() else self.page
        self.advance = {style: _advance(pool, patches) for style, patches in self.words.items()}
        self.capital = {style: float(pool.capitals[patch]) for style, patch in first.items()}

    def draw(self, rng: np.random.Generator, style: int, count: int) -> NDArray[np.int64]:
        """int64 [count]: words of a style, drawn with the frequencies of the pool times the factors of `kinds`."""
        words = self.words[style]
        if not self._edges:
            return np.asarray(rng.choice(words, count))
        edges = self._edges[style]
        chosen = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
        return np.asarray(words[np.minimum(chosen, len(words) - 1)])

    def space(self, style: int, letters: float) -> float:
        """Pixels of level 0 between two words: the width of `letters` letters, or more where letters are widely
        spaced."""
        natural = min(self.advance[style], _NATURAL * self.capital[style])
        return letters * natural + _APART * (self.advance[style] - natural)

    def pick(self, rng: np.random.Generator, capital: float) -> int:
        """A random style for words of a scene whose capitals are `capital` pixels high."""
        sharp = capital > _LARGE and rng.random() < 0.85
        return int(rng.choice(self.large if sharp else self.scene))


@dataclass
class Block:
    """Words in the frame of their own plane, in pixels of the picture before the plane is turned.

    patches: N indices. frames: float64 [N, 3, 3], pixels of patches -> plane. words: bool [N], which are to be
    labelled. bounds: (left, top, right, bottom) of the block, in the plane.
    """

    patches: NDArray[np.int64]
    frames: Matrix
    words: NDArray[np.bool_]
    bounds: tuple[float, float, float, float] = field(init=False)
    _pool: PatchPool

    def __post_init__(self) -> None:
        points = transform(self.frames, corners(self._pool.quads[self.patches]))
        left, top = points.min((0, 1)).tolist()
        right, bottom = points.max((0, 1)).tolist()
        self.bounds = (left, top, right, bottom)


def place(
    pool: PatchPool, patches: NDArray[np.int64], left: Colour, baseline: Colour, scale: Colour, stretch: float
) -> Matrix:
    """float64 [N, 3, 3]: maps from patches to the plane that put the texts' left edges and baselines at the given
    positions."""
    frames = np.zeros((len(patches), 3, 3))
    frames[:, 0, 0] = scale * stretch
    frames[:, 1, 1] = scale
    frames[:, 0, 2] = left - scale * stretch * pool.quads[patches, 0]
    frames[:, 1, 2] = baseline - scale * pool.baselines[patches]
    frames[:, 2, 2] = 1
    return frames


def widths(pool: PatchPool, patches: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32 [N]: the text's width in pixels of level 0."""
    return np.asarray(pool.quads[patches, 2] - pool.quads[patches, 0])


def text_block(
    rng: np.random.Generator,
    pool: PatchPool,
    styles: Styles,
    style: int,
    capital: float,
    rows: Sequence[int],
    stretch: float = 1.0,
) -> Block:
    """Rows of words in one style, with capitals `capital` pixels high, aligned left or centred. rows: the number of
    words in each row."""
    total = sum(rows)
    patches = styles.draw(rng, style, total)
    scale = capital / styles.capital[style]
    size = widths(pool, patches) * scale * stretch
    # A space is about half a letter wide; narrower ones also occur, and the detector must see them.
    gap = max(capital * 0.2, styles.space(style, rng.uniform(0.3, 1.0)) * scale * stretch)
    pitch = capital * rng.uniform(1.55, 2.3)
    centred = rng.random() < 0.5
    left, baseline = np.empty(total), np.empty(total)
    start = 0
    for row, count in enumerate(rows):
        row_widths = size[start : start + count]
        edges = np.concatenate([[0.0], np.cumsum(row_widths + gap)])
        left[start : start + count] = edges[:-1] - (edges[-1] / 2 if centred else 0.0)
        baseline[start : start + count] = row * pitch
        start += count
    frames = place(pool, patches, left, baseline, np.full(total, scale), stretch)
    return Block(patches, frames, np.ones(total, bool), pool)


def plane(rng: np.random.Generator, centre: tuple[float, float], angle: float, extent: float, tilt: float) -> Matrix:
    """float64 [3, 3]: a map from a plane to the picture, in perspective, turned by `angle` radians clockwise, with the
    plane's origin at `centre`.

    extent: pixels from the origin to the plane's farthest point. tilt: standard deviation of the change of depth over
    the plane.
    """
    vanish = np.clip(rng.normal(0, tilt, 2), -0.35, 0.35) / max(extent, 1.0)
    shear = rng.normal(0, 0.6 * tilt)
    climb = (
        np.clip(rng.normal(0, 3 * tilt), -0.7, 0.7) if rng.random() < 0.35 else 0.0
    )  # shear of a wall seen from the side, whose lines are sloped
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, cos * shear - sin, 0.0], [sin, sin * shear + cos, 0.0], [0, 0, 1]])
    turn[1] += climb * turn[0]
    turn[2, :2] = vanish
    move = np.array([[1, 0, centre[0]], [0, 1, centre[1]], [0, 0, 1.0]])
    return np.asarray(move @ turn)


def contrasting(rng: np.random.Generator, base: Colour, least: float) -> Colour:
    """float64 [3]: a colour whose lightness differs from `base` by `least` or more."""
    light = sum(base.tolist()) / 3
    room_up, room_down = 255 - light, light
    up = rng.random() < 0.5 if min(room_up, room_down) > least else room_up > room_down
    reach = max(room_up if up else room_down, least)
    difference = least + (reach - least) * rng.random() ** 0.8
    target = light + difference if up else light - difference
    red, green, blue = (rng.normal(0, 1, 3) * (45.0 if rng.random() < 0.55 else 5.0)).tolist()
    middle = (red + green + blue) / 3 - target
    return np.array([min(max(part - middle, 0.0), 255.0) for part in (red, green, blue)])


def _times(pool: PatchPool, kinds: Mapping[str, float]) -> NDArray[np.float64]:
    """float64 [N]: the factor by which each of the pool's patches is drawn more often."""
    if unknown := kinds.keys() - set(pool.kind_names):
        raise ValueError(f"unknown kinds of words: {', '.join(sorted(unknown))}")
    if any(times < 0 for times in kinds.values()):
        raise ValueError("kinds of words are drawn 0 times as often or more")
    by_kind = np.array([kinds.get(name, 1.0) for name in pool.kind_names] + [1.0])
    return np.asarray(by_kind[pool.kinds])  # index -1, of plates and rules, is the last entry


def _advance(pool: PatchPool, patches: NDArray[np.int64]) -> float:
    return float(widths(pool, patches).sum() / sum(len(pool.texts[patch]) for patch in patches.tolist()))


class Canvas:
    """Collects the stamps of a layout, and tracks which parts of the picture are occupied."""

    def __init__(self, size: int, pool: PatchPool) -> None:
        self.size = size
        self._pool = pool
        side = -(-size // _CELL)
        self._taken = np.zeros((side, side), np.uint8)
        self._stamps: list[tuple[NDArray[np.int64], Matrix, Colour, float, int, NDArray[np.bool_]]] = []

    def fits(self, quad: NDArray[np.float32], cut: bool) -> bool:
        """Whether a quad [4, 2] covers only free parts, which are then marked as occupied.

        cut: whether it may extend beyond the picture.
        """
        low, high = quad.min(0), quad.max(0)
        if not cut and (low.min() < 2 or high.max() > self.size - 2):
            return False
        left, top = np.maximum(low // _CELL, 0).astype(int).tolist()
        right, bottom = (high // _CELL + 1).astype(int).tolist()
        window = self._taken[top:bottom, left:right]
        if not window.size:
            return False
        shape = np.zeros_like(window)
        cv2.fillConvexPoly(shape, np.round(quad / _CELL - [left, top]).astype(np.int32), 1)
        if (window & shape).any():
            return False
        window |= shape
        return True

    def stamp(
        self,
        patches: NDArray[np.int64],
        homographies: Matrix,
        colour: Colour,
        alpha: float,
        layer: int,
        words: NDArray[np.bool_] | None = None,
    ) -> None:
        """Adds stamps of one colour, [N] patches by [N, 3, 3] homographies."""
        labelled = np.zeros(len(patches), bool) if words is None else words
        self._stamps.append((patches, homographies, colour, alpha, layer, labelled))

    def plate(
        self, rng: np.random.Generator, bounds: tuple[float, float, float, float], on: Matrix, colour: Colour
    ) -> None:
        """A plate over `bounds` of the plane `on`."""
        shape = self._pool.plates[: len(self._pool.plates) - 1]
        patch = int(shape[min(int(rng.exponential(0.8)), len(shape) - 1)])
        self._stretched(patch, bounds, on, colour, float(rng.uniform(0.85, 1.0)), PLATE)
        if rng.random() < 0.25:
            frame = int(self._pool.plates[-1])
            self._stretched(frame, bounds, on, contrasting(rng, colour, 50), 1.0, FRAME)

    def box(
        self,
        bounds: tuple[float, float, float, float],
        on: Matrix,
        colour: Colour,
        alpha: float = 1.0,
        layer: int = PLATE,
    ) -> None:
        """A filled rectangle in the plane `on`; where it is thin, a line."""
        self._stretched(int(self._pool.plates[0]), bounds, on, colour, alpha, layer)

    def _stretched(
        self,
        patch: int,
        bounds: tuple[float, float, float, float],
        on: Matrix,
        colour: Colour,
        alpha: float,
        layer: int,
    ) -> None:
        left, top, right, bottom = self._pool.quads[patch].tolist()
        x, y = (bounds[2] - bounds[0]) / (right - left), (bounds[3] - bounds[1]) / (bottom - top)
        frame = np.array([[x, 0, bounds[0] - x * left], [0, y, bounds[1] - y * top], [0, 0, 1]])
        self.stamp(np.array([patch]), (on @ frame)[None], colour, alpha, layer)

    def text(
        self, rng: np.random.Generator, block: Block, on: Matrix, colour: Colour, alpha: float, capital: float
    ) -> None:
        """A block in one colour, sometimes with a shadow."""
        if rng.random() < 0.12 and capital > 8:
            offset = np.eye(3)
            offset[:2, 2] = rng.uniform(0.04, 0.12, 2) * capital * rng.choice([-1.0, 1.0])
            shade = np.full(3, 0.0 if colour.mean() > 90 else 235.0)
            self.stamp(block.patches, on @ offset @ block.frames, shade, float(rng.uniform(0.3, 0.9)), SHADOW)
        self.stamp(block.patches, on @ block.frames, colour, alpha, TEXT, block.words)

    def outline(self, block: Block, on: Matrix, colour: Colour, width: float) -> None:
        """A block's letters again, thicker by `width` pixels on every side, as an outline behind it."""
        for step in range(_OUTLINE_STEPS):
            offset = np.eye(3)
            angle = 2 * np.pi * step / _OUTLINE_STEPS
            offset[:2, 2] = width * np.cos(angle), width * np.sin(angle)
            self.stamp(block.patches, on @ offset @ block.frames, colour, 1.0, SHADOW)

    def finish(self, background: Background, degradation: Degradation) -> Layout:
        """The layout, stamps sorted by layer."""
        stamps = sorted(self._stamps, key=lambda stamp: stamp[4])
        counts = [len(stamp[0]) for stamp in stamps]
        if not stamps:
            stamps, counts = (
                [(np.zeros(0, np.int64), np.zeros((0, 3, 3)), np.zeros(3), 1.0, TEXT, np.zeros(0, bool))],
                [0],
            )
        patches = np.concatenate([stamp[0] for stamp in stamps])
        homographies = np.concatenate([stamp[1] for stamp in stamps]).astype(np.float32)
        return Layout(
            self.size,
            background,
            patches,
            best_level(homographies, self._pool.quads[patches]),
            homographies,
            np.repeat(np.array([stamp[2] for stamp in stamps], np.float32), counts, 0),
            np.repeat(np.array([stamp[3] for stamp in stamps], np.float32), counts),
            np.repeat(np.array([stamp[4] for stamp in stamps], np.int64), counts),
            np.concatenate([stamp[5] for stamp in stamps]),
            degradation,
        )
