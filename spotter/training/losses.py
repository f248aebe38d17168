"""The parts of the joint loss that all families share."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.families.interface import Family, Truth
from spotter.model.family import Maps
from spotter.training.batch import Batch
from spotter.training.config import LossConfig, TrainConfig


def score_loss(
    logits: Tensor, text: Tensor, counted: Tensor, hard_negatives: float, weights: Tensor | None = None
) -> Tensor:
    """Binary cross-entropy over all text points and the hardest background points of the batch (OHEM).

    logits: [B, H, W]; text, counted: bool [B, H, W]. weights: of the text points, float [B, H, W], see
    `anchor_weights`.
    """
    losses = F.binary_cross_entropy_with_logits(logits, text.to(logits.dtype), reduction="none")
    positive = losses[text] if weights is None else (losses * weights)[text]
    background = losses[counted & ~text]
    keep = min(background.numel(), max(int(hard_negatives * positive.numel()), background.numel() // 100))
    hardest = background.topk(keep).values if keep else background[:0]
    return (positive.sum() + hardest.sum()) / max(positive.numel() + keep, 1)


def anchor_weights(owner: Tensor, exponent: float) -> Tensor:
    """float32 [B, H, W]: the weight n ** -exponent of each anchor point in the core of a word with n points, normalised
    to a mean of 1, so that a letter of one point is not outweighed by long words. owner: int64 [B, H, W], -1 outside of
    words' cores."""
    count = torch.bincount((owner + 1).flatten())
    weights = count[owner + 1].float() ** -exponent * (owner >= 0)
    return weights * ((owner >= 0).sum() / weights.sum().clamp(min=1e-6))


def focal_loss(logits: Tensor, text: Tensor, counted: Tensor, gamma: float) -> Tensor:
    """Focal loss (Lin et al. 2017, arXiv:1708.02002) over the counted points, divided by the number of text points; its
    alpha is 1/2.

    logits: [B, H, W]; text, counted: bool [B, H, W].
    """
    losses = F.binary_cross_entropy_with_logits(logits, text.to(logits.dtype), reduction="none")
    wrong = 1 - torch.exp(-losses)
    return 0.5 * (wrong**gamma * losses * counted).sum() / text.sum().clamp(min=1)


def dice_loss(logits: Tensor, text: Tensor, counted: Tensor) -> Tensor:
    """1 - Dice coefficient over the counted points (Milletari et al. 2016, arXiv:1606.04797)."""
    probability = logits.sigmoid() * counted
    truth = (text & counted).to(logits.dtype)
    return 1 - (2 * (probability * truth).sum() + 1) / (probability.sum() + truth.sum() + 1)


def word_weights(image_index: Tensor, balance: float) -> Tensor:
    """float32 [N]: n ** -balance for a word of a picture with n words; image_index: int64 [N]."""
    return torch.bincount(image_index)[image_index].float() ** -balance


def detection_losses(maps: Maps, truth: Truth, config: LossConfig) -> dict[str, Tensor]:
    """The parts `score` and `dice`, each multiplied by its weight."""
    logits = maps.score[:, 0]
    found = (
        focal_loss(logits, truth.text, truth.counted, config.focal)
        if config.focal
        else score_loss(
            logits,
            truth.text,
            truth.counted,
            config.hard_negatives,
            anchor_weights(truth.owner, config.small_words) if config.small_words else None,
        )
    )
    return {
        "score": config.score * found,
        "dice": config.dice * dice_loss(logits, truth.text, truth.counted),
    }


def detector_losses(family: Family, maps: Maps, batch: Batch, config: TrainConfig) -> dict[str, Tensor]:
    """The weighted parts of the detector's loss for a batch: those that all families share, and the family's own."""
    weights = {**family.parts, **config.losses.own}
    own = family.losses(maps, batch.truth, word_weights(batch.image_index, config.balance))
    shared = detection_losses(maps, batch.truth, config.losses)
    return shared | {name: weight * own[name] for name, weight in weights.items() if weight}


def recognition_loss(logits: Tensor, widths: Tensor, targets: list[list[int]]) -> Tensor:
    """Sum over words of CTC's loss per character; logits: [N, W, classes]; widths: int [N], columns in use.

    A word with more characters than its columns can represent does not count.
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
    losses = F.cross_entropy(logits.transpose(1, 2), truth, reduction="none")
    counted = F.pad(targets > 0, (1, 0), value=True)  # the characters, and the end
    return (losses * counted / counted.sum(1, keepdim=True)).sum()
