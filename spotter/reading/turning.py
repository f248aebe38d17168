"""Pictures that lie on a side or stand on their head: the graph says so, and they are turned upright and read again."""

from typing import Generic, Protocol, TypeVar

from spotter.reading.prepared import Prepared
from spotter.reading.session import Rows

_SURE = 0.6
"""Of probability, from which on another look is worth its time."""
_WORDS, _WELL_READ = 3, 0.6
"""No other look is worth it where fewer words were found, or where their mean score is higher. Text that lies turned is
read as nonsense: on forms and screens of the validation parts the mean was 0.6 to 0.9 upright, 0.1 to 0.5 turned."""
_ON_ITS_SIDE, _READ_AS_IT_LIES = 0.9, 0.9
"""Where the graph is so sure that a picture lies on a side, only a higher mean score spares it another look: many words
of such a page are read as they lie, but more of it once it is upright."""
_NONSENSE, _RARELY_UPRIGHT = 0.3, 0.1
"""Where the mean score is lower, the graph's probability of an upright picture counts only so much: what is read says
more about it than the map does. On a scan that stood on its head the map was sure of upright by 0.68, at a mean of
0.13."""
_MANY = 20
"""Words from which on a picture of which every look reads nonsense is looked at in all four ways: of a table that lay
on its side the map was sure, twice, that it stood on its head."""


class Look(Protocol):
    """A picture as it was prepared, and what the graph read of it."""

    @property
    def prepared(self) -> Prepared: ...
    @property
    def rows(self) -> Rows: ...


L = TypeVar("L", bound=Look)


class Turns(Generic[L]):
    """Which looks at a picture, turned one way or another, are worth taking, and which of them read most.

    first: at the picture as it lies.
    """

    def __init__(self, first: L) -> None:
        self.first = self.best = self._last = first
        self._turn = 0
        self._tried = {0}

    @property
    def next(self) -> int | None:
        """Quarter turns anticlockwise of the next look; None where the best one is taken already."""
        turn = (self._turn + lying(self._last.rows)) % 4
        if turn not in self._tried:
            return turn
        odds, best = self.first.rows.orientation, self.best.rows
        if odds is None or len(self._tried) in (1, 4):
            return None
        words = len(best.scores)
        left = [turn for turn in range(4) if turn not in self._tried]
        if words < _MANY or _read(best) >= _NONSENSE * words:
            return None
        return max(left, key=lambda turn: float(odds[turn]))

    def took(self, turn: int, look: L) -> None:
        """Counts a look at the picture so turned."""
        self._turn, self._last = turn, look
        self._tried.add(turn)
        if _read(look.rows) > _read(self.best.rows):
            self.best = look


def lying(rows: Rows) -> int:
    """Quarter turns by which a picture lies turned clockwise, 0 to 3, as far as the graph is sure and its words are
    read badly. One that lies on either side is turned as is more probable, and the next look may correct it."""
    words = len(rows.scores)
    if rows.orientation is None or words < _WORDS:
        return 0
    read = _read(rows)
    if read > _READ_AS_IT_LIES * words:
        return 0
    odds = rows.orientation.astype(float)
    on_its_side = odds[1] + odds[3] >= _ON_ITS_SIDE * odds.sum()
    if read > _WELL_READ * words and not on_its_side:
        return 0
    if read < _NONSENSE * words:
        odds[0] *= _RARELY_UPRIGHT
    turn = int(odds.argmax())
    sure = odds[1] + odds[3] if turn % 2 else odds[turn]
    return turn if sure >= _SURE * odds.sum() else 0


def _read(rows: Rows) -> float:
    """How many words were read, each counted by how probably it is right."""
    return float(rows.scores.sum())
