"""A pool of pre-rendered words: alpha patches in one memory-mapped file, with their metadata."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.fonts import FontSet, find_fonts
from spotter.training.synthesis.held_out import Part, belongs, family_of
from spotter.training.synthesis.render import SPACED, Patch, Style, draw_style, render
from spotter.training.synthesis.supply import WordSupply
from spotter.training.synthesis.words import KINDS, WordGenerator, rule

LEVELS = 3
"""Each patch is stored at full, half and quarter size, so that warping never shrinks it much."""

FORMAT = 2
_GROUP = 32  # words drawn in one style
_LONGEST = 2600  # pixels; longer words are drawn in a smaller style
_LONGEST_LARGE = 1700  # the same for styles of large letters, which take more memory
_LARGE = 80  # pixels per em
_LONGEST_ARC = 20  # characters; a longer word would rise too high
_PIXELS, _INDEX, _META = "pixels.npy", "index.npz", "pool.json"


class PoolError(ValueError):
    """A folder holds no pool, or one of another format."""


@dataclass(frozen=True, eq=False)
class PatchPool:
    """Alpha patches of words, plates and rules.

    pixels: uint8 [total], all levels of all patches end to end; memory-mapped when loaded.
    offsets: int64 [N, 3], where each level starts. shapes: int32 [N, 3, 2], (height, width) of each level.
    quads: float32 [N, 4], (left, top, right, bottom) of the text in pixels of level 0.
    baselines: float32 [N]. capitals: float32 [N], height of a capital. Both in pixels of level 0.
    styles: int32 [N], words of one style have the same font, size, spacing and stroke; -1 for plates.
    fonts, mono, page, arcs: int32, bool, bool, bool [N]; `page`: words for pages; `arcs`: words on an arc.
    texts: N transcripts, "" for plates and rules. kinds: int16 [N], the words' kinds, indices into `kind_names`; -1 for
    plates and rules.
    boundaries: N arrays float32 [len + 1], x where characters start, and the end, in pixels of level 0.
    """

    pixels: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    shapes: NDArray[np.int32]
    quads: NDArray[np.float32]
    baselines: NDArray[np.float32]
    capitals: NDArray[np.float32]
    styles: NDArray[np.int32]
    fonts: NDArray[np.int32]
    mono: NDArray[np.bool_]
    page: NDArray[np.bool_]
    arcs: NDArray[np.bool_]
    kinds: NDArray[np.int16]
    texts: tuple[str, ...]
    boundaries: tuple[NDArray[np.float32], ...]
    kind_names: tuple[str, ...] = KINDS
    font_names: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.texts)

    def patch(self, index: int, level: int = 0) -> NDArray[np.uint8]:
        """uint8 [h, w]: one level of one patch, not copied."""
        start = int(self.offsets[index, level])
        height, width = self.shapes[index, level].tolist()
        return self.pixels[start : start + height * width].reshape(height, width)

    @cached_property
    def plates(self) -> NDArray[np.int64]:
        """The patches that are filled shapes instead of text."""
        return np.nonzero(self.styles < 0)[0]

    @cached_property
    def rules(self) -> dict[int, NDArray[np.int64]]:
        """The patches of drawn rules, such as runs of dashes, by style."""
        blank = np.array([not text for text in self.texts])
        return _grouped(self.styles, blank & (self.styles >= 0))

    @cached_property
    def groups(self) -> dict[int, NDArray[np.int64]]:
        """Words by style."""
        return _grouped(self.styles, np.array([bool(text) for text in self.texts]))

    def part(self, part: Part) -> "PatchPool":
        """The pool with only the words in fonts of a part, see `held_out`, and all plates; the pixels are not copied.

        Raises ValueError when no word is left.
        """
        if part == "all":
            return self
        named = np.array([belongs(family_of(name), part) for name in self.font_names], np.bool_)
        rows = np.flatnonzero((self.fonts < 0) | named[self.fonts.clip(0)])
        texts = tuple(self.texts[row] for row in rows)
        if not any(texts):
            raise ValueError(f"no word of the pool is written in a font of the part {part!r}")
        changed: dict[str, Any] = {
            name: value[rows]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray) and name != "pixels"
        }
        return replace(self, **changed, texts=texts, boundaries=tuple(self.boundaries[row] for row in rows))

    @classmethod
    def build(
        cls,
        count: int,
        seed: int = 0,
        fonts: FontSet | None = None,
        words: WordGenerator | None = None,
        progress: bool = False,
    ) -> "PatchPool":
        """Renders `count` words, in groups of one style, and a few rules and plates; the same seed gives the same pool.

        fonts: those installed on the machine when None. A word waits until a face with all its characters is drawn.
        Raises ValueError when `count` is less than 1, or no face has the characters that the generator draws.
        """
        if count < 1:
            raise ValueError(f"count must be at least 1, not {count}")
        from tqdm import tqdm

        fonts = find_fonts() if fonts is None else fonts
        supply = WordSupply(WordGenerator() if words is None else words)
        rng = np.random.default_rng(seed)
        builder = _Builder()
        for plate in _plates():
            builder.add(plate, _NO_STYLE, -1, 0.0, mono=False, page=False)
        bar = tqdm(total=count, unit="word", disable=not progress)
        left, number, barren = count, 0, 0
        while left:
            drawn = builder.add_group(rng, fonts, supply, number, min(_GROUP, left))
            left, number, barren = left - drawn, number + 1, 0 if drawn else barren + 1
            if barren == _BARREN:
                raise ValueError("no font writes the words that are to be drawn")
            bar.update(drawn)
        bar.close()
        return builder.finish(tuple(face.name for face in fonts.faces))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the pool's three files into `folder`, which is created."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        np.save(target / _PIXELS, self.pixels)
        np.savez_compressed(
            target / _INDEX,
            offsets=self.offsets,
            shapes=self.shapes,
            quads=self.quads,
            baselines=self.baselines,
            capitals=self.capitals,
            styles=self.styles,
            fonts=self.fonts,
            mono=self.mono,
            page=self.page,
            arcs=self.arcs,
            kinds=self.kinds,
            boundaries=np.concatenate(self.boundaries),
        )
        meta = {"format": FORMAT, "texts": self.texts, "kind_names": self.kind_names, "font_names": self.font_names}
        (target / _META).write_text(json.dumps(meta, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> "PatchPool":
        """Opens a saved pool; the pixels stay on disk until they are used. Raises PoolError where there is none, or one
        of another format."""
        source = Path(folder)
        try:
            meta = json.loads((source / _META).read_text(encoding="utf-8"))
            if meta["format"] != FORMAT:
                raise PoolError(f"{source}: pool of format {meta['format']}, this program reads {FORMAT}")
            pixels = np.load(source / _PIXELS, mmap_mode="r")
            with np.load(source / _INDEX) as index:
                arrays = dict(index)
        except (OSError, KeyError, json.JSONDecodeError) as error:
            raise PoolError(f"{source}: no pool of rendered words ({error})") from error
        texts = tuple(meta["texts"])
        ends = np.cumsum([len(text) + 1 for text in texts])[:-1]
        boundaries = tuple(np.split(arrays.pop("boundaries"), ends))
        # A plain view: slices of np.memmap cost several microseconds each.
        return cls(
            np.asarray(pixels),
            texts=texts,
            boundaries=boundaries,
            kind_names=tuple(meta["kind_names"]),
            font_names=tuple(meta["font_names"]),
            **arrays,
        )


_NO_STYLE = Style(-1, 1)
_BARREN = 100  # consecutive groups without a word after which building fails
_TALL = "HEANB0123456789"  # characters as high as a capital


def _grouped(keys: NDArray[np.int32], chosen: NDArray[np.bool_]) -> dict[int, NDArray[np.int64]]:
    index = np.nonzero(chosen)[0]
    index = index[np.argsort(keys[index], kind="stable")]
    values, starts = np.unique(keys[index], return_index=True)
    return dict(zip(values.tolist(), np.split(index, starts[1:]) if len(index) else [], strict=True))


def _plates() -> list[Patch]:
    """Filled rectangles with sharper and rounder corners, an ellipse and a frame; `quad` is the shape's own box."""
    patches = []
    for shape in ("sharp", "round", "pill", "ellipse", "frame"):
        alpha = np.zeros((96, 192), np.uint8)
        left, top, right, bottom = 4, 4, 188, 92
        if shape == "ellipse":
            cv2.ellipse(alpha, (96, 48), (92, 44), 0, 0, 360, 255, -1, cv2.LINE_AA)
        elif shape in ("sharp", "frame"):
            alpha[top:bottom, left:right] = 255
            if shape == "frame":
                alpha[top + 5 : bottom - 5, left + 5 : right - 5] = 0
        else:
            radius = 14 if shape == "round" else 44
            alpha[top + radius : bottom - radius, left:right] = 255
            alpha[top:bottom, left + radius : right - radius] = 255
            for x in (left + radius, right - radius - 1):
                for y in (top + radius, bottom - radius - 1):
                    cv2.circle(alpha, (x, y), radius, 255, -1, cv2.LINE_AA)
        patches.append(Patch(alpha, "", (left, top, right, bottom), np.zeros(1, np.float32), float(bottom)))
    return patches


class _Builder:
    """Collects the patches of a new pool."""

    def __init__(self) -> None:
        self._pixels: list[NDArray[np.uint8]] = []
        self._total = 0
        self._patches: list[tuple[str, tuple[float, float, float, float], float, NDArray[np.float32]]] = []
        self._numbers: list[tuple[int, int, float, bool, bool, bool, int]] = []
        self._offsets: list[list[int]] = []
        self._shapes: list[list[tuple[int, int]]] = []

    def add(
        self, patch: Patch, style: Style, number: int, capital: float, mono: bool, page: bool, kind: int = -1
    ) -> None:
        offsets, shapes = [], []
        alpha = patch.alpha
        for level in range(LEVELS):
            if level:
                alpha = np.asarray(cv2.resize(alpha, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
            offsets.append(self._total)
            shapes.append((alpha.shape[0], alpha.shape[1]))
            self._pixels.append(alpha.ravel())
            self._total += alpha.size
        self._offsets.append(offsets)
        self._shapes.append(shapes)
        self._patches.append((patch.text, patch.quad, patch.baseline, patch.boundaries))
        self._numbers.append((number, style.font, capital, mono, page, bool(style.arc), kind))

    def add_group(self, rng: np.random.Generator, fonts: FontSet, supply: WordSupply, number: int, wanted: int) -> int:
        """Adds up to `wanted` words of one new style, and a rule or two; returns the number of words added."""
        index = fonts.draw(rng)
        face = fonts.faces[index]
        style = draw_style(rng, index, face.display)
        # Receipts have fixed-width and plain faces; a scene may have any face.
        page = bool(rng.random() < (0.75 if face.mono else 0.25)) and not style.arc and face.writes == "text"
        font = face.open(style.size)
        tall = next((character for character in _TALL if character in face.characters), "0")
        capital = float(-font.getbbox(tall, anchor="ls")[1])
        longest = _LONGEST_LARGE if style.size > _LARGE else _LONGEST

        def fits(text: str) -> bool:
            wide = font.getlength(text) + len(text) * style.tracking * style.size + 2 * style.size
            return wide <= longest and not (style.arc and len(text) > _LONGEST_ARC)

        drawn = 0
        for word in supply.take(rng, face, page, wanted, spaced=style.tracking > SPACED, fits=fits):
            patch = render(word.text, font, style)
            if patch is not None:
                self.add(patch, style, number, capital, face.mono, page, KINDS.index(word.kind))
                drawn += 1
        if page and face.characters.issuperset("-=*_.~#"):
            for _ in range(2):
                line = render(rule(rng), font, style)
                if line is not None and line.alpha.shape[1] <= longest:
                    blank = Patch(line.alpha, "", line.quad, np.zeros(1, np.float32), line.baseline)
                    self.add(blank, style, number, capital, face.mono, page)
        return drawn

    def finish(self, font_names: Sequence[str]) -> PatchPool:
        texts, quads, baselines, boundaries = zip(*self._patches, strict=True)
        styles, fonts, capitals, mono, page, arcs, kinds = zip(*self._numbers, strict=True)
        return PatchPool(
            np.concatenate(self._pixels),
            np.array(self._offsets, np.int64),
            np.array(self._shapes, np.int32),
            np.array(quads, np.float32),
            np.array(baselines, np.float32),
            np.array(capitals, np.float32),
            np.array(styles, np.int32),
            np.array(fonts, np.int32),
            np.array(mono, np.bool_),
            np.array(page, np.bool_),
            np.array(arcs, np.bool_),
            np.array(kinds, np.int16),
            tuple(texts),
            tuple(boundaries),
            font_names=tuple(font_names),
        )
