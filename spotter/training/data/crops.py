"""Training pictures composed of cut-out real words."""

import os
from collections.abc import Collection, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.data.annotations import load_picture, natural_key, picture_files, read_annotations
from spotter.training.data.backgrounds import random_crop
from spotter.training.data.photometry import photometric
from spotter.training.data.real import turn, visible
from spotter.training.polygons import together
from spotter.training.sample import Sample

_SURE_RUN = 4  # consecutive transcripts that must agree for an alignment to be trusted


def read_labels(folder: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """(file name, transcript) of every line of `labels.tsv`, ordered by the numbers in the names."""
    lines = (Path(folder) / "labels.tsv").read_text(encoding="utf-8-sig").splitlines()
    pairs = [(name, text) for name, _, text in (line.partition("\t") for line in lines) if name]
    return sorted(pairs, key=lambda pair: natural_key(Path(pair[0])))


def crops_not_surely_from(
    folder: str | os.PathLike[str],
    wanted: str | os.PathLike[str],
    others: Sequence[str | os.PathLike[str]],
) -> set[str]:
    """The names of word crops that may come from a picture outside `wanted`; excluding them keeps held-out pictures out
    of training.

    folder: crops numbered in order of their pictures, and within a picture in order of its words.
    wanted, others: ICDAR-form folders which together hold all those pictures.
    The transcripts of crops and folders are aligned; a crop outside every run of at least four equal transcripts is
    returned.
    """
    crops = read_labels(folder)
    words: list[tuple[str, bool]] = []
    roots = [(Path(root), n == 0) for n, root in enumerate([wanted, *others])]
    pictures = [(path, root, ours) for root, ours in roots for path in picture_files(root / "images")]
    for path, root, ours in sorted(pictures, key=lambda entry: natural_key(Path(entry[0].stem))):
        truth = root / "gts" / f"gt_{path.stem}.txt"
        words += [(a.text, ours) for a in read_annotations(truth) if not a.ignore]
    matcher = SequenceMatcher(None, [text for _, text in crops], [text for text, _ in words], autojunk=False)
    sure: set[str] = set()
    for start, aligned, length in matcher.get_matching_blocks():
        if length >= _SURE_RUN:
            sure.update(crops[start + n][0] for n in range(length) if words[aligned + n][1])
    return {name for name, _ in crops} - sure


_TURNED = 0.5  # the share of pictures that are turned and distorted as a whole


class WordCropSource:
    """Real cut-out words pasted in loose rows on backgrounds without text.

    folders: each with `labels.tsv` (file name, tab, transcript) and the files it names.
    backgrounds: uint8 [H, W, 3] RGB pictures.
    exclude: file names to leave out, one collection for all folders, or one for each folder by its name.
    heights: range in pixels from which the typical height of a picture's words is drawn.
    Labels of several words and upright crops of long words are left out.
    """

    def __init__(
        self,
        folders: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        backgrounds: Sequence[NDArray[np.uint8]],
        exclude: Collection[str] | dict[str, Collection[str]] = (),
        *,
        heights: tuple[float, float] = (10.0, 48.0),
        words: tuple[int, int] = (12, 40),
        strength: float = 0.7,
    ) -> None:
        if not len(backgrounds):
            raise ValueError("WordCropSource wants at least one background")
        several = [folders] if isinstance(folders, str | os.PathLike) else list(folders)
        self._backgrounds = backgrounds
        self._heights, self._words, self._strength = heights, words, strength
        self._crops: list[tuple[NDArray[np.uint8], str]] = []
        for folder in map(Path, several):
            left_out = exclude.get(folder.name, ()) if isinstance(exclude, dict) else exclude
            for name, text in read_labels(folder):
                if name in left_out or not text or any(character.isspace() for character in text):
                    continue
                crop = load_picture(folder / name)
                if min(crop.shape[:2]) >= 6 and (len(text) < 3 or crop.shape[1] > crop.shape[0]):
                    self._crops.append((crop, text))
        if not self._crops:
            raise ValueError("no word crop is left")

    def __len__(self) -> int:
        return len(self._crops)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A size x size picture of up to 40 words."""
        image = random_crop(self._backgrounds[int(rng.integers(len(self._backgrounds)))], rng, size)
        polygons: list[NDArray[np.float32]] = []
        texts: list[str] = []
        most = int(rng.integers(self._words[0], self._words[1] + 1))
        y = float(rng.uniform(0, 0.3) * size)
        spread = float(np.exp(rng.uniform(np.log(0.1), np.log(2.5))))  # of the gaps: sparse and dense pictures
        usual = float(rng.uniform(*np.log(self._heights)))
        while y < size - self._heights[0] and len(texts) < most:
            row = float(np.clip(np.exp(rng.normal(usual, 0.35)), *self._heights))
            x, lowest = rng.uniform(-0.5, 1.5) * row, row
            while len(texts) < most and x < size:
                if (
                    rng.random() < 0.15
                ):  # a patch without text, so that the edges of pasted rectangles are not learnt as words
                    other = self._backgrounds[int(rng.integers(len(self._backgrounds)))]
                    patch = random_crop(other, rng, 32)
                    text, crop = None, patch[: int(rng.integers(8, 32))]
                else:
                    crop, text = self._crops[int(rng.integers(len(self._crops)))]
                height = row * rng.uniform(0.8, 1.2)
                width = height * crop.shape[1] / crop.shape[0] * np.exp(rng.normal(0, 0.1))
                if x + width > size:
                    break
                polygon = _paste(image, crop, (x, y, width, height), rng)
                if text is not None and polygon is not None:
                    polygons.append(polygon)
                    texts.append(text)
                x += width * 1.03 + rng.uniform(0.15, 1.5) * row
                lowest = max(lowest, height + 0.08 * width)
            y += lowest + rng.uniform(0.5, 1.5) * spread * row
        quads = together(polygons)
        if len(quads) and rng.random() < _TURNED:
            matrix = turn(rng, size)
            quads = cv2.perspectiveTransform(quads.reshape(-1, 1, 2), matrix).reshape(quads.shape).astype(np.float32)
            centres = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV puts the first pixel's centre at 0
            image = np.asarray(
                cv2.warpPerspective(
                    image, np.linalg.inv(centres) @ matrix @ centres, (size, size), borderMode=cv2.BORDER_REPLICATE
                ),
                np.uint8,
            )
        keep, ignore = visible(quads, size)
        return Sample(
            photometric(image, rng, self._strength),
            quads[keep],
            ["" if hidden else t for t, k, hidden in zip(texts, keep, ignore, strict=True) if k],
            ignore[keep],
        )


def _paste(
    image: NDArray[np.uint8],
    crop: NDArray[np.uint8],
    box: tuple[float, float, float, float],
    rng: np.random.Generator,
) -> NDArray[np.float32] | None:
    """Draws a crop into box (x, y, width, height), a little turned.

    Returns the word's polygon [4, 2], or None where it is too small to draw.
    """
    x, y, width, height = box
    shape = (round(width), round(height))
    if min(shape) < 4:
        return None
    method = cv2.INTER_AREA if shape[1] < crop.shape[0] else cv2.INTER_LINEAR
    resized = cv2.resize(crop, shape, interpolation=method)
    # Slant less where the crop is long, so that rows stay apart.
    angle = float(np.clip(rng.normal(0, 0.05), -0.15, 0.15)) * min(1.0, 4 * height / width)
    cos, sin = np.cos(angle), np.sin(angle)
    extent = (shape[0] * cos + shape[1] * abs(sin), shape[1] * cos + shape[0] * abs(sin))
    left, top = int(x), int(y)
    right = min(image.shape[1], left + int(np.ceil(extent[0])) + 1)
    bottom = min(image.shape[0], top + int(np.ceil(extent[1])) + 1)
    left, top = max(left, 0), max(top, 0)
    if right - left < 4 or bottom - top < 4:
        return None
    turn = np.array([[cos, -sin], [sin, cos]])
    centre = np.array([x, y]) + np.array(extent) / 2
    offset = centre - turn @ (np.array(shape) / 2)  # crop to picture, half-pixel coordinates
    matrix = np.hstack([turn, (offset - (left, top) + turn @ (0.5, 0.5) - 0.5)[:, None]])
    window = (right - left, bottom - top)
    drawn = cv2.warpAffine(resized, matrix, window, borderMode=cv2.BORDER_REPLICATE)
    rim = np.full((shape[1], shape[0]), 255, np.uint8)
    mask = cv2.warpAffine(rim, matrix, window)
    if rng.random() < 0.5:
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.06 * height))
    alpha = cv2.merge([mask, mask, mask])
    region = image[top:bottom, left:right]
    blended = cv2.add(cv2.multiply(drawn, alpha, scale=1 / 255), cv2.multiply(region, 255 - alpha, scale=1 / 255))
    image[top:bottom, left:right] = blended
    margin = min(0.06 * shape[1], 0.1 * shape[0])
    low, far = np.array([margin, margin]), np.array(shape) - margin
    corners = np.array([[low[0], low[1]], [far[0], low[1]], [far[0], far[1]], [low[0], far[1]]])
    return np.asarray(corners @ turn.T + offset, np.float32)
