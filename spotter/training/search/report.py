"""A search's results as a table, and the winner as lines of a recipe."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from spotter.training.ablation import markdown, overlaid
from spotter.training.recipe_tables import toml_tables
from spotter.training.search.results import Candidate


def table(candidates: Sequence[Candidate], winner: Candidate) -> str:
    """A Markdown table of the candidates that were trained: the loss after each round, and the scores after each
    candidate's last round; the first row is the recipe's own network."""
    return markdown([_row(each, each is winner) for each in candidates if each.runs])


def _row(candidate: Candidate, won: bool) -> dict[str, Any]:
    own = candidate.dimensions
    row: dict[str, Any] = {
        "candidate": f"{candidate.number}{', the winner' if won else ''}",
        "ms": f"{candidate.milliseconds:.1f}",
        "stem": own.stem,
        "channels": " ".join(map(str, own.channels)),
        "blocks": " ".join(map(str, own.blocks)),
        "neck": own.neck,
        "head": own.head,
    }
    for run in candidate.runs:
        loss = candidate.loss(run["steps"])
        row[f"loss at {run['steps']}"] = "diverged" if loss is None or math.isinf(loss) else f"{loss:.3f}"
    row |= {f"F {name}": value for name, value in candidate.runs[-1].items() if name.endswith("/detection")}
    return row


def recipe_lines(model: Mapping[str, Any], winner: Candidate) -> str:
    """The lines of a recipe's tables [model...]: the recipe's own values in `model`, with the winner's widths and
    depths."""
    return "\n\n".join(toml_tables("model", overlaid(model, winner.dimensions.fields())))
