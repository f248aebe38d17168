"""Finds the underscores between boxes and at their ends, which the detector takes for spaces.

`report_final.pdf` is found as two boxes, as far apart as two words of the same print. But in the gap there is a line,
low down, where between two words there is only ground. Where words are underlined the line goes on below the letters,
and where the letters of the next line reach into the gap they go on downwards. Of `__init__` only the letters are
found; the lines beside them are short, where the blanks of a form are long.
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
_ALONG = 0.1  # of the height: from place to place beyond an end
_PLACES = 26  # beyond an end
_START = 2  # places: how far from the end a line may begin
_SHORTEST, _LONGEST = 3, 22  # places that a line at an end takes
_LEVEL, _OVERLAP = 0.6, 0.5  # of the height: how far the next box of a line may lie from its middle, and overlap


def _looked_at(pictures: Tensor, boxes: Tensor, image_index: Tensor, along: Tensor) -> Tensor:
    """The grey values [N, R, K] of pictures [B, 3, H, W] at K places along boxes [N, 6], `along` [N, K] pixels from
    their centres, and R rows: those of `_GROUND`, then those in which and below which a line may be."""
    cx, cy, _, h, theta, slant = boxes[..., None].unbind(1)  # N x 1
    device = boxes.device
    rows = torch.arange(_LINE[0] - _TILT, _LINE[1] + _BELOW[1] + 1, device=device)
    down = (torch.cat((torch.tensor(_GROUND, device=device), _STEP * rows)) * h)[..., None]  # N x R x 1
    across = along[:, None] + slant[..., None] * down
    cos, sin = theta.cos()[..., None], theta.sin()[..., None]
    height, width = pictures.shape[-2:]
    x = (cx[..., None] + across * cos - down * sin).clamp(0, width - 1).to(torch.int64)
    y = (cy[..., None] + across * sin + down * cos).clamp(0, height - 1).to(torch.int64)
    image = image_index.clamp(min=0)[:, None, None, None]
    channels = torch.arange(pictures.shape[1], device=device)
    return pictures[image, channels, y[..., None], x[..., None]].float().mean(3)


def _rows_from(values: Tensor, first: int, last: int) -> list[Tensor]:
    """Of each row in which the line may be, those from so many to so many rows below it; values: [2, N, R, ...],
    without the rows of `_GROUND`."""
    count = _LINE[1] - _LINE[0] + 1
    return [values[:, :, _TILT + step :][:, :, :count] for step in range(first, last + 1)]


def underscored(pictures: Tensor, boxes: Tensor, image_index: Tensor, start: Tensor, there: Tensor) -> Tensor:
    """bool [N], whether an underscore stands between each box [N, 6] and the next one of its line.

    pictures: normalised, float [B, 3, H, W], of which a pyramid's other levels may be a part; image_index: int64 [N].
    start: float32 [N], where the next box begins, in pixels along the box from its centre. there: bool [N], whether
    there is a next box.
    """
    w, h = boxes[:, 2, None], boxes[:, 3, None]
    within, beside = (torch.tensor(values, device=boxes.device) for values in (_WITHIN, _BESIDE))
    end = w / 2
    start = torch.where(there[:, None], start[:, None], end)
    along = torch.cat(((end + start) / 2 + within * (start - end), end - beside * h, start + beside * h), 1)
    seen = _looked_at(pictures, boxes, image_index, along)
    gap = seen[:, : len(_GROUND), : len(_WITHIN)]
    level = gap.mean((1, 2), keepdim=True)
    least = (_CLEARER * (gap - level).abs().amax((1, 2))).clamp(min=_LEAST_CONTRAST)
    # The line is darker than the ground, or lighter: contrast is 2 x N x R x K.
    contrast = seen[:, len(_GROUND) :] - level
    contrast = torch.stack((contrast, -contrast))
    first, last = len(_WITHIN), len(_WITHIN) + len(_BESIDE)
    gap, before, after = contrast[..., :first], contrast[..., first:last], contrast[..., last:]
    (line,) = _rows_from(gap.amin(3), 0, 0)
    clear = line > least[:, None]
    for side in (before, after):
        clear = clear & (_CLEARER * torch.stack(_rows_from(side, -_TILT, _TILT)).amax(0).amin(3) < line)
    clear = clear & (_CLEARER * torch.stack(_rows_from(gap.amax(3), *_BELOW)).amin(0) < line)
    return there & clear.any(2).any(0)


def with_underscores(pictures: Tensor, boxes: Tensor, image_index: Tensor) -> Tensor:
    """Boxes [N, 6], each with the underscores that stand directly at its ends, except at those where another box of its
    line follows: these are `underscored`'s.

    pictures: normalised, float [B, 3, H, W], of which a pyramid's other levels may be a part; image_index: int64 [N].
    """
    cx, cy, w, h, theta, slant = boxes.unbind(1)
    before, after = (
        _reach(pictures, boxes, image_index, side) * ~followed
        for side, followed in zip((-1.0, 1.0), _followed(boxes, image_index), strict=True)
    )
    moved = (after - before) / 2
    return torch.stack((cx + moved * theta.cos(), cy + moved * theta.sin(), w + before + after, h, theta, slant), 1)


def _followed(boxes: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
    """bool [N] each, whether another box of the line lies near the start and near the end of boxes [N, 6]."""
    cx, cy, w, h, theta, _ = boxes.unbind(1)
    dx, dy = cx[None, :] - cx[:, None], cy[None, :] - cy[:, None]
    cos, sin, height = theta.cos()[:, None], theta.sin()[:, None], h[:, None]
    level = (dy * cos - dx * sin).abs() < _LEVEL * height
    line = level & (image_index[:, None] == image_index[None, :])
    along, apart = dx * cos + dy * sin, (w[:, None] + w[None, :]) / 2

    def near(gap: Tensor) -> Tensor:
        return (line & (gap > -_OVERLAP * height) & (gap < WIDEST * height)).any(1)

    return near(-along - apart), near(along - apart)


def _reach(pictures: Tensor, boxes: Tensor, image_index: Tensor, side: float) -> Tensor:
    """How far, in pixels [N], underscores go on beyond the end of boxes [N, 6] that lies at this side, -1 or 1."""
    w, h = boxes[:, 2, None], boxes[:, 3, None]
    beyond = _ALONG * (torch.arange(_PLACES, device=boxes.device) + 0.5)
    beside = torch.tensor(_BESIDE, device=boxes.device)
    along = torch.cat((w / 2 + beyond * h, w / 2 - beside * h), 1)
    seen = _looked_at(pictures, boxes, image_index, side * along)
    ground = seen[:, : len(_GROUND), :_PLACES]
    level = ground[..., : _START + _SHORTEST].mean((1, 2), keepdim=True)
    least = (_CLEARER * (ground - level).abs().amax(1)).clamp(min=_LEAST_CONTRAST)[:, None]  # N x 1 x K
    contrast = seen[:, len(_GROUND) :] - level
    contrast = torch.stack((contrast, -contrast))  # 2 x N x R x K, of a line that is lighter or darker
    outside, letters = contrast[..., :_PLACES], contrast[..., _PLACES:]
    line = torch.stack(_rows_from(outside, -1, 1)).amax(0)
    below = torch.stack(_rows_from(outside, *_BELOW)).amin(0)
    clear = (line > least) & (_CLEARER * below < line)
    place = torch.arange(_PLACES, device=boxes.device)
    goes_on = ((~clear & (place >= _START)).to(torch.int64).cumsum(3) == 0).to(torch.int64)
    length = goes_on.sum(3)  # 2 x N x R
    taken = (clear & (goes_on > 0)).sum(3)
    strength = (line * goes_on * clear).sum(3) / taken.clamp(min=1)
    underlined = _CLEARER * torch.stack(_rows_from(letters, -_TILT, _TILT)).amax(0).amin(3) >= strength
    usable = (taken >= _SHORTEST) & (length <= _LONGEST) & ~underlined
    return (length * usable).amax(2).amax(0) * _ALONG * h[:, 0]
