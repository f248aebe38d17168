"""The joint loss of detection and recognition."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.model.detection import DetectionMaps
from spotter.training.batch import Batch


def score_loss(
    logits: Tensor, text: Tensor, counted: Tensor, hard_negatives: float, weights: Tensor | None = None
) -> Tensor:
    """Binary cross-entropy over every text cell and the hardest background ones of the batch (OHEM).

    logits: [B, H, W]; text, counted: bool [B, H, W]. weights: of the text cells, float [B, H, W], see `cell_weights`.
    """
    losses = F.binary_cross_entropy_with_logits(logits, text.to(logits.dtype), reduction="none")
    positive = losses[text] if weights is None else (losses * weights)[text]
    background = losses[counted & ~text]
    keep = min(background.numel(), max(int(hard_negatives * positive.numel()), background.numel() // 100))
    hardest = background.topk(keep).values if keep else background[:0]
    return (positive.sum() + hardest.sum()) / max(positive.numel() + keep, 1)


def cell_weights(owner: Tensor, exponent: float) -> Tensor:
    """float32 [B, H, W]: the weight n ** -exponent of each core cell of a word with n of them, their mean 1, so that a
    letter of one cell is not drowned by long words. owner: int64 [B, H, W], -1 where no word's core is."""
    count = torch.bincount((owner + 1).flatten())
    weights = count[owner + 1].float() ** -exponent * (owner >= 0)
    return weights * ((owner >= 0).sum() / weights.sum().clamp(min=1e-6))


def focal_loss(logits: Tensor, text: Tensor, counted: Tensor, gamma: float) -> Tensor:
    """Focal loss (Lin et al. 2017, arXiv:1708.02002) over the counted cells, per text cell; its alpha is 1/2.

    logits: [B, H, W]; text, counted: bool [B, H, W].
    """
    losses = F.binary_cross_entropy_with_logits(logits, text.to(logits.dtype), reduction="none")
    wrong = 1 - torch.exp(-losses)
    return 0.5 * (wrong**gamma * losses * counted).sum() / text.sum().clamp(min=1)


def dice_loss(logits: Tensor, text: Tensor, counted: Tensor) -> Tensor:
    """1 - Dice coefficient over the counted cells (Milletari et al. 2016, arXiv:1606.04797)."""
    probability = logits.sigmoid() * counted
    truth = (text & counted).to(logits.dtype)
    return 1 - (2 * (probability * truth).sum() + 1) / (probability.sum() + truth.sum() + 1)


def word_weights(image_index: Tensor, balance: float) -> Tensor:
    """float32 [N]: n ** -balance for a word of a picture with n words; image_index: int64 [N]."""
    return torch.bincount(image_index)[image_index].float() ** -balance


def geometry_losses(maps: DetectionMaps, batch: Batch, balance: float) -> tuple[Tensor, Tensor, Tensor]:
    """(box, ends, direction) losses over the core cells, a word counting by `word_weights`, whatever its size.

    box: -log IoU in the word's own frame (Yu et al. 2016, UnitBox, arXiv:1608.01471), which hardly notices a missing
    letter of a long word. ends: smooth L1 on the left and right distances as shares of the height, counted the more
    the nearer a cell is to that end, since `sharpen_ends` asks those cells. direction: smooth L1 on the raw
    (cos, sin) and the slant; a cosine loss on the normalised pair would let its norm grow and its gradient vanish.
    """
    image, row, column = (batch.owner >= 0).nonzero().unbind(1)
    if not len(image):
        nothing = maps.distances.sum() * 0
        return nothing, nothing, nothing
    word = batch.owner[image, row, column]
    cx, cy, w, h, theta, slant = batch.boxes[word].unbind(1)
    cells = maps.cells
    x = cells.x[row, column] - cx
    y = cells.y[row, column] - cy
    cos, sin = theta.cos(), theta.sin()
    down = y * cos - x * sin
    along = x * cos + y * sin - slant * down
    truth = torch.stack((h / 2 + down, w / 2 - along, h / 2 - down, w / 2 + along), 1).clamp(min=0.5)
    count = torch.bincount(word, minlength=len(batch.boxes)).to(truth.dtype)
    weight = word_weights(batch.image_index, balance)[word] / count[word]
    weight = weight / weight.sum()
    told = maps.distances[image, :, row, column] * cells.scale[row, column][:, None]
    near = torch.minimum(told, truth)
    intersection = (near[:, 0] + near[:, 2]) * (near[:, 1] + near[:, 3])
    area_told = (told[:, 0] + told[:, 2]) * (told[:, 1] + told[:, 3])
    area_true = (truth[:, 0] + truth[:, 2]) * (truth[:, 1] + truth[:, 3])
    overlap = (intersection + 1) / (area_told + area_true - intersection + 1)
    nearness = (1 - 2 * truth[:, [1, 3]] / w[:, None]).clamp(min=0)
    off = F.smooth_l1_loss(told[:, [1, 3]] / h[:, None], truth[:, [1, 3]] / h[:, None], reduction="none", beta=0.2)
    direction = F.smooth_l1_loss(
        maps.direction[image, :, row, column], torch.stack((cos, sin, slant), 1), reduction="none", beta=0.2
    )
    return -(overlap.log() * weight).sum(), ((off * nearness).sum(1) * weight).sum(), (direction.sum(1) * weight).sum()


def recognition_loss(logits: Tensor, widths: Tensor, targets: list[list[int]]) -> Tensor:
    """Sum over words of CTC's loss per character; logits [N, W, classes], widths int [N] columns in use.

    A word with more characters than its columns can say counts nothing.
    """
    lengths = torch.tensor([len(target) for target in targets])
    flat = torch.tensor([character for target in targets for character in target])
    log_probability = logits.log_softmax(-1).transpose(0, 1)
    losses = F.ctc_loss(
        log_probability, flat.to(logits.device), widths.to(logits.device), lengths, reduction="none", zero_infinity=True
    )
    return (losses / lengths.to(losses)).sum()


def attention_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Sum over words of an attention decoder's mean cross-entropy per character, the end counting as one.

    logits: [N, L + 1, classes]. targets: int64 [N, L], 0 beyond a word's end.
    """
    truth = F.pad(targets, (0, 1))
    told = F.cross_entropy(logits.transpose(1, 2), truth, reduction="none")
    counted = F.pad(targets > 0, (1, 0), value=True)  # the characters, and the first 0 after them
    return (told * counted / counted.sum(1, keepdim=True)).sum()
