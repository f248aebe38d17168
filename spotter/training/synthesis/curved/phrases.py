"""Draws several words for a path, in one style of the pool."""

import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.arrange import Styles
from spotter.training.synthesis.curved.lettering import Lettering
from spotter.training.synthesis.curved.paths import Path
from spotter.training.synthesis.pool import PatchPool

_ATTEMPTS = 12
_LEAST_GAP = 0.3  # of the capital's height, between two words
_LEAST_GAP_SHORT = 0.55  # beside a single character: digits that are closer are read as one number


class Writer:
    """Draws words from a pool, in styles whose words are not curved already and that have letters: emblems are not
    written in the digits of seven-segment displays."""

    def __init__(self, pool: PatchPool, styles: Styles) -> None:
        self.pool = pool
        self.styles = styles
        usable = np.array([style for style, patches in styles.words.items() if _suits(pool, patches)], np.int64)
        if not len(usable):
            raise ValueError("the pool holds no words with letters that stand straight")
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
        """Up to `most` words, centred on the path, until one does not fit.

        capital: its height in pixels. longest: the greatest width of one word in pixels. spread: factor of the usual
        space between words.
        """
        scale = capital / self.styles.capital[style]
        room = path.end - path.start
        gap = spread * self.styles.space(style, rng.uniform(0.4, 1.1)) * scale * stretch
        placed: list[tuple[int, float]] = []  # patches, and where they begin
        end = 0.0
        for patch in self._draw(rng, style, most):
            left, _, right, _ = self.pool.quads[patch].tolist()
            width = (right - left) * scale * stretch
            begin = end + max(gap, self._least_gap(placed[-1][0], patch) * capital) if placed else 0.0
            if width <= longest and begin + width <= room:
                placed.append((patch, begin))
                end = begin + width
            elif placed:
                break
            if len(placed) == most:
                break
        start = (path.start + path.end - end) / 2
        return [
            Lettering(self.pool, patch, path, start + begin, scale, stretch, drop, rigid) for patch, begin in placed
        ]

    def _least_gap(self, left: int, right: int) -> float:
        """The least gap between two words, in heights of a capital."""
        single = min(len(self.pool.texts[left]), len(self.pool.texts[right])) == 1
        return _LEAST_GAP_SHORT if single else _LEAST_GAP

    def _draw(self, rng: np.random.Generator, style: int, most: int) -> list[int]:
        drawn: NDArray[np.int64] = self.styles.draw(rng, style, most + _ATTEMPTS)
        return [int(patch) for patch in drawn]


def _suits(pool: PatchPool, patches: NDArray[np.int64]) -> bool:
    """Whether the words of a style stand straight and some have letters."""
    lettered = any(character.isalpha() for patch in patches.tolist() for character in pool.texts[patch])
    return lettered and not bool(pool.arcs[int(patches[0])])
