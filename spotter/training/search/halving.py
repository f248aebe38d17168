"""Successive halving: many short runs, the better half of which is repeatedly continued for twice as long."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def better_half(losses: Sequence[float]) -> list[int]:
    """The indices, ascending, of the lower half of the losses, at least one. With an odd number the half is rounded
    down; of equal losses the earlier one is taken."""
    order = sorted(range(len(losses)), key=losses.__getitem__)
    return sorted(order[: max(len(losses) // 2, 1)])


def successive_halving(
    entrants: Sequence[T], train: Callable[[T, int], float], steps: int, halvings: int
) -> tuple[T, float]:
    """The entrant with the lowest loss in the last round, and that loss (Jamieson and Talwalkar 2016, arXiv:1502.07943,
    with a factor of 2).

    train: trains an entrant until it has done this number of steps in all, and returns its loss, infinite where it
    diverged. In the first round all entrants do `steps`; after each of `halvings` halvings the better half continues to
    twice as many. The search ends early where one entrant is left. Raises ValueError where there is no entrant.
    """
    if not entrants:
        raise ValueError("nobody takes part")
    left = list(entrants)
    losses = [train(each, steps) for each in left]
    for number in range(1, halvings + 1):
        if len(left) == 1:
            break
        left = [left[index] for index in better_half(losses)]
        losses = [train(each, steps << number) for each in left]
    best = losses.index(min(losses))
    return left[best], losses[best]
