"""The log of a training run: `log.jsonl`, TensorBoard curves, and means over the steps between two records."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter


class RunLog:
    """Writes records of a run to its folder, and averages values over the steps between two records."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sums: dict[str, float] = {}
        self._count = 0

    def record(self, record: Mapping[str, Any]) -> None:
        """Appends a line to log.jsonl."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")

    def add(self, values: Mapping[str, float]) -> None:
        """Adds the values of a step to the means."""
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in values.items()}
        self._count += 1

    def means(self, digits: int) -> dict[str, float]:
        """The means of the values added since the last call, rounded."""
        means = {name: round(value / self._count, digits) for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        return means

    def curves(self) -> SummaryWriter:
        """The writer of TensorBoard curves, a context."""
        return SummaryWriter(str(self._folder / "curves"))


def plot(curves: SummaryWriter, values: Mapping[str, float], step: int, prefix: str = "") -> None:
    """Adds a point to the curve of each value."""
    for name, value in values.items():
        curves.add_scalar(f"{prefix}{name}", value, step)
