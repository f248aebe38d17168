"""The results of a search so far, saved in its folder, so that the same command continues it."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spotter.training.search.space import Dimensions

RESULTS = "results.json"
HELD_OUT = "held_out"
"""The name of the loss by which candidates are judged, see `spotter.training.search.held_out`."""


@dataclass(frozen=True)
class Settings:
    """The settings that identify a search: a command continues it only with the same ones. recipe: SHA-256 of its text.
    budget_ms: for a picture of side x side pixels. against: folders that the candidates are scored on, with `limit`
    pictures of each."""

    recipe: str
    budget_ms: float
    candidates: int
    steps: int
    halvings: int
    seed: int
    side: int
    against: tuple[str, ...] = ()
    limit: int = 0


@dataclass
class Candidate:
    """A candidate network. milliseconds: of the detector for one picture. runs: the results after each round that it
    took part in, as returned by `spotter.training.ablation.run_row`, with `steps` added; empty where it is over the
    budget."""

    number: int
    dimensions: Dimensions
    milliseconds: float
    runs: list[dict[str, Any]] = field(default_factory=list)

    def run(self, steps: int) -> dict[str, Any] | None:
        """The result after `steps` steps; None where there is none."""
        return next((run for run in self.runs if run["steps"] == steps), None)

    def loss(self, steps: int) -> float | None:
        """The loss by which it is judged after `steps` steps, infinite where it diverged; None where there is no such
        result."""
        run = self.run(steps)
        return None if run is None else held_out_loss(run)


def held_out_loss(run: dict[str, Any]) -> float:
    """The loss of a run by which candidates are judged, infinite where it diverged."""
    loss = run.get(HELD_OUT)
    return math.inf if loss is None else float(loss)


def load(folder: Path, settings: Settings) -> list[Candidate]:
    """The candidates saved in a folder; an empty list where there is no search yet. Raises ValueError where the folder
    holds a search with other settings."""
    file = folder / RESULTS
    if not file.exists():
        return []
    found = json.loads(file.read_text())
    # Through JSON, which turns tuples into lists as in the file.
    wanted = json.loads(json.dumps(asdict(settings)))
    if other := [name for name, value in wanted.items() if found["settings"].get(name) != value]:
        raise ValueError(f"{folder} holds a search of other settings ({', '.join(other)})")
    return [_candidate(entry) for entry in found["candidates"]]


def _candidate(entry: dict[str, Any]) -> Candidate:
    own = entry["dimensions"]
    dimensions = Dimensions(own["stem"], tuple(own["channels"]), tuple(own["blocks"]), own["neck"], own["head"])
    return Candidate(entry["number"], dimensions, entry["milliseconds"], entry["runs"])


def save(folder: Path, settings: Settings, candidates: list[Candidate], winner: int | None = None) -> None:
    """Writes the results atomically. winner: its number, once it is known."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"settings": asdict(settings), "winner": winner, "candidates": [asdict(each) for each in candidates]}
    temporary = folder / f"{RESULTS}.new"
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(folder / RESULTS)
