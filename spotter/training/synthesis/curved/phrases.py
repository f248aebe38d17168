"""Draws several words for a path, in one style of the pool."""

import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.arrange import Styles
from spotter.training.synthesis.curved.lettering import Lettering
from spotter.training.synthesis.curved.paths import Path
from spotter.training.synthesis.pool import PatchPool

_ATTEMPTS = 12


class Writer:
    """Draws words from a pool, in styles whose words are not curved already."""

    def __init__(self, pool: PatchPool, styles: Styles) -> None:
        self.pool = pool
        self.styles = styles
        straight = ~pool.arcs[np.array([int(patches[0]) for patches in styles.words.values()])]
        usable = np.array(list(styles.words), np.int64)[straight]
        if not len(usable):
            raise ValueError("the pool holds no words that stand straight")
        scenes, large = set(styles.scene.tolist()), set(styles.large.tolist())
        self._usable = np.array([style for style in usable.tolist() if style in scenes], np.int64)
        if not len(self._usable):
            self._usable = usable
        self._large = np.array([style for style in self._usable.tolist() if style in large], np.int64)

    def style(self, rng: np.random.Generator, capital: float) -> int:
        """A style whose letters are sharp at `capital` pixels."""
        chosen = self._large if capital > 50 and len(self._large) else self._usable
        return int(rng.choice(chosen))

    def phrase(
        self,
        rng: np.random.Generator,
        style: int,
        capital: float,
        path: Path,
        most: int,
        longest: float,
        stretch: float = 1.0,
        drop: float = 0.0,
        rigid: bool = False,
        spread: float = 1.0,
    ) -> list[Lettering]:
        """Up to `most` words, centred on the path, as many as fit.

        capital: its height in pixels. longest: the greatest width of one word in pixels. spread: factor of the usual
        space between words.
        """
        scale = capital / self.styles.capital[style]
        room = path.end - path.start
        gap = spread * max(0.2 * capital, self.styles.space(style, rng.uniform(0.4, 1.1)) * scale * stretch)
        chosen: list[int] = []
        widths: list[float] = []
        for patch in self._draw(rng, style, most):
            left, _, right, _ = self.pool.quads[patch].tolist()
            width = (right - left) * scale * stretch
            if width <= min(longest, room) and sum(widths) + width + gap * len(widths) <= room:
                chosen.append(patch)
                widths.append(width)
            if len(chosen) == most:
                break
        start = (path.start + path.end - sum(widths) - gap * max(len(widths) - 1, 0)) / 2
        words = []
        for patch, width in zip(chosen, widths, strict=True):
            words.append(Lettering(self.pool, patch, path, start, scale, stretch, drop, rigid))
            start += width + gap
        return words

    def _draw(self, rng: np.random.Generator, style: int, most: int) -> list[int]:
        drawn: NDArray[np.int64] = self.styles.draw(rng, style, most + _ATTEMPTS)
        return [int(patch) for patch in drawn]
