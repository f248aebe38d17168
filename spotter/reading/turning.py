"""Pictures that are turned by 90, 180 or 270 degrees: the graph gives their orientation, and they are turned upright
and read again."""

from typing import Generic, Protocol, TypeVar

from spotter.reading.prepared import Prepared
from spotter.reading.session import Rows

_SURE = 0.6
"""The probability of an orientation from which another look is worth its time."""
_WORDS, _WELL_READ = 3, 0.6
"""No other look is taken where fewer words were found, or where their mean score is higher. Turned text is read as
nonsense: on forms and screens of the validation parts the mean score was 0.6 to 0.9 upright and 0.1 to 0.5 turned."""
_ON_ITS_SIDE, _READ_AS_IT_LIES = 0.9, 0.9
"""Where the graph's probability that a picture lies on its side is above the first, only a mean score above the second
avoids another look: many words of such a page are read as they lie, but more once it is upright."""
_NONSENSE, _RARELY_UPRIGHT = 0.3, 0.1
"""Where the mean score is below the first, the graph's probability of an upright picture is multiplied by the second:
the text that was read is better evidence than the map. For a scan that was upside down the map gave upright a
probability of 0.68, at a mean score of 0.13."""
_MANY = 20
"""A picture with at least this many words that every look reads as nonsense is looked at in all four orientations: for
a table that lay on its side, two looks in turn gave upside down a high probability."""


class Look(Protocol):
    """A prepared picture, and the graph's rows for it."""

    @property
    def prepared(self) -> Prepared: ...
    @property
    def rows(self) -> Rows: ...


L = TypeVar("L", bound=Look)


class Turns(Generic[L]):
    """Decides which further looks at a picture, in other orientations, are worth taking, and which look read most.

    first: the look at the picture as it lies.
    """

    def __init__(self, first: L) -> None:
        self.first = self.best = self._last = first
        self._turn = 0
        self._tried = {0}

    @property
    def next(self) -> int | None:
        """Quarter turns anticlockwise for the next look; None where the best look was already taken."""
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
        """Records a look at the picture turned by `turn` quarter turns."""
        self._turn, self._last = turn, look
        self._tried.add(turn)
        if _read(look.rows) > _read(self.best.rows):
            self.best = look


def lying(rows: Rows) -> int:
    """Quarter turns, 0 to 3, by which a picture is turned clockwise; 0 unless the graph is sure enough and the words
    are read badly. Of 90 and 270 degrees the more probable one is returned, and the next look may correct it."""
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
    """The expected number of words read right: the sum of their scores."""
    return float(rows.scores.sum())
