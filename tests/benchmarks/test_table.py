import pytest

from benchmarks.table import Spread, percentile, ratio, render, spread


def test_percentiles_lie_between_neighbours() -> None:
    assert percentile([4.0, 1.0, 2.0, 3.0], 0.5) == 2.5
    assert percentile([10.0, 20.0], 0.25) == 12.5
    assert percentile([7.0], 0.99) == 7.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_spread_of_eleven_values() -> None:
    assert spread([float(value) for value in range(10, -1, -1)]) == Spread(5.0, 1.0, 9.0)


def test_a_ratio_is_taken_round_by_round() -> None:
    # The machine was ten times slower in the second round; the quotients are 2, 2, 3.
    assert ratio([2.0, 20.0, 3.0], [1.0, 10.0, 1.0]) == 2.0


def test_a_table_aligns_names_left_and_numbers_right() -> None:
    text = render(("name", "ms", "n"), [("a", 1.234, 5), ("longer", 123.456, None)])
    assert text.splitlines() == ["name       ms  n", "a        1.23  5", "longer  123.5  -"]
