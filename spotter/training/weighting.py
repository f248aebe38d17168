"""Weighting of the parts of the joint loss."""

import torch
from torch import Tensor, nn

METHODS = ("fixed", "uncertainty", "dwa")
_TEMPERATURE = 2.0


class LossWeighting(nn.Module):
    """Multiplies the parts of the loss, which are already multiplied by their fixed weights, by factors that start at
    1.

    fixed: the factors stay 1. uncertainty: the factor is exp(-s) with a learnt s for each part, and s is added to the
    loss (Kendall et al. 2018, arXiv:1705.07115, without the factors of 1/2). dwa: parts that fell less from one period
    of steps to the next get larger factors (dynamic weight average, Liu et al. 2019, arXiv:1803.10704); the factors sum
    to the number of parts.
    """

    def __init__(self, method: str, names: tuple[str, ...], period: int) -> None:
        """Raises ValueError for an unknown method."""
        super().__init__()
        if method not in METHODS:
            raise ValueError(f"weighting must be one of {', '.join(METHODS)}")
        self.method = method
        self.names = names
        self.period = period
        self.log_variance = nn.Parameter(torch.zeros(len(names)), requires_grad=method == "uncertainty")
        self.register_buffer("sums", torch.zeros(3, len(names)))  # of this period, the last, and the one before that
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    sums: Tensor
    steps: Tensor

    def factors(self) -> Tensor:
        """float32 [parts]."""
        if self.method == "uncertainty":
            return torch.exp(-self.log_variance)
        if self.method == "fixed" or self.steps < 2 * self.period:
            return torch.ones_like(self.log_variance)
        rate = self.sums[1] / self.sums[2].clamp(min=1e-9)
        return len(self.names) * (rate / _TEMPERATURE).softmax(0)

    def forward(self, parts: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weighted parts. In training their statistics are updated; unknown parts are returned unchanged."""
        factors = self.factors()
        known = torch.stack([parts[name] for name in self.names])
        if self.training and self.method == "dwa":
            self._note(known.detach())
        weighed = known * factors
        if self.method == "uncertainty":
            weighed = weighed + self.log_variance
        return parts | dict(zip(self.names, weighed.unbind(), strict=True))

    def _note(self, known: Tensor) -> None:
        self.sums[0] += known.to(self.sums)
        self.steps += 1
        if self.steps % self.period == 0:
            self.sums.copy_(torch.stack((torch.zeros_like(self.sums[0]), self.sums[0], self.sums[1])))
