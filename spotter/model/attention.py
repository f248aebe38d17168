"""An attention decoder: it trains the recogniser in addition to CTC, and may also read the text."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Spelling(NamedTuple):
    """The texts that a decoder wrote, H for each of N regions, in L steps.

    classes: int64 [N, H, L], the class that was written in each step, 0 being the end. log_probabilities: float32
    [N, H, L, classes], of all classes in each step. places: float32 [N, H, L], the mean column that a step looked at.
    """

    classes: Tensor
    log_probabilities: Tensor
    places: Tensor


class View(NamedTuple):
    """What a decoder looks at. encoded: [N, W, D], the columns. keys: [N, D, W], with which a state is compared.
    beyond: [N, 1, W], added to the attention scores: 0 in the region and a large negative number beyond it. columns:
    [W], the columns' indices."""

    encoded: Tensor
    keys: Tensor
    beyond: Tensor
    columns: Tensor


class AttentionDecoder(nn.Module):
    """Predicts a word character by character, attending to the columns for each (Luong et al. 2015, arXiv:1508.04025).

    It is trained by teacher forcing, as in joint CTC and attention training (Kim et al. 2017, arXiv:1609.06773), which
    helps CTC to align its columns with the characters. Class 0 starts and ends a word.
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
        logits, _ = self._look(state, self.view(encoded, widths))
        return logits

    def write(self, view: View, given: Tensor) -> Spelling:
        """Writes H texts of each region, step by step.

        given: int64 [N, H, L], the class to write in each step, or -1 for the most probable one. An exported graph
        contains these L steps one after the other, without a loop.
        """
        regions, texts, steps = given.shape
        state = view.encoded.new_zeros(regions, texts, view.encoded.shape[2])
        last = torch.zeros_like(given[:, :, 0])
        classes, log_probabilities, places = [], [], []
        for step in range(steps):
            last, state, log_probability, place = self.step(step, given, last, state, view)
            classes.append(last)
            log_probabilities.append(log_probability)
            places.append(place)
        return Spelling(torch.stack(classes, 2), torch.stack(log_probabilities, 2), torch.stack(places, 2))

    def step(
        self, step: int, given: Tensor, last: Tensor, state: Tensor, view: View
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One step of `write`: from the class int64 [N, H] and the state [N, H, D] before it to the class, the state,
        the log probabilities [N, H, classes] and the mean column [N, H] that the step looked at."""
        # The input's part of the GRU depends on the character alone.
        gru = self.state.get_parameter
        inputs = F.linear(self.embed.weight, gru("weight_ih_l0"), gru("bias_ih_l0"))[last]
        recurrent = F.linear(state, gru("weight_hh_l0"), gru("bias_hh_l0"))
        (reset, update, new), (r, z, n) = inputs.chunk(3, -1), recurrent.chunk(3, -1)
        new = (new + (reset + r).sigmoid() * n).tanh()
        state = new + (update + z).sigmoid() * (state - new)
        logits, weights = self._look(state, view)
        wanted = given[:, :, step]
        chosen = torch.where(wanted < 0, logits.argmax(-1), wanted)
        return chosen, state, logits.log_softmax(-1), (weights * view.columns).sum(-1)

    def view(self, encoded: Tensor, widths: Tensor) -> View:
        """The columns that the decoder looks at; encoded and widths as in `forward`."""
        columns = torch.arange(encoded.shape[1], device=encoded.device)
        # (query(state)) . column is state . (column, times the query's matrix), which is the same in all steps.
        keys = (encoded @ self.query.weight.to(encoded.dtype) * encoded.shape[2] ** -0.5).transpose(1, 2)
        beyond = torch.where(columns < widths[:, None], 0.0, -1e4)[:, None]
        return View(encoded, keys, beyond, columns.to(encoded.dtype))

    def _look(self, state: Tensor, view: View) -> tuple[Tensor, Tensor]:
        """Logits float32 [N, L, classes] in states [N, L, D], and the weights [N, L, W] of the columns."""
        weights = ((state @ view.keys).float() + view.beyond).softmax(-1)
        seen = weights.to(view.encoded.dtype) @ view.encoded
        return self.classify(self.join(torch.cat((state, seen), 2)).tanh()).float(), weights
