"""The targets of Mask TextSpotter's maps, masks and readings."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from spotter.families.abcnet.targets import CurveTruth, curve_truth
from spotter.families.interface import Texts, Truth
from spotter.families.mask_textspotter.mask import cell_places
from spotter.families.mask_textspotter.outlines import inside, of_polygons, to_polygons

_MIDDLE = 0.5  # of a character's width and height: the size of its middle, so that middles stay separate
_LEAST = 0.1  # of its height: the least width of a middle, so that one column of a patch lies in it
_EPSILON = 1e-6


@dataclass(frozen=True)
class MaskTruth(Truth):
    """shapes are regions [N, 32]. proposals: the targets of the proposals, those of ABCNet's regions. pictures: int64
    [N], the words' image index. counts: bool [N], false for words that are ignored. classes, characters, located:
    as in `Texts`."""

    proposals: CurveTruth
    pictures: Tensor
    counts: Tensor
    classes: Tensor
    characters: Tensor
    located: Tensor


def mask_truth(polygons: Tensor, image_index: Tensor, ignore: Tensor, shape: tuple[int, int, int]) -> MaskTruth:
    """As `spotter.families.interface.Family.truth`. A word's core follows its curve, as in ABCNet."""
    outlines = of_polygons(polygons)
    found = curve_truth(to_polygons(outlines), image_index, ignore, shape)
    words = len(polygons)
    return MaskTruth(
        text=found.text,
        counted=found.counted,
        owner=found.owner,
        shapes=outlines,
        proposals=found,
        pictures=image_index,
        counts=~ignore,
        classes=torch.zeros(words, 0, dtype=torch.int64),
        characters=torch.zeros(words, 0, 4, 2),
        located=torch.zeros(words, dtype=torch.bool),
    )


def with_texts(truth: MaskTruth, texts: Texts) -> MaskTruth:
    """As `spotter.families.interface.Family.with_texts`."""
    return replace(truth, classes=texts.classes, characters=texts.characters, located=texts.located)


def mask_targets(outlines: Tensor, curves: Tensor) -> Tensor:
    """bool [N, ROWS, COLUMNS]: which cells of the masks of proposals [N, 16] lie within regions [N, 32]."""
    places = cell_places(curves)
    return inside(to_polygons(outlines), places.flatten(1, 2)).reshape(places.shape[:3])


def middles_of(characters: Tensor) -> Tensor:
    """The middles [..., 4, 2] of characters' quadrilaterals [..., 4, 2]."""
    centre = characters.mean(-2, keepdim=True)
    along = (characters[..., 1, :] + characters[..., 2, :] - characters[..., 0, :] - characters[..., 3, :]) / 2
    down = (characters[..., 3, :] + characters[..., 2, :] - characters[..., 0, :] - characters[..., 1, :]) / 2
    width, height = (side.square().sum(-1, keepdim=True).sqrt() for side in (along, down))
    along = along * torch.clamp(_LEAST * height / width.clamp(min=_EPSILON), _MIDDLE, 1.0) / 2
    down = down * _MIDDLE / 2
    corners = torch.stack((-along - down, along - down, along + down, down - along), -2)
    return centre + corners


def character_targets(characters: Tensor, classes: Tensor, places: Tensor) -> Tensor:
    """int64 [N, h, w]: the index of the character in whose middle each position of a patch lies, -1 where in none.

    characters: [N, L, 4, 2]. classes: int64 [N, L], 0 beyond a word's end. places: [N, h, w, 2], in the picture.
    """
    words, longest = classes.shape
    rows, columns = places.shape[1:3]
    points = places.flatten(1, 2)[:, None].expand(-1, longest, -1, -1).flatten(0, 1)
    found = inside(middles_of(characters).flatten(0, 1), points).reshape(words, longest, rows, columns)
    found = found & (classes > 0)[:, :, None, None]
    number = torch.arange(longest, device=classes.device)[:, None, None]
    return torch.where(found, number, -1).amax(1) if longest else torch.full_like(places[..., 0], -1).long()
