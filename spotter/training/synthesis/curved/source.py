"""The training source of pictures with curved words."""

from collections.abc import Mapping
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from spotter.training.data.real import visible
from spotter.training.polygons import heights
from spotter.training.sample import Sample
from spotter.training.synthesis.arrange import Canvas, Styles, plane
from spotter.training.synthesis.background import draw_background, render_background
from spotter.training.synthesis.backgrounds import Backgrounds
from spotter.training.synthesis.curved.drawing import Colour, Drawing
from spotter.training.synthesis.curved.emblems import KINDS, Task
from spotter.training.synthesis.curved.lettering import POINTS
from spotter.training.synthesis.curved.phrases import Writer
from spotter.training.synthesis.degrade import draw_degradation, ease
from spotter.training.synthesis.layout import SMALLEST, Background, corners, transform
from spotter.training.synthesis.pool import PatchPool

_ATTEMPTS = 8
_PAPER = 0.25  # share of the pictures on paper or a plain wall
_EMBLEMS = (3, 9)
_FAINTEST = 14.0  # of 255: words with less contrast are ignored, and those with
_LEAST_OF_NOISE = 1.3  # times the noise or less: they cannot be read
USUAL_KINDS: Mapping[str, float] = dict.fromkeys(
    ("mrz", "guid", "digest", "key", "iban", "isbn", "path", "network", "source", "timestamp", "maths", "jumble"), 0.2
) | {"word": 1.5, "number": 1.5, "plate": 0.5, "serial": 0.5, "grouped": 0.5, "symbol": 0.3, "sign": 0.3, "single": 0.5}
"""Factors by which words of these kinds are drawn more or less often on emblems than they occur in the pool."""


class CurvedSource:
    """Three to eight emblems of curved words, as far as there is room, on a picture or on paper.

    kinds: as in `LayoutSource`, instead of USUAL_KINDS. looks: shares of the kinds of emblems, instead of those in
    `emblems.KINDS`, e.g. {"coin": 0.5}.
    heights: range of the capital's height of their main words, in pixels. turned: share of the emblems that are turned
    by any angle. Polygons have eight points on each edge. Raises ValueError on an unknown kind or look.
    """

    def __init__(
        self,
        pool: PatchPool,
        backgrounds: Backgrounds,
        kinds: Mapping[str, float] | None = None,
        turned: float = 0.08,
        looks: Mapping[str, float] | None = None,
        heights: tuple[float, float] = (9.0, 44.0),
    ) -> None:
        if unknown := (looks or {}).keys() - KINDS.keys():
            raise ValueError(f"unknown looks: {', '.join(sorted(unknown))}; known are {', '.join(KINDS)}")
        shares = {name: kind.share for name, kind in KINDS.items()} | dict(looks or {})
        if min(shares.values()) < 0 or not sum(shares.values()):
            raise ValueError("looks are shares of at least 0, not all 0")
        if not 0 <= turned <= 1:
            raise ValueError(f"turned is a share from 0 to 1, not {turned}")
        if not 0 < heights[0] <= heights[1]:
            raise ValueError("heights are a range in pixels, the lower one first")
        self._writer = Writer(pool, Styles(pool, _known(pool) | dict(kinds or {})))
        self._backgrounds = backgrounds
        self._names = tuple(shares)
        self._odds = np.array(list(shares.values())) / sum(shares.values())
        self._turned = turned
        self._heights = heights
        self.difficulty = 1.0

    def at(self, difficulty: float) -> Self:
        """The same source, with degradation scaled by `difficulty` (0 to 1)."""
        easier = copy(self)
        easier.difficulty = difficulty
        return easier

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """The next picture, of size x size pixels."""
        pictures = self._backgrounds.pictures
        background = _paper(rng) if rng.random() < _PAPER else draw_background(rng, pictures, size)
        drawing = Drawing(render_background(background, size, pictures), rng)
        canvas = Canvas(size, self._writer.pool)
        for _ in range(int(rng.integers(*_EMBLEMS))):
            self._emblem(rng, drawing, canvas)
        polygons = np.array(drawing.polygons, np.float32).reshape(-1, 2 * POINTS, 2)
        keep, ignore = visible(polygons, size)
        degradation = ease(draw_degradation(rng), self.difficulty)
        picture, contrasts = drawing.degraded(degradation)
        faint = contrasts < max(_FAINTEST, _LEAST_OF_NOISE * degradation.noise)
        ignore = (ignore | faint | (heights(polygons) < SMALLEST))[keep]
        texts = [text for text, kept in zip(drawing.texts, keep, strict=True) if kept]
        characters = [quads for quads, kept in zip(drawing.characters, keep, strict=True) if kept]
        return Sample(
            picture,
            polygons[keep],
            ["" if hidden else text for text, hidden in zip(texts, ignore, strict=True)],
            ignore,
            characters=characters,
        )

    def _emblem(self, rng: np.random.Generator, drawing: Drawing, canvas: Canvas) -> None:
        """Draws one emblem at a free position; gives up after a few attempts."""
        kind = KINDS[self._names[int(rng.choice(len(self._names), p=self._odds))]]
        for _ in range(_ATTEMPTS):
            capital = float(np.exp(rng.uniform(*np.log(self._heights))))
            reach = min(capital * float(np.exp(rng.uniform(*np.log(kind.room)))), 0.48 * drawing.size)
            if reach < kind.room[0] * capital:
                continue
            centre = tuple(rng.uniform(0.9 * reach, drawing.size - 0.9 * reach, 2).tolist())
            turned = rng.uniform(-np.pi, np.pi) if rng.random() < self._turned else rng.normal(0, 0.12)
            tilt = 0.25 if rng.random() < 0.25 else 0.08
            on = plane(rng, (centre[0], centre[1]), float(turned), reach, tilt)
            high = kind.tall * reach
            quad = transform(on[None], corners(np.array([[-reach, -high, reach, high]])))[0]
            if not canvas.fits(quad, cut=True):
                continue
            below, varied = _below(drawing, quad)
            kind.draw(Task(drawing, self._writer, on, capital, reach, below, varied, self._backgrounds.pictures))
            return


def _below(drawing: Drawing, quad: NDArray[np.float32]) -> tuple[Colour, float]:
    """Mean colour under a quad, and the standard deviation of its lightness."""
    low = quad.min(0).clip(0, drawing.size - 2).astype(int)
    high = np.maximum(quad.max(0).clip(0, drawing.size).astype(int), low + 1)
    step = max(int((high - low).max()) // 24, 1)
    seen = drawing.picture[low[1] : high[1] : step, low[0] : high[0] : step].reshape(-1, 3).astype(np.float64)
    return seen.mean(0), float(seen.mean(1).std())


def _paper(rng: np.random.Generator) -> Background:
    light = rng.uniform(190, 255) if rng.random() < 0.7 else rng.uniform(20, 190)
    paper = np.clip(light + rng.normal(0, 12, 3), 0, 255).tolist()
    shading = rng.normal(0, 8, (3, 3)).astype(np.float32)
    return Background(paper=(paper[0], paper[1], paper[2]), shading=shading)


def _known(pool: PatchPool) -> dict[str, float]:
    """USUAL_KINDS without the kinds that the pool lacks."""
    return {name: times for name, times in USUAL_KINDS.items() if name in pool.kind_names}
