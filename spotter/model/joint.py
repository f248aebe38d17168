"""Decoding by attention, alone or together with CTC; the result has the form of CTC's columns."""

import torch
from torch import Tensor

from spotter.model.attention import AttentionDecoder, Spelling, View
from spotter.model.ctc import ForwardStep, as_ctc_columns, forward_step, greedy_path, text_log_probabilities, texts_of

_EQUAL = 1e-4  # nats: where both texts are the same, CTC's columns are taken


def attention_columns(decoder: AttentionDecoder, view: View, widths: Tensor, longest: int) -> Tensor:
    """The decoder's text as CTC's columns, see `as_ctc_columns`: log probabilities float32 [N, W, classes].

    view: of the patches. widths: int64 [N], columns of each. longest: characters of a text.
    """
    return _as_columns(decoder.write(view, _free(widths, longest)), widths, view)


def joint_columns(
    decoder: AttentionDecoder,
    view: View,
    logits: Tensor,
    widths: Tensor,
    longest: int,
    columns: int,
    ctc_weight: float,
    step: ForwardStep = forward_step,
) -> Tensor:
    """The text that CTC and the decoder score highest together: log probabilities float32 [N, W, classes].

    CTC's best path and the decoder's greedy output give two texts of a region. Both score each text, and the one with
    the higher weighted sum of log probabilities is kept: CTC's times `ctc_weight`, the decoder's times 1 - `ctc_weight`
    (Watanabe et al. 2017, "Hybrid CTC/Attention Architecture for End-to-End Speech Recognition"). A text of CTC's that
    has more characters than the decoder can write is kept as it is.

    logits: float32 [N, W, classes], CTC's. columns: W at most. step: of the forward algorithm. The rest as in
    `attention_columns`.
    """
    log_probabilities = logits.log_softmax(-1)
    texts, lengths = texts_of(greedy_path(logits, widths).classes, longest)
    spelling = decoder.write(view, torch.stack((_free(widths, longest)[:, 0], texts), 1))
    written = _until_the_end(spelling.classes)
    by_ctc = text_log_probabilities(log_probabilities, widths, written, columns, step)
    own, other = (ctc_weight * by_ctc + (1 - ctc_weight) * _by_attention(spelling)).unbind(1)
    as_ctc = (other >= own - _EQUAL) | (lengths > longest)
    return torch.where(as_ctc[:, None, None], log_probabilities, _as_columns(spelling, widths, view))


def _free(widths: Tensor, longest: int) -> Tensor:
    return torch.full((widths.shape[0], 1, longest), -1, dtype=torch.int64, device=widths.device)


def _as_columns(spelling: Spelling, widths: Tensor, view: View) -> Tensor:
    """The first text of each region as CTC's columns."""
    classes, log_probabilities, places = (part[:, 0] for part in spelling)
    return as_ctc_columns(classes, log_probabilities, places, widths, view.encoded.shape[1])


def _until_the_end(classes: Tensor) -> Tensor:
    """Texts [N, H, L], 0 from the first end on."""
    return classes * ((classes == 0).to(torch.int64).cumsum(2) == 0).to(classes.dtype)


def _by_attention(spelling: Spelling) -> Tensor:
    """The decoder's log probability [N, H] of texts, their end included, where they have one."""
    chosen = spelling.log_probabilities.gather(3, spelling.classes[..., None]).squeeze(3)
    ended = (spelling.classes == 0).to(torch.int64)
    counted = ended.cumsum(2) - ended == 0  # the characters, and the first end
    return (chosen * counted.to(chosen.dtype)).sum(2)
