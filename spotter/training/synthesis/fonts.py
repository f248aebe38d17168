"""Finds the machine's fonts that can write every printable ASCII character."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from spotter.training.synthesis.words import PRINTABLE

_SUFFIXES = (".ttf", ".otf", ".ttc", ".woff", ".woff2")
_PROBE = 24  # pixels per em at which glyphs are compared
_MISSING = "\U0010fffe"  # a non-character: every font shows it as .notdef
_SYMBOLS = re.compile(
    r"symbol|math|dingbat|emoji|icon|d050000l|initials|barcode|awesome|music|braille|chess|opens___|smallcaps|(?<=[-_])sc\b",
    re.IGNORECASE,
)
_DISPLAY = re.compile(
    r"lobster|comfortaa|script|ocr|z003|chancery|hand|comic|pacifico|dancing|brush|stencil|black.?letter|fraktur"
    r"|marker|display|decorat|outline|shadow|pixel|bitmap|typewriter|bangers|press.?start|caveat|satisfy"
    r"|abril|black.?ops|chewy|courgette|fredoka|lilita|monoton|playball|poiret|righteous|\brye\b|special.?elite"
    r"|titan.?one|yellowtail",
    re.IGNORECASE,
)
_SLANTED = re.compile(r"italic|oblique", re.IGNORECASE)
_THIN = re.compile(r"thin|hairline|light", re.IGNORECASE)

AnyFont = ImageFont.FreeTypeFont


@dataclass(frozen=True)
class FontFace:
    """One face of a font file; `path` None is the face that Pillow brings."""

    path: str | None
    family: str
    style: str
    mono: bool
    display: bool

    @property
    def name(self) -> str:
        """Family and style."""
        return f"{self.family} {self.style}".strip()

    def open(self, size: int) -> AnyFont:
        """The face at `size` pixels per em."""
        if self.path is not None:
            return ImageFont.truetype(self.path, size, layout_engine=ImageFont.Layout.BASIC)
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise RuntimeError("this Pillow was built without FreeType: no text can be drawn")
        return font


@dataclass(frozen=True)
class FontSet:
    """Faces with their odds: families by the root of their number of faces, display faces a tenth altogether,
    slanted and thin faces less than upright ones."""

    faces: tuple[FontFace, ...]
    odds: NDArray[np.float64] = field(repr=False)

    def draw(self, rng: np.random.Generator) -> int:
        """The index of a face."""
        return int(rng.choice(len(self.faces), p=self.odds))


def usual_folders() -> list[Path]:
    """Where fonts lie on Linux, macOS and Windows."""
    home = Path.home()
    return [
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        home / ".local/share/fonts",
        home / ".fonts",
        Path("/Library/Fonts"),
        Path("/System/Library/Fonts"),
        Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts",
    ]


def inspect(path: str | os.PathLike[str] | None) -> FontFace | None:
    """The face of a file, or None when it cannot write all 94 characters or writes capitals for small letters."""
    face = FontFace(None if path is None else os.fspath(path), "", "", mono=False, display=False)
    try:
        font = face.open(_PROBE)
        if not _complete(font) or _capitals_only(font):
            return None
        widths = [font.getlength(character) for character in "iMW."]
    except (OSError, ValueError):
        return None
    family, style = (name or "" for name in font.getname())
    known = f"{family} {style} {Path(face.path).name if face.path else ''}"
    if _SYMBOLS.search(known):
        return None
    mono = max(widths) - min(widths) < 0.01 * _PROBE
    return FontFace(face.path, family, style, mono, bool(_DISPLAY.search(known)))


def find_fonts(folders: Sequence[str | os.PathLike[str]] = (), usual: bool = True) -> FontSet:
    """Every usable face below `folders` and, unless `usual` is false, the usual ones.

    Pillow's own when there is none; RuntimeError when there is not even that.
    """
    roots = [Path(folder) for folder in folders] + (usual_folders() if usual else [])
    files = sorted({file for root in roots for file in root.rglob("*") if file.suffix.lower() in _SUFFIXES})
    faces: dict[tuple[str, str], FontFace] = {}
    for file in files:
        face = inspect(file)
        if face is not None:  # the same face often lies there as .otf and as .ttf
            faces.setdefault((face.family, face.style), face)
    if not faces:
        fallback = inspect(None)
        if fallback is None:
            raise RuntimeError("no usable font: install some, or a Pillow that brings its own")
        faces[fallback.family, fallback.style] = fallback
    return weighted(faces.values())


def weighted(faces: Iterable[FontFace]) -> FontSet:
    """Faces with their odds."""
    several = tuple(faces)
    families = [face.family for face in several]
    odds = np.array([families.count(family) ** -0.5 for family in families])
    odds *= [0.4 if _SLANTED.search(face.style) else 1.0 for face in several]
    odds *= [0.3 if _THIN.search(face.style) else 1.0 for face in several]
    display = np.array([face.display for face in several])
    if display.any() and not display.all():
        odds[display] *= 0.1 / odds[display].sum()
        odds[~display] *= 0.9 / odds[~display].sum()
    return FontSet(several, odds / odds.sum())


def _glyph(font: AnyFont, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


def _complete(font: AnyFont) -> bool:
    missing = _glyph(font, _MISSING)
    for character in PRINTABLE:
        glyph = _glyph(font, character)
        if glyph == missing or not any(glyph[1]):
            return False
    return True


def _capitals_only(font: AnyFont) -> bool:
    """Whether small letters are small capitals: the glyphs agree once brought to one size."""

    def shape(character: str) -> NDArray[np.float64]:
        size, ink = _glyph(font, character)
        glyph = np.frombuffer(ink, np.uint8).reshape(size[1], size[0]) > 100
        rows, columns = np.nonzero(glyph)
        glyph = glyph[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        y = (np.arange(12) + 0.5) / 12 * glyph.shape[0]
        x = (np.arange(12) + 0.5) / 12 * glyph.shape[1]
        return np.asarray(glyph[y.astype(int)][:, x.astype(int)], np.float64)

    return float(np.mean([np.abs(shape(small) - shape(small.upper())).mean() for small in "aegr"])) < 0.15
