"""Arithmetic on repeated measurements, and tables of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spread:
    """Median, 10th and 90th percentile of a measurement, in its unit."""

    median: float
    p10: float
    p90: float


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie, between neighbours by linear interpolation.

    Raises ValueError for no values.
    """
    if not values:
        raise ValueError("no values")
    return float(np.quantile(np.asarray(values, np.float64), share))


def spread(values: Sequence[float]) -> Spread:
    """Median, p10 and p90. Raises ValueError for no values."""
    return Spread(percentile(values, 0.5), percentile(values, 0.1), percentile(values, 0.9))


def ratio(values: Sequence[float], base: Sequence[float]) -> float:
    """How many times `base` the values are: the median of the quotients of values measured side by side, which slow
    phases of the machine hardly affect."""
    return percentile([value / reference for value, reference in zip(values, base, strict=True)], 0.5)


def render(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as text, with columns two spaces apart: the first aligned left, the others right; floats with one or two
    digits."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for first, *others in cells:
        right = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *right]))
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)
