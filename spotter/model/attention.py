"""An attention decoder, which trains the recogniser in addition to CTC."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AttentionDecoder(nn.Module):
    """Predicts a word character by character, attending to the columns for each (Luong et al. 2015, arXiv:1508.04025).

    It is trained by teacher forcing, as in joint CTC and attention training (Kim et al. 2017,
    arXiv:1609.06773): CTC's columns are then led to align with characters. Class 0 starts and ends a word.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(classes, width)
        self.state = nn.GRU(width, width, batch_first=True)
        self.query = nn.Linear(width, width, bias=False)
        self.join = nn.Linear(2 * width, width)
        self.classify = nn.Linear(width, classes)

    def forward(self, encoded: Tensor, widths: Tensor, targets: Tensor) -> Tensor:
        """Logits float32 [N, L + 1, classes] of each character of targets int64 [N, L] (0 beyond a word's end) and of
        the end, given the characters before it.

        encoded: [N, W, D], columns of the patches. widths: int [N], how many of them belong to the region.
        """
        with torch.autocast(encoded.device.type, enabled=False):  # not every CPU has a GRU in bfloat16
            state, _ = self.state(self.embed(F.pad(targets, (1, 0))))  # N x L + 1 x D
        scores = (self.query(state) @ encoded.transpose(1, 2)).float() * encoded.shape[2] ** -0.5
        beyond = torch.arange(encoded.shape[1], device=encoded.device) >= widths[:, None]
        weights = scores.masked_fill(beyond[:, None], -1e4).softmax(-1)
        seen = weights.to(encoded.dtype) @ encoded
        logits: Tensor = self.classify(self.join(torch.cat((state, seen), 2)).tanh()).float()
        return logits
