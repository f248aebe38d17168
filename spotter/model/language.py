"""A character n-gram language model as tables, and the beam search that combines it with the recogniser.

There is no word list: any text can be read, at the cost that the n-gram model gives it. The states of a back-off n-gram
model form an automaton (Mohri et al. 2002, "Weighted finite-state transducers in speech recognition"), so that a step
of the model takes two table lookups.

The search is written here so that it can be part of the graph: libraries for it, such as pyctcdecode and flashlight,
work on a graph's output and would have to be installed wherever a bundle is served. As a kernel it takes 0.14 ms a
word, in standard operators 0.95 ms (docs/operators.md).
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spotter.model.charset import Charset
from spotter.model.config import SearchConfig

STEP = 0.05
"""Nats of one unit of cost."""
LARGEST_MARGIN = 20.0
"""The largest margin in nats; larger ones are clipped."""
IMPOSSIBLE = -1e9
"""The score of an impossible path."""
MULTIPLIER, MODULUS, SHIFT = 257, 2147483629, 256
"""A text is identified by a polynomial hash; each symbol updates it: times MULTIPLIER, plus the symbol's index from 1,
modulo MODULUS (a prime below 2 ** 31)."""


@dataclass(frozen=True)
class LanguageTables:
    """An n-gram model of S states (each a context of characters; state 0 is the beginning of a word) and A symbols
    (characters, ignoring case; the last one is the end of the word).

    costs: uint8 [S, A], -log probability of the symbol after the context, in units of `STEP`.
    following: uint16 [S, A], the state after the symbol; 0 after the end of the word.
    symbols: str, the characters of symbols 0 to A - 2, in order, in lower case.
    """

    costs: NDArray[np.uint8]
    following: NDArray[np.uint16]
    symbols: str

    def __post_init__(self) -> None:
        states, size = self.costs.shape
        if self.following.shape != (states, size) or not 1 <= states <= 1 << 16:
            raise ValueError("costs and following must be [S, A] with at most 65,536 states")
        if size > SHIFT:
            raise ValueError("more than 256 symbols")
        if len(self.symbols) != size - 1 or len(set(self.symbols)) != size - 1:
            raise ValueError("symbols must name every column but the last, each once")
        if int(self.following.max()) >= states:
            raise ValueError("following names a state that is not there")

    def save(self, path: Path) -> None:
        """Writes a compressed .npz file."""
        with path.open("wb") as file:
            np.savez_compressed(
                file, costs=self.costs, following=self.following, symbols=np.frombuffer(self.symbols.encode(), np.uint8)
            )

    @classmethod
    def load(cls, path: Path) -> "LanguageTables":
        """Raises ValueError for a file that holds no tables."""
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return cls(file["costs"], file["following"], bytes(file["symbols"]).decode())
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path} holds no language model: {error}") from error


class LanguageModel(nn.Module):
    """Decodes with the recogniser and a language model: CTC beam search with shallow fusion (Hannun et al. 2014,
    arXiv:1408.2873; here each text has the score of its best path).

    A text's score is the log probability of its best path, less `weight` times the language model's -log probability,
    plus `bonus` for each character, without which the search would prefer short texts.
    """

    costs: Tensor
    following: Tensor
    symbols: Tensor
    costs_of_classes: Tensor

    def __init__(self, tables: LanguageTables, charset: Charset, config: SearchConfig) -> None:
        """Raises ValueError where a character of the charset has no symbol."""
        super().__init__()
        known = {character: index for index, character in enumerate(tables.symbols)}
        missing = [c for c in charset.characters if c.lower() not in known]
        if missing:
            raise ValueError(f"the language model does not know {missing[0]!r}")
        self.config = config
        self.unit = config.weight * STEP
        self.register_buffer("costs", torch.from_numpy(tables.costs.copy()), persistent=False)
        self.register_buffer("following", torch.from_numpy(tables.following.astype(np.int32)), persistent=False)
        places = [len(tables.symbols), *(known[c.lower()] for c in charset.characters)]
        self.register_buffer("symbols", torch.tensor(places), persistent=False)
        self.register_buffer("costs_of_classes", self.costs[:, self.symbols], persistent=False)

    def forward(self, log_probabilities: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """The best texts, and their margins.

        log_probabilities: float32 [N, W, classes]. widths: int64 [N], columns that belong to the region.
        Returns classes int32 [N, W], each character at the column where its best path begins it and the blank
        elsewhere; and the margins float32 [N]: nats from the best text to the next one that differs in more than case.
        """
        regions, columns, classes = log_probabilities.shape
        beams, device = self.config.beams, log_probabilities.device
        score = torch.full((regions, beams), IMPOSSIBLE, device=device)
        score[:, 0] = 0
        state = torch.zeros(regions, beams, dtype=torch.int64, device=device)
        last, number = state.clone(), state.clone()
        text = torch.zeros(regions, beams, columns, dtype=torch.int64, device=device)
        nothing = torch.full((classes,), IMPOSSIBLE, device=device)
        nothing[0] = 0
        for column in range(columns):
            log_probability = torch.where((column < widths)[:, None], log_probabilities[:, column], nothing)
            score, parent, kind = self._step(log_probability, score, state, last, number)
            state, last, number, spelt = self._after(parent, kind, state, last, number)
            score, state, last, number, parent, spelt = self._distinct(score, state, last, number, parent, spelt)
            text = text.gather(1, parent[..., None].expand(-1, -1, columns))
            text[:, :, column] = spelt
        end = -self.unit * self.costs[state, -1].float()
        final = score + torch.where(number > 0, end, 0.0)
        best = final.argmax(1, keepdim=True)
        found = text.gather(1, best[..., None].expand(-1, -1, columns)).squeeze(1)
        others = torch.where(number != number.gather(1, best), final, IMPOSSIBLE)
        margins = (final.gather(1, best).squeeze(1) - others.amax(1)).clamp(max=LARGEST_MARGIN)
        return found.to(torch.int32), margins

    def _step(
        self, log_probability: Tensor, score: Tensor, state: Tensor, last: Tensor, number: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The best 2 x beams continuations: scores, parents and classes [N, 2 beams]."""
        regions, classes = log_probability.shape
        every = torch.arange(classes, device=log_probability.device)
        gain = self.config.bonus - self.unit * self.costs_of_classes[state].float()  # N x K x C
        stays = (every == 0) | (every == last[..., None])
        ways = (score[..., None] + log_probability[:, None]) + torch.where(stays, 0.0, gain)
        ordered, index = ways.reshape(regions, -1).sort(dim=1, descending=True, stable=True)
        index = index[:, : 2 * self.config.beams]
        return ordered[:, : 2 * self.config.beams], index // classes, index % classes

    def _after(
        self, parent: Tensor, kind: Tensor, state: Tensor, last: Tensor, number: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The result of these continuations: states, last classes, texts' hashes, and the classes they add (0:
        none)."""
        state, number = state.gather(1, parent), number.gather(1, parent)
        new = (kind != 0) & (kind != last.gather(1, parent))
        symbol = self.symbols[kind]
        state = torch.where(new, self.following[state, symbol].to(torch.int64), state)
        number = torch.where(new, (number * MULTIPLIER + symbol + 1) % MODULUS, number)
        return state, kind, number, torch.where(new, kind, 0)

    def _distinct(self, score: Tensor, state: Tensor, last: Tensor, number: Tensor, *more: Tensor) -> list[Tensor]:
        """The best `beams` continuations that differ in text or last symbol, ignoring case."""
        key = number * SHIFT + self.symbols[last]
        same = (key[:, :, None] == key[:, None, :]).triu(1).any(1)
        score, order = torch.where(same, IMPOSSIBLE, score).sort(dim=1, descending=True, stable=True)
        order = order[:, : self.config.beams]
        kept = [value.gather(1, order) for value in (state, last, number, *more)]
        return [score[:, : self.config.beams], *kept]
