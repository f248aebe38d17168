"""Finds the underscores between boxes, which the detector takes for spaces.

`report_final.pdf` is found as two boxes, as far apart as two words of the same print. But in the gap there is a line,
low down, where between two words there is only ground. Where words are underlined the line goes on below the letters,
and where the letters of the next line reach into the gap they go on downwards.
"""

import torch
from torch import Tensor

WIDEST = 1.0  # of the height: the widest gap in which an underscore is looked for
_WITHIN = (-0.25, -0.125, 0.0, 0.125, 0.25)  # of the gap's width, from its middle: where the line is looked for
_BESIDE = (0.15, 0.3, 0.45, 0.6)  # of the height, from either end of the gap into the letters: where there is no line
_STEP = 0.05  # of the height: from row to row
_GROUND = (-0.3, -0.2, -0.1, 0.0, 0.1)  # of the height, down from the middle: rows without a line
_LINE = (7, 14)  # steps down from the middle: the first and the last row in which the line may be
_TILT = 2  # rows by which an underline may lie higher or lower beside the gap
_BELOW = (2, 6)  # rows below the line: the nearest and the farthest in which the ground is looked for
_LEAST_CONTRAST = 0.4  # of a normalised picture, whose standard deviation is about 1
_CLEARER = 2.0  # how many times farther from the ground the line must be than all that is not the line


def underscored(pictures: Tensor, boxes: Tensor, image_index: Tensor, start: Tensor, there: Tensor) -> Tensor:
    """bool [N], whether an underscore stands between each box [N, 6] and the next one of its line.

    pictures: normalised, float [B, 3, H, W], of which a pyramid's other levels may be a part; image_index: int64 [N].
    start: float32 [N], where the next box begins, in pixels along the box from its centre. there: bool [N], whether
    there is a next box.
    """
    cx, cy, w, h, theta, slant = boxes[..., None].unbind(1)  # N x 1
    device = boxes.device
    within, beside, ground = (torch.tensor(values, device=device) for values in (_WITHIN, _BESIDE, _GROUND))
    rows = torch.cat((ground, _STEP * torch.arange(_LINE[0] - _TILT, _LINE[1] + _BELOW[1] + 1, device=device)))
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
    channels = torch.arange(pictures.shape[1], device=device)
    seen = pictures[image, channels, y[..., None], x[..., None]].float().mean(3)
    gap = seen[:, : len(_GROUND), : len(_WITHIN)]
    level = gap.mean((1, 2), keepdim=True)
    least = (_CLEARER * (gap - level).abs().amax((1, 2))).clamp(min=_LEAST_CONTRAST)
    # The line is darker than the ground, or lighter: contrast is 2 x N x R x K.
    contrast = seen[:, len(_GROUND) :] - level
    contrast = torch.stack((contrast, -contrast))
    first, last = len(_WITHIN), len(_WITHIN) + len(_BESIDE)
    gap, before, after = contrast[..., :first], contrast[..., first:last], contrast[..., last:]
    count = _LINE[1] - _LINE[0] + 1

    def rows_from(values: Tensor, first: int, last: int) -> list[Tensor]:
        """Of each row in which the line may be, those from so many to so many rows below it."""
        return [values[:, :, _TILT + step :][:, :, :count] for step in range(first, last + 1)]

    (line,) = rows_from(gap.amin(3), 0, 0)
    clear = line > least[:, None]
    for side in (before, after):
        clear = clear & (_CLEARER * torch.stack(rows_from(side, -_TILT, _TILT)).amax(0).amin(3) < line)
    clear = clear & (_CLEARER * torch.stack(rows_from(gap.amax(3), *_BELOW)).amin(0) < line)
    return there & clear.any(2).any(0)
