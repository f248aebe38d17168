"""Times as figures, figures as a table."""

from collections.abc import Mapping, Sequence

import numpy as np


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds: median, 10th, 90th, 95th and 99th percentile (linear between the ranks)."""
    values = np.percentile(np.asarray(seconds) * 1e3, (50, 10, 90, 95, 99))
    return {name: round(float(v), 2) for name, v in zip(("median", "p10", "p90", "p95", "p99"), values, strict=True)}


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows that share their keys, aligned: words to the left, numbers to the right."""
    if not rows:
        return ""
    cells = [[_shown(row[name]) for name in rows[0]] for row in rows]
    names = list(rows[0])
    widths = [max(len(name), *(len(line[n]) for line in cells)) for n, name in enumerate(names)]
    left = [isinstance(rows[0][name], str) for name in names]

    def line(values: Sequence[str]) -> str:
        parts = (
            value.ljust(width) if is_left else value.rjust(width)
            for value, width, is_left in zip(values, widths, left, strict=True)
        )
        return "  ".join(parts).rstrip()

    return "\n".join([line(names), *(line(values) for values in cells)])


def _shown(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
