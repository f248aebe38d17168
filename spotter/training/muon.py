"""The optimiser Muon: the momentum of a weight matrix is orthogonalised before each step."""

import torch
from torch import Tensor, nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ROUNDS = 5
_RMS = (
    0.2  # the usual RMS of AdamW's updates, so that its learning rates can be used (Liu et al. 2025, arXiv:2502.16982)
)


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix [M, N] with all singular values moved to between 0.7 and 1.2 by a Newton-Schulz iteration."""
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(_ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.transpose(0, 1) if tall else x


class Muon(torch.optim.AdamW):
    """Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") for the groups marked
    `orthogonal`, whose weights have two or more axes, and AdamW for the rest.

    A convolution's kernel is taken as a matrix of outputs x everything else.
    """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step. It clears the gradients of the orthogonal groups."""
        for group in self.param_groups:
            if group.get("orthogonal"):
                for weight in group["params"]:
                    if weight.grad is not None:
                        self._turn(weight, group)
                        weight.grad = None  # so that AdamW skips it
        super().step()

    def _turn(self, weight: nn.Parameter, group: dict[str, float]) -> None:
        gradient = weight.grad
        assert gradient is not None
        state = self.state[weight]
        if not state:
            state["step"] = torch.tensor(0.0)  # AdamW expects this entry when it loads a state
            state["momentum"] = torch.zeros_like(weight)
        state["step"] += 1
        mean: Tensor = state["momentum"]
        mean.lerp_(gradient, 1 - group["momentum"])
        update = orthogonalised(gradient.lerp(mean, group["momentum"]).flatten(1))
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(update.view_as(weight), alpha=-group["lr"] * _RMS * max(update.shape) ** 0.5)
