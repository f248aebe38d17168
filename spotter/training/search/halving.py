"""Successive halving: many short runs, of which the better half goes on twice as long."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def better_half(losses: Sequence[float]) -> list[int]:
    """The indices, ascending, of the lower half of the losses, at least one; of an odd number the smaller half, of
    equal losses the earlier."""
    order = sorted(range(len(losses)), key=losses.__getitem__)
    return sorted(order[: max(len(losses) // 2, 1)])


def successive_halving(
    entrants: Sequence[T], train: Callable[[T, int], float], steps: int, halvings: int
) -> tuple[T, float]:
    """The entrant of the lowest loss in the last round, and that loss (Jamieson and Talwalkar 2016, arXiv:1502.07943,
    with a factor of 2).

    train: trains an entrant until it has done so many steps in all, and returns its loss, infinite where it diverged.
    In the first round everyone does `steps`; after each of so many halvings the better half does twice as many. It ends
    early where one is left. Raises ValueError where there is nobody.
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
