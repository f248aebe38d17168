"""Finds the fonts installed on the machine, and the characters that each face has."""

import os
import re
import string
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from spotter.model.charset import LATIN_AND_GREEK

_SUFFIXES = (".ttf", ".otf", ".ttc", ".woff", ".woff2")
_PROBE = 24  # pixels per em at which glyphs are compared
_MISSING = "\U0010fffe"  # a non-character: every font shows it as .notdef
_SYMBOLS = re.compile(
    r"symbol|math|dingbat|emoji|icon|d050000l|initials|barcode|awesome|music|braille|chess|opens___|weather|redacted|keyboard|ubuntu.?title"
    r"|segg?chan",
    re.IGNORECASE,
)
_DISPLAY = re.compile(
    r"lobster|comfortaa|script|ocr|z003|chancery|hand|comic|pacifico|dancing|brush|stencil|black.?letter|fraktur"
    r"|marker|display|decorat|outline|shadow|pixel|bitmap|typewriter|bangers|press.?start|caveat|satisfy"
    r"|abril|black.?ops|chewy|courgette|fredoka|lilita|monoton|playball|poiret|righteous|\brye\b|special.?elite"
    r"|titan.?one|yellowtail|sketch|kristi|humor|spleen|\bpx\b|proggy|dseg|unifont|3270|averia",
    re.IGNORECASE,
)
_SLANTED = re.compile(r"italic|oblique", re.IGNORECASE)
_THIN = re.compile(r"thin|hairline|light", re.IGNORECASE)
_SEGMENTS = re.compile(r"dseg7|seven.?seg|7.?segment", re.IGNORECASE)
_SEGMENT_CHARACTERS = frozenset(string.digits + ".:-")  # characters that are unambiguous in seven segments
_MOST = 56  # of the 62 ASCII letters and digits: the least number that a text face must have
_MOST_CAPITALS = 24  # of 26: the least number that a face of capitals must have
_CLASS_SHARES = {"text": 0.83, "display": 0.12, "capitals": 0.03, "digits": 0.02}

AnyFont = ImageFont.FreeTypeFont


@dataclass(frozen=True)
class FontFace:
    """One face of a font file; `path` None is Pillow's own face.

    writes: "text", "capitals" (with digits, but without small letters) or "digits" (and hardly anything else).
    """

    path: str | None
    family: str
    style: str
    mono: bool
    display: bool
    writes: str = "text"

    @property
    def name(self) -> str:
        """Family and style."""
        return f"{self.family} {self.style}".strip()

    @cached_property
    def characters(self) -> frozenset[str]:
        """The characters of `LATIN_AND_GREEK` that it has; they are found by drawing each, which takes some hundredths
        of a second."""
        if self.writes == "digits":
            return _SEGMENT_CHARACTERS
        known = written(self.open(_PROBE), LATIN_AND_GREEK)
        if self.writes == "capitals":
            return frozenset(c for c in known if c == c.upper() and unicodedata.category(c) not in ("Ll", "Lm"))
        return known

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
    """Faces with their probabilities: a family's is proportional to the square root of its number of faces, slanted and
    thin faces are rarer than upright ones, and display faces, faces of capitals and faces of digits have small fixed
    shares."""

    faces: tuple[FontFace, ...]
    odds: NDArray[np.float64] = field(repr=False)

    def draw(self, rng: np.random.Generator) -> int:
        """The index of a face."""
        return int(rng.choice(len(self.faces), p=self.odds))


def usual_folders() -> list[Path]:
    """The font folders of Linux, macOS and Windows."""
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


def font_files(folders: Iterable[Path]) -> list[Path]:
    """The font files below the folders, sorted."""
    return sorted({file for folder in folders for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES})


def inspect(path: str | os.PathLike[str] | None) -> FontFace | None:
    """The face of a file; None when it has neither most ASCII letters and digits, nor capitals, nor seven-segment
    digits."""
    face = FontFace(None if path is None else os.fspath(path), "", "", mono=False, display=False)
    try:
        font = face.open(_PROBE)
        family, style = (name or "" for name in font.getname())
        known = f"{family} {style} {Path(face.path).name if face.path else ''}"
        if _SYMBOLS.search(known):
            return None
        writes = "digits" if _SEGMENTS.search(known) else _class(font)
        widths = [font.getlength(character) for character in "iMW."]
    except (OSError, ValueError):
        return None
    if writes is None:
        return None
    mono = max(widths) - min(widths) < 0.01 * _PROBE
    return FontFace(face.path, family, style, mono, bool(_DISPLAY.search(known)), writes)


def written(font: AnyFont, characters: Iterable[str]) -> frozenset[str]:
    """The characters that a font has: their glyph is not empty, and differs from the glyph for missing characters and
    from the same letter without its accent."""
    missing = _glyph(font, _MISSING)
    glyphs: dict[str, tuple[tuple[int, int], bytes]] = {}

    def drawn(character: str) -> tuple[tuple[int, int], bytes]:
        if character not in glyphs:
            glyphs[character] = _glyph(font, character)
        return glyphs[character]

    known = set()
    for character in characters:
        glyph = drawn(character)
        if glyph == missing or not any(glyph[1]):
            continue
        base = unicodedata.normalize("NFD", character)[0]
        if base == character or drawn(base) != glyph:
            known.add(character)
    return frozenset(known)


def find_fonts(folders: Sequence[str | os.PathLike[str]] = (), usual: bool = True) -> FontSet:
    """Every usable face below `folders` and, unless `usual` is false, below the usual folders.

    Pillow's own face when there is none. Raises RuntimeError when that is missing too.
    """
    files = font_files([Path(folder) for folder in folders] + (usual_folders() if usual else []))
    faces: dict[tuple[str, str], FontFace] = {}
    for file in files:
        face = inspect(file)
        if face is not None:  # the same face is often installed as .otf and as .ttf
            faces.setdefault((face.family, face.style), face)
    if not faces:
        fallback = inspect(None)
        if fallback is None:
            raise RuntimeError("no usable font: install some, or a Pillow that brings its own")
        faces[fallback.family, fallback.style] = fallback
    return weighted(faces.values())


def weighted(faces: Iterable[FontFace]) -> FontSet:
    """Faces with their probabilities."""
    several = tuple(faces)
    families = [face.family for face in several]
    odds = np.array([families.count(family) ** -0.5 for family in families])
    odds *= [0.4 if _SLANTED.search(face.style) else 1.0 for face in several]
    odds *= [0.3 if _THIN.search(face.style) else 1.0 for face in several]
    classes = np.array(
        [("display" if face.display else "text") if face.writes == "text" else face.writes for face in several]
    )
    for name in np.unique(classes):
        chosen = classes == name
        odds[chosen] *= _CLASS_SHARES[str(name)] / odds[chosen].sum()
    return FontSet(several, odds / odds.sum())


def _glyph(font: AnyFont, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


def _class(font: AnyFont) -> str | None:
    """Whether a font has "text", "capitals" or "digits"; None when it has too little."""
    known = written(font, string.ascii_letters + string.digits)
    if not known.issuperset(string.digits):
        return None
    if len(known) >= _MOST and known.issuperset("aegr") and not _capitals_only(font):
        return "text"
    return "capitals" if len(known.intersection(string.ascii_uppercase)) >= _MOST_CAPITALS else None


def _capitals_only(font: AnyFont) -> bool:
    """Whether small letters are small capitals: the glyphs agree when scaled to one size."""

    def shape(character: str) -> NDArray[np.float64]:
        size, ink = _glyph(font, character)
        glyph = np.frombuffer(ink, np.uint8).reshape(size[1], size[0]) > 100
        rows, columns = np.nonzero(glyph)
        glyph = glyph[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        y = (np.arange(12) + 0.5) / 12 * glyph.shape[0]
        x = (np.arange(12) + 0.5) / 12 * glyph.shape[1]
        return np.asarray(glyph[y.astype(int)][:, x.astype(int)], np.float64)

    return float(np.mean([np.abs(shape(small) - shape(small.upper())).mean() for small in "aegr"])) < 0.15
