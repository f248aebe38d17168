"""Draws the score map, the boxes and the readings of a picture, for docs/how-it-works.md, and with NAME for the page of
another family:

    python -m docs.images.how_it_works recipes/start/weights.pt PICTURE FOLDER [NAME]

Everything in the figures is computed by the network: nothing is drawn by hand. Needs the extra `train`.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from spotter.families.build import load_spotter
from spotter.families.fots.head import DetectionHead, select_candidates
from spotter.families.fots.maps import DetectionMaps
from spotter.model.cutting import cut
from spotter.model.family import Regions
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.spotter import BLACK, Features, Spotter
from spotter.reading.bundles import find_bundle
from spotter.reading.imaging import prepare_pixels
from spotter.reading.settings import ReadingSettings
from spotter.registry.manifest import InputSpec

Pixels = NDArray[np.uint8]
"""[H, W, 3] RGB."""

_SURE, _SHOWN = 0.5, 0.3
"""Least probability of a region that is read, and least score of a word that is answered."""
_HEAT, _CANDIDATE, _REGION, _INK, _PAPER = (255, 96, 0), (0, 150, 136), (230, 30, 90), (40, 40, 40), (255, 255, 255)
_WIDEST = 960
"""Pixels of a figure's long side."""
_ROWS, _MOST_LONG, _LINE, _SIDE = 7, 330, 96, 88
_BLANK = "·"


class Patch(NamedTuple):
    """A region as the recogniser sees it. polygon: float32 [2n, 2] in the picture as it was read. pixels: uint8
    [rows, W, 3]. inside: bool [W], the columns of pixels that lie in the region, the others being its margins.
    characters: the most probable one in each of the recogniser's columns, `·` for none. text: the decoded text, "" for
    nothing. score: of the word, or the best of several, 0 to 1."""

    polygon: NDArray[np.float32]
    pixels: Pixels
    inside: NDArray[np.bool_]
    characters: list[str]
    text: str
    score: float


class Explained(NamedTuple):
    """picture: as it was read. mosaic: its pyramid, uint8 [H, W, 3]. score: float32 [H / 4, W / 4], the probability of
    text at each anchor point of the mosaic. candidates: float32 [M, 4, 2], boxes that single anchor points propose, for
    FOTS only. patches: of the regions that remain, by falling score."""

    picture: Pixels
    mosaic: Pixels
    score: NDArray[np.float32]
    candidates: NDArray[np.float32]
    patches: list[Patch]


@torch.inference_mode()
def explain(model: Spotter, pixels: Pixels, spec: InputSpec) -> Explained:
    """Reads a picture at the size that `spec` says; model: with a recogniser that reads the picture's pixels."""
    prepared = prepare_pixels(pixels, spec)
    width, height = prepared.working
    sizes = torch.tensor([[height, width]])
    features = model.pyramid(torch.from_numpy(prepared.padded[None].copy()))
    maps = model.detect(features)
    proposed = torch.zeros(0, 4, 2)
    if isinstance(model.head, DetectionHead) and isinstance(maps, DetectionMaps):
        proposed = model.sampler.geometry.polygons(select_candidates(maps, sizes, model.head.config)[0][0])
    regions = model.regions(features, maps, sizes)
    sure = regions.scores >= _SURE
    return Explained(
        prepared.padded[:height, :width],
        shown(features.pictures[0]),
        maps.score.sigmoid()[0, 0].numpy(),
        proposed.numpy(),
        [
            cut_out(model, features, Regions(shape[None], score[None], torch.zeros(1, dtype=torch.int64)))
            for shape, score in zip(regions.shapes[sure], regions.scores[sure], strict=True)
        ],
    )


def cut_out(model: Spotter, features: Features, region: Regions) -> Patch:
    """The patch of one region, oriented as it is read, and its reading."""
    recogniser, size = model.recogniser, features.anchors.mosaic
    assert isinstance(recogniser, PictureRecogniser)
    assert size is not None
    geometry = recogniser.geometry
    words = model.read(features, region).words
    shapes = region.shapes
    if len(words.scores) and backwards(geometry.polygons(shapes)[0], words.polygons[0]):
        shapes = geometry.reversed(shapes)
    made = cut(features.pictures, shapes, region.image_index, size, recogniser.config, geometry)
    columns = model.columns(features, shapes, region.image_index)
    length = int(columns.widths[0])
    across = made.patches.shape[3] * length // made.packing.inside.shape[0]
    best = columns.logits[0, :length].argmax(1).tolist()
    return Patch(
        geometry.polygons(shapes)[0].numpy(),
        shown(made.patches[0, :3, :, :across]),
        made.patches[0, 3, made.patches.shape[2] // 2, :across].numpy() > 0,
        [model.charset.decode([index]) if index else _BLANK for index in best],
        " ".join(model.charset.decode(row) for row in words.characters.tolist()),
        float(words.scores.max()) if len(words.scores) else 0.0,
    )


def backwards(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Whether two polygons [2n, 2] run in opposite directions."""
    return bool(((first[1] - first[0]) * (second[1] - second[0])).sum() < 0)


def shown(normalised: torch.Tensor) -> Pixels:
    """A normalised picture [3, H, W] as uint8 [H, W, 3]."""
    mean, deviation = 128.0, -128.0 / BLACK
    restored = (normalised.permute(1, 2, 0) * deviation + mean).round().clamp(0, 255)
    return np.asarray(restored.numpy(), np.uint8)


def draw_score(explained: Explained) -> Image.Image:
    """The pyramid, grey, with the probability of text in colour over it."""
    height, width, _ = explained.mosaic.shape
    score = Image.fromarray(explained.score).resize((width, height), Image.Resampling.BILINEAR)
    share = 0.75 * np.clip(np.asarray(score), 0, 1)[..., None]
    grey = explained.mosaic.mean(2, keepdims=True) * 0.5 + 110
    return Image.fromarray(np.asarray(grey * (1 - share) + np.array(_HEAT) * share, np.uint8))


def draw_boxes(explained: Explained) -> Image.Image:
    """The picture with the proposals of single points, thin, and the regions that remain, thick, their upper edges
    thicker."""
    picture = Image.fromarray(explained.picture)
    canvas = ImageDraw.Draw(picture)
    for polygon in explained.candidates.tolist():
        outline(canvas, polygon, _CANDIDATE, 1)
    for patch in explained.patches:
        outline(canvas, patch.polygon.tolist(), _REGION, 2)
    return picture


def draw_patches(explained: Explained, rows: int = _ROWS) -> Image.Image:
    """A row for each of the words with the largest angles, and a last one for the region with the largest angle among
    those left out of the answer: its surroundings, its patch, the recogniser's columns, and the score."""
    turned = sorted(explained.patches, key=lambda patch: -slope(patch.polygon))
    left_out = [patch for patch in turned if patch.score < _SHOWN][:1]
    chosen = [patch for patch in turned if patch.score >= _SHOWN][: rows - len(left_out)] + left_out
    wide = 2 * _SIDE + 48 + _MOST_LONG + 240
    sheet = Image.new("RGB", (wide, _LINE * len(chosen)), _PAPER)
    canvas = ImageDraw.Draw(sheet)
    for row, patch in enumerate(chosen):
        top = row * _LINE + (_LINE - _SIDE) // 2
        sheet.paste(around(explained.picture, patch.polygon), (8, top))
        left = 2 * _SIDE + 32
        seen = Image.fromarray(patch.pixels)
        scale = min(1.0, _MOST_LONG / seen.width)
        seen = seen.resize((round(seen.width * scale), round(seen.height * scale)))
        sheet.paste(seen, (left, top + 8))
        ends = np.flatnonzero(patch.inside)[[0, -1]] * scale
        for x in ends:  # where the region ends and its margin begins
            canvas.line((left + x, top + 2, left + x, top + 14 + seen.height), _REGION, 1)
        step = seen.width / len(patch.characters)
        for column, character in enumerate(patch.characters):
            at = (left + step * (column + 0.5), top + 24 + seen.height)
            canvas.text(at, character, _INK, ImageFont.load_default(11), anchor="mm")
        at = (left + _MOST_LONG + 16, top + 8 + seen.height // 2)
        canvas.text(at, f"{patch.text}   {patch.score:.2f}", _INK, ImageFont.load_default(20), "lm")
    return sheet


def around(picture: Pixels, polygon: NDArray[np.float32]) -> Image.Image:
    """A region's surroundings, twice as wide as high, with its outline."""
    middle, reach = polygon.mean(0), max(24.0, 1.15 * float(np.ptp(polygon, 0).max()) / 2)
    half = np.array([reach, reach / 2 if np.ptp(polygon[:, 1]) < 0.8 * reach else reach])
    scale = min(2 * _SIDE / (2 * half[0]), _SIDE / (2 * half[1]))
    box = (*(middle - half).round().astype(int).tolist(), *(middle + half).round().astype(int).tolist())
    part = Image.fromarray(picture).crop(box)
    part = part.resize((round(part.width * scale), round(part.height * scale)), Image.Resampling.BICUBIC)
    outline(ImageDraw.Draw(part), ((polygon - box[:2]) * scale).tolist(), _REGION, 2)
    return part


def outline(canvas: ImageDraw.ImageDraw, polygon: list[list[float]], colour: tuple[int, int, int], width: int) -> None:
    points = [(x, y) for x, y in polygon]
    canvas.line([*points, points[0]], colour, width)
    canvas.line(points[: len(points) // 2], colour, 2 * width)


def slope(polygon: NDArray[np.float32]) -> float:
    """The absolute angle of the upper edge, radians."""
    along = polygon[1] - polygon[0]
    return abs(float(np.arctan2(along[1], along[0])))


def main(weights: Path, picture: Path, folder: Path, name: str = "how") -> None:
    with Image.open(picture) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    torch.set_num_threads(1)
    explained = explain(load_spotter(weights), pixels, find_bundle(ReadingSettings()).manifest.input)
    folder.mkdir(parents=True, exist_ok=True)
    for part, figure in (
        ("score", draw_score(explained)),
        ("boxes", draw_boxes(explained)),
        ("patches", draw_patches(explained)),
    ):
        figure.thumbnail((_WIDEST, _WIDEST))
        figure.save(folder / f"{name}-{part}.webp", quality=70, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
