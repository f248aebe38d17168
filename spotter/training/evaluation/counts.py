"""Precision, recall and F."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """The numbers of true words, of predicted words and of correct ones; an undefined ratio is 0."""

    correct: int = 0
    truths: int = 0
    predictions: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.correct + other.correct, self.truths + other.truths, self.predictions + other.predictions)

    @property
    def precision(self) -> float:
        return self.correct / self.predictions if self.predictions else 0.0

    @property
    def recall(self) -> float:
        return self.correct / self.truths if self.truths else 0.0

    @property
    def f(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.truths + self.predictions
        return 2 * self.correct / both if both else 0.0
