from hypothesis import given
from hypothesis import strategies as st

from spotter.reading.layout.frames import Box
from spotter.reading.layout.lines import Line
from spotter.reading.layout.order import Row, find_stacks, sort_tiers, stack_rows

TENTHS = st.integers(0, 2000).map(lambda tenths: tenths / 10)
PLACES = st.tuples(TENTHS, TENTHS, TENTHS, st.floats(1, 60))
WHERE = st.sampled_from((0.0, 150.0))


def row(left: float, right: float, middle: float, height: float, word: int) -> Row:
    return [Line([Box(left, right, middle, height, 0.0, 1.0, word)])]


@given(st.lists(st.tuples(PLACES, WHERE), min_size=1, max_size=12))
def test_rows_that_share_some_x_are_stacked_at_once_as_the_rules_would(
    drawn: list[tuple[tuple[float, ...], float]],
) -> None:
    rows = [
        row(200 * (shift > 0) + left, left + 210 + width, middle, height, word)
        for word, ((left, width, middle, height), shift) in enumerate(drawn)
    ]
    by_rules = sort_tiers(stack_rows(sorted(rows, key=lambda row: row[0].middle)))
    assert [stack.rows for stack in find_stacks(rows)] == [stack.rows for stack in by_rules]
