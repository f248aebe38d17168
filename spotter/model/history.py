"""What the weights in a checkpoint went through, for the card of the bundle that is made of them."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

_RECOGNISER = "recogniser"
_ALONE = "recogniser_run"  # the table of a recipe that trains the recogniser alone
_STARTED_FROM, _RECIPES = "started_from", "recipes"


@dataclass(frozen=True)
class Trained:
    """One run of `spotter train`. name: of its recipe's file, without the ending. text: the recipe, in TOML."""

    name: str
    text: str

    @cached_property
    def table(self) -> Mapping[str, Any]:
        """The recipe, parsed. Raises TOMLDecodeError where the text is no TOML."""
        return tomllib.loads(self.text)

    @property
    def recogniser_alone(self) -> bool:
        """Whether the recipe trains nothing but the recogniser."""
        return _ALONE in self.table


@dataclass(frozen=True)
class History:
    """started_from: the published weights that parts of the network began with, see
    `spotter.training.pretrained.Provenance`. recipes: the runs since then, the first one first."""

    started_from: tuple[Mapping[str, str], ...] = ()
    recipes: tuple[Trained, ...] = ()

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """That of a checkpoint's content; empty where the checkpoint has none."""
        recipes = tuple(Trained(entry["name"], entry["text"]) for entry in state.get(_RECIPES, ()))
        return cls(tuple(state.get(_STARTED_FROM, ())), recipes)

    def entries(self) -> dict[str, Any]:
        """The entries of a checkpoint from which `of` makes it again."""
        recipes = [{"name": run.name, "text": run.text} for run in self.recipes]
        return {_STARTED_FROM: [dict(entry) for entry in self.started_from], _RECIPES: recipes}

    def then(self, run: Trained) -> "History":
        """With one more run at the end; unchanged where the last run was by the same recipe and is only continued."""
        if self.recipes and self.recipes[-1] == run:
            return self
        return History(self.started_from, (*self.recipes, run))

    def recogniser(self) -> "History":
        """That of the recogniser by itself."""
        return self._only(lambda part: part == _RECOGNISER, lambda run: run.recogniser_alone)

    def without(self, parts: Sequence[str]) -> "History":
        """That of the other parts of the network: those in `parts` have begun anew."""
        return self._only(
            lambda part: part not in parts, lambda run: not (run.recogniser_alone and _RECOGNISER in parts)
        )

    def __add__(self, other: "History") -> "History":
        """That of a network made of two parts."""
        return History((*self.started_from, *other.started_from), (*self.recipes, *other.recipes))

    def _only(self, part: Callable[[str], bool], run: Callable[[Trained], bool]) -> "History":
        began = tuple(entry for entry in self.started_from if part(entry["part"]))
        return History(began, tuple(each for each in self.recipes if run(each)))


UNKNOWN = History()
"""That of weights of which nothing is known, random ones among them."""
