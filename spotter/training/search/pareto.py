"""The Pareto front of the candidates in time and loss, and a plot of it."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from spotter.training.search.results import Candidate

_PATH = "pareto.svg"


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The indices, by ascending time, of the points (time, loss) on the Pareto front: no other point is lower in one
    coordinate and at most equal in the other."""

    def beaten(time: float, loss: float) -> bool:
        return any(t <= time and other <= loss and (t, other) != (time, loss) for t, other in points)

    return sorted((n for n, point in enumerate(points) if not beaten(*point)), key=points.__getitem__)


def draw_front(folder: Path, candidates: Sequence[Candidate], winner: Candidate, budget_ms: float) -> Path:
    """Writes a plot of times and losses to a folder, and returns its path. For each round it shows the candidates, with
    their numbers, and their Pareto front; candidates that diverged are left out."""
    figure = Figure(figsize=(6.4, 4.2))
    axes = figure.subplots()
    for index, steps in enumerate(sorted({run["steps"] for each in candidates for run in each.runs})):
        points = {each.number: point for each in candidates if (point := _point(each, steps)) is not None}
        values, colour = list(points.values()), f"C{index}"
        best = [values[number] for number in front(values)]
        axes.plot([time for time, _ in best], [loss for _, loss in best], color=colour, linewidth=1, alpha=0.6)
        axes.plot([t for t, _ in values], [y for _, y in values], "o", ms=4, color=colour, label=f"{steps} steps")
        for number, point in points.items():
            axes.annotate(str(number), point, (4, 4), textcoords="offset points", fontsize=7, color=colour)
    if (won := _point(winner, winner.runs[-1]["steps"])) is not None:
        axes.plot(*won, "o", ms=11, markerfacecolor="none", markeredgecolor="black", linestyle="", label="winner")
    axes.axvline(budget_ms, color="grey", linestyle=":", linewidth=1, label="budget")
    axes.set(xlabel="milliseconds for a picture", ylabel="loss on pictures held out")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    path = folder / _PATH
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "spotter"}):
        figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})
    return path


def _point(candidate: Candidate, steps: int) -> tuple[float, float] | None:
    """The time and the loss of a candidate after `steps` steps; None where it has no finite loss."""
    loss = candidate.loss(steps)
    return None if loss is None or math.isinf(loss) else (candidate.milliseconds, loss)
