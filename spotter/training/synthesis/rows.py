"""Places rows of words in the plane of a page."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.arrange import Block, Styles, place, widths
from spotter.training.synthesis.pool import PatchPool


@dataclass
class Rows:
    """The words placed so far, in the page's plane."""

    patches: list[NDArray[np.int64]] = field(default_factory=list)
    left: list[NDArray[np.float64]] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)
    words: list[bool] = field(default_factory=list)

    def put(
        self, patches: NDArray[np.int64], left: NDArray[np.float64], baseline: float, scale: float, words: bool
    ) -> None:
        """Adds patches with their left edges, [N] each, on one baseline. words: whether they get labels."""
        self.patches.append(patches)
        self.left.append(left)
        self.baseline.append(baseline)
        self.scale.append(scale)
        self.words.append(words)

    def block(self, pool: PatchPool, stretch: float) -> Block:
        """All words as a block, with widths multiplied by `stretch`."""
        counts = [len(patches) for patches in self.patches]
        patches = np.concatenate(self.patches)
        baseline, scale = np.repeat(self.baseline, counts), np.repeat(self.scale, counts)
        frames = place(pool, patches, np.concatenate(self.left), baseline, scale, stretch)
        return Block(patches, frames, np.repeat(self.words, counts), pool)


def row(
    rng: np.random.Generator, pool: PatchPool, styles: Styles, style: int, scale: float, gap: float, room: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """As many words from x = 0 on as fit into `room`: (patches, left edges, width)."""
    patches = styles.draw(rng, style, int(rng.integers(1, 10)))
    ends = np.cumsum(widths(pool, patches) * scale + gap)
    count = max(int(np.searchsorted(ends - gap, room, side="right")), 1)
    left = np.concatenate([[0.0], ends[: count - 1]])
    return patches[:count], left, float(ends[count - 1] - gap)


def fitting(
    rng: np.random.Generator,
    pool: PatchPool,
    styles: Styles,
    style: int,
    capital: float,
    stretch: float,
    room: float,
    of: str = "words",
) -> tuple[NDArray[np.int64], NDArray[np.float64], float] | None:
    """The words that fit into `room` pixels: (patches, left edges, width); None where no word fits.

    capital: height of a capital, pixels. of: "words", as many as fit, or one of the "numbers" or "short" words of the
    style.
    """
    across = capital / styles.capital[style] * stretch
    if of == "words":
        gap = max(0.25 * capital, styles.space(style, rng.uniform(0.4, 1.0)) * across)
        found = row(rng, pool, styles, style, across, gap, room)
    else:
        among = {"numbers": styles.numbers, "short": styles.short}[of][style]
        if not len(among):
            return None
        patches = rng.choice(among, 1)
        found = patches, np.zeros(1), float(widths(pool, patches)[0]) * across
    return found if found[2] <= room else None
