"""Finds the underscores between boxes, which the detector takes for spaces.

`report_final.pdf` is found as two boxes, as far apart as two words of the same print. But in the gap there is a line,
low down, where between two words there is only ground. Where words are underlined the line goes on below the letters.
"""

import torch
from torch import Tensor

WIDEST = 1.0  # of the height: the widest gap in which an underscore is looked for
_WITHIN = (-0.3, -0.15, 0.0, 0.15, 0.3)  # of the gap's width, from its middle: where the line is looked for
_BESIDE = (0.15, 0.3, 0.45)  # of the height, from either end of the gap into the letters: where there is no line
_GROUND = (-0.3, -0.2, -0.1, 0.0, 0.1)  # of the height, down from the middle: rows without a line
_LINE = tuple(0.2 + 0.05 * step for step in range(12))  # the same: rows in which the line may be
_LEAST_CONTRAST = 0.4  # of a normalised picture, whose standard deviation is about 1
_CLEARER = 2.0  # how many times farther from the ground the line must be than the ground's own places, or the letters


def underscored(pictures: Tensor, boxes: Tensor, image_index: Tensor, start: Tensor, there: Tensor) -> Tensor:
    """bool [N], whether an underscore stands between each box [N, 6] and the next one of its line.

    pictures: normalised, float [B, 3, H, W], of which a pyramid's other levels may be a part; image_index: int64 [N].
    start: float32 [N], where the next box begins, in pixels along the box from its centre. there: bool [N], whether
    there is a next box.
    """
    cx, cy, w, h, theta, slant = (value[:, None] for value in boxes.unbind(1))
    within, beside, rows = (
        torch.tensor(values, device=boxes.device) for values in (_WITHIN, _BESIDE, (*_GROUND, *_LINE))
    )
    end = w / 2
    start = torch.where(there[:, None], start[:, None], end)
    along = torch.cat(((end + start) / 2 + within * (start - end), end - beside * h, start + beside * h), 1)[:, None]
    down = (rows * h)[..., None]  # N x R x 1, and along is N x 1 x K
    along = along + slant[..., None] * down
    cos, sin = theta.cos()[..., None], theta.sin()[..., None]
    height, width = pictures.shape[-2:]
    x = (cx[..., None] + along * cos - down * sin).clamp(0, width - 1).to(torch.int64)
    y = (cy[..., None] + along * sin + down * cos).clamp(0, height - 1).to(torch.int64)
    image = image_index.clamp(min=0)[:, None, None, None]
    channels = torch.arange(pictures.shape[1], device=boxes.device)
    seen = pictures[image, channels, y[..., None], x[..., None]].float().mean(3)
    first, last = len(_WITHIN), len(_WITHIN) + len(_BESIDE)
    gap, before, after = seen[..., :first], seen[..., first:last], seen[..., last:]
    ground = gap[:, : len(_GROUND)]
    level = ground.mean((1, 2), keepdim=True)
    least = (_CLEARER * (ground - level).abs().amax((1, 2))).clamp(min=_LEAST_CONTRAST)
    found = torch.zeros_like(there)
    for sign in (1.0, -1.0):  # a line lighter or darker than the ground at each place of a row
        contrast, left, right = ((sign * (part[:, len(_GROUND) :] - level)).amin(2) for part in (gap, before, after))
        line = contrast > least[:, None]
        found = found | (line & (_CLEARER * left < contrast) & (_CLEARER * right < contrast)).any(1)
    return there & found
