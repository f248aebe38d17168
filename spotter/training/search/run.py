"""The search itself: draws and measures candidates, and trains those within the budget."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spotter.families.config import SpotterConfig
from spotter.training.ablation import Row, run_row
from spotter.training.loop import DivergedError, Validate
from spotter.training.recipe import Recipe
from spotter.training.sample import Source
from spotter.training.search.halving import successive_halving
from spotter.training.search.results import HELD_OUT, Candidate, Settings, held_out_loss, load, save
from spotter.training.search.space import Dimensions, draw

Measure = Callable[[SpotterConfig], float]
"""Measures the milliseconds that the detector of a configuration takes for a picture."""
_DRAWS = 10  # for each wanted candidate; when these are used up, the budget is too small


@dataclass(frozen=True)
class Search:
    """folder: where results are saved. recipe: the candidates vary its network and are trained with its settings.
    validate: scores the averaged weights; it returns HELD_OUT and whatever else is to be saved."""

    folder: Path
    recipe: Recipe
    settings: Settings
    source: Source
    measure: Measure
    validate: Validate
    workers: int = 1

    def __call__(self) -> tuple[list[Candidate], Candidate]:
        """All candidates that were measured, and the winner. The candidates are the recipe's own network and drawn
        ones, until there are as many within the budget as wanted; those over the budget are not trained.

        Raises ValueError where the folder holds a search with other settings, no candidate is within the budget or all
        diverged, and InterruptedError when a signal stopped it; the same call then continues.
        """
        candidates = self._drawn(load(self.folder, self.settings))
        within_budget = [each for each in candidates if each.milliseconds <= self.settings.budget_ms]
        if not within_budget:
            fastest = min(each.milliseconds for each in candidates)
            raise ValueError(
                f"none of {len(candidates)} networks takes {self.settings.budget_ms:g} ms or less; the fastest takes "
                f"{fastest:.1f} ms"
            )

        def train(candidate: Candidate, steps: int) -> float:
            if candidate.run(steps) is None:
                candidate.runs.append(self._trained(candidate, steps))
                save(self.folder, self.settings, candidates)
            return held_out_loss(candidate.run(steps) or {})

        winner, loss = successive_halving(within_budget, train, self.settings.steps, self.settings.halvings)
        if math.isinf(loss):
            raise ValueError("every candidate diverged")
        save(self.folder, self.settings, candidates, winner.number)
        return candidates, winner

    def _drawn(self, known: list[Candidate]) -> list[Candidate]:
        """The candidates, including those over the budget; the first ones, which are `known`, keep their measured
        times."""
        rng = np.random.default_rng(self.settings.seed)
        base = self.recipe.model
        found: list[Candidate] = []
        seen: set[Dimensions] = set()
        fitting = 0
        for number in range(_DRAWS * self.settings.candidates):
            dimensions = draw(base, rng) if number else Dimensions.of(base)
            if dimensions in seen:
                continue
            seen.add(dimensions)
            if len(found) < len(known):
                candidate = known[len(found)]
            else:
                candidate = Candidate(len(found), dimensions, round(self.measure(dimensions.applied(base)), 2))
                save(self.folder, self.settings, [*found, candidate])
            found.append(candidate)
            fitting += candidate.milliseconds <= self.settings.budget_ms
            if fitting == self.settings.candidates:
                break
        return found

    def _trained(self, candidate: Candidate, steps: int) -> dict[str, Any]:
        """The result of a candidate after `steps` steps in all."""
        model = candidate.dimensions.applied(self.recipe.model)
        row = Row(f"candidate {candidate.number}", replace(self.recipe, model=model), ())
        try:
            result = run_row(
                self.folder / f"{candidate.number:02d}",
                row,
                self.source,
                self.validate,
                steps=steps,
                weights=None,
                teacher=None,
                workers=self.workers,
            )
        except DivergedError:
            return {"steps": steps, HELD_OUT: None}
        kept = {name: value for name, value in result.items() if name not in ("name", "fresh")}
        return {"steps": steps, **kept, HELD_OUT: result[HELD_OUT] if math.isfinite(result[HELD_OUT]) else None}
