"""Patterns of words, matched in time that is bounded by the lengths of pattern and word.

A pattern is a small regular expression that a whole word has to match. It is compiled to a position automaton
(Glushkov 1961), whose sets of states are the bits of integers. Engines for regular expressions do not accept texts in
which each character may be one of several, which is needed for repairing look-alike characters.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

LONGEST = 256
"""The most characters of a pattern."""
POSITIONS = 256
"""The most states of a pattern's automaton: its characters, with all repetitions counted."""
_NESTED = 16
_KNOWN_STEPS = 4_096
_QUANTIFIERS = {"?": (0, 1), "*": (0, None), "+": (1, None)}
_SPECIAL = "()[]{}|*+?.^$\\"

Accepts = Callable[[str], bool]


class PatternError(ValueError):
    """A text is no valid pattern; the message says why."""


class Pattern:
    """A pattern: literal characters, `.`, `\\d`, `\\w`, `[A-Z0-9]`, `[^-]`, groups with `|`, and the counts `?`, `*`,
    `+`, `{2}`, `{2,}`, `{2,4}`."""

    def __init__(self, text: str) -> None:
        """Raises PatternError."""
        if len(text) > LONGEST:
            raise PatternError(f"it has more than {LONGEST} characters")
        tree = _Parser(text).parse()
        if tree.size > POSITIONS:
            raise PatternError(f"it stands for words of up to {tree.size} characters; {POSITIONS} are the most")
        self._accepts: list[Accepts] = []
        self._follow = [0]
        part = tree.build(self)
        self._follow[0] = part.first
        self._final = part.last | part.empty
        self._precede = [
            sum(1 << state for state, mask in enumerate(self._follow) if mask >> at & 1) for at in self._all
        ]
        self._masks: dict[str, int] = {}
        self._steps: dict[int, int] = {}

    @property
    def _all(self) -> range:
        return range(len(self._follow))

    def fit(self, choices: Sequence[Sequence[tuple[str, int]]], most: int) -> str | None:
        """The matching text with the least cost, which is at most `most`; None where no text matches.

        choices: for each position of the text, the characters that it may be, each with its cost, 0 or 1.
        """
        reached = [[1, *[0] * most]]
        for options in choices:
            stepped = [self._step(states) for states in reached[-1]]
            states = [0] * (most + 1)
            for character, cost in options:
                mask = self._mask(character)
                for spent in range(most + 1 - cost):
                    states[spent + cost] |= stepped[spent] & mask
            reached.append(states)
        costs = [cost for cost, states in enumerate(reached[-1]) if states & self._final]
        return self._back(choices, reached, costs[0]) if costs else None

    def _back(self, choices: Sequence[Sequence[tuple[str, int]]], reached: list[list[int]], spent: int) -> str:
        """A text that leads to a final state at the cost `spent`."""
        text = []
        states = reached[-1][spent] & self._final
        for options, before in zip(reversed(choices), reversed(reached[:-1]), strict=True):
            for character, cost in options:
                here = states & self._mask(character)
                earlier = before[spent - cost] & self._before(here) if spent >= cost else 0
                if earlier:
                    text.append(character)
                    states, spent = earlier, spent - cost
                    break
        return "".join(reversed(text))

    def _mask(self, character: str) -> int:
        """The states whose character may be this one."""
        if character not in self._masks:
            self._masks[character] = sum(2 << at for at, accepts in enumerate(self._accepts) if accepts(character))
        return self._masks[character]

    def _step(self, states: int) -> int:
        """The states that may follow any of these."""
        if states not in self._steps:
            if len(self._steps) >= _KNOWN_STEPS:
                self._steps.clear()
            self._steps[states] = _union(self._follow, states)
        return self._steps[states]

    def _before(self, states: int) -> int:
        return _union(self._precede, states)

    def add(self, accepts: Accepts) -> "_Part":
        """A new state, for a character that `accepts` accepts."""
        self._accepts.append(accepts)
        self._follow.append(0)
        state = 1 << len(self._accepts)
        return _Part(state, state, 0)

    def connect(self, last: int, first: int) -> None:
        """Lets the states of `first` follow those of `last`."""
        for state in self._all:
            if last >> state & 1:
                self._follow[state] |= first


class _Part(NamedTuple):
    """A part of a pattern. first, last: the sets of states at which it may begin and end. empty: 1 where it may be left
    out, else 0."""

    first: int
    last: int
    empty: int


class _Tree(NamedTuple):
    """A parsed part of a pattern. size: the number of its states."""

    size: int
    build: Callable[[Pattern], _Part]


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text.removeprefix("^")
        if self._text.endswith("$") and not self._text.endswith("\\$"):
            self._text = self._text[:-1]
        self._at = 0
        self._depth = 0

    def parse(self) -> _Tree:
        tree = self._alternatives()
        if self._at < len(self._text):
            raise PatternError(f"there is no group that {self._text[self._at]!r} ends")
        return tree

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._next()
        if not character:
            raise PatternError("it ends too early")
        self._at += 1
        return character

    def _alternatives(self) -> _Tree:
        trees = [self._sequence()]
        while self._next() == "|":
            self._take()
            trees.append(self._sequence())
        return trees[0] if len(trees) == 1 else _either(trees)

    def _sequence(self) -> _Tree:
        trees = []
        while self._next() not in ("", "|", ")"):
            trees.append(self._counted(self._atom()))
        return _joined(trees)

    def _counted(self, tree: _Tree) -> _Tree:
        if self._next() in _QUANTIFIERS and self._next():
            least, most = _QUANTIFIERS[self._take()]
        elif self._next() == "{":
            self._take()
            least, most = self._count()
        else:
            return tree
        if self._next() in (*_QUANTIFIERS, "{") and self._next():
            raise PatternError(f"{self._next()!r} follows another count")
        return _repeated(tree, least, most)

    def _count(self) -> tuple[int, int | None]:
        end = self._text.find("}", self._at)
        first, comma, last = self._text[self._at : max(end, self._at)].partition(",")
        if not _is_number(first) or (last and not _is_number(last)):
            raise PatternError("a count is not like {2}, {2,} or {2,4}")
        self._at = end + 1
        least = int(first)
        most = (int(last) if last else None) if comma else least
        if most is not None and most < max(least, 1):
            raise PatternError(f"a count of {least} to {most} is none")
        return least, most

    def _atom(self) -> _Tree:
        character = self._take()
        if character == "(":
            return self._group()
        if character == "[":
            return _single(self._class())
        if character == ".":
            return _single(lambda _: True)
        if character == "\\":
            return _single(self._escaped())
        if character in _SPECIAL:
            raise PatternError(f"{character!r} stands where it means nothing; \\{character} is the character itself")
        return _single(character.__eq__)

    def _group(self) -> _Tree:
        if self._text.startswith("?:", self._at):
            self._at += 2
        self._depth += 1
        if self._depth > _NESTED:
            raise PatternError(f"more than {_NESTED} groups are in each other")
        tree = self._alternatives()
        if self._next() != ")":
            raise PatternError("a group has no end")
        self._take()
        self._depth -= 1
        return tree

    def _escaped(self) -> Accepts:
        character = self._take()
        if character == "d":
            return "0123456789".__contains__
        if character == "w":
            return lambda each: each.isalnum() or each == "_"
        if character.isalnum():
            raise PatternError(f"\\{character} is not known; \\d and \\w are")
        return character.__eq__

    def _class(self) -> Accepts:
        negated = self._next() == "^"
        if negated:
            self._take()
        members: list[Accepts] = []
        while self._next() != "]" or not members:
            first = self._take()
            if first == "\\":
                members.append(self._escaped())
            elif self._next() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._take()
                last = self._take()
                if last < first or last == "\\":
                    raise PatternError(f"there is nothing from {first!r} to {last!r}")
                members.append(_between(first, last))
            else:
                members.append(first.__eq__)
        self._take()
        return lambda each: any(accepts(each) for accepts in members) is not negated


def _between(first: str, last: str) -> Accepts:
    return lambda each: first <= each <= last


def _single(accepts: Accepts) -> _Tree:
    return _Tree(1, lambda pattern: pattern.add(accepts))


def _joined(trees: Sequence[_Tree]) -> _Tree:
    def build(pattern: Pattern) -> _Part:
        whole = _Part(0, 0, 1)
        for tree in trees:
            part = tree.build(pattern)
            pattern.connect(whole.last, part.first)
            first = whole.first | (part.first if whole.empty else 0)
            last = part.last | (whole.last if part.empty else 0)
            whole = _Part(first, last, whole.empty & part.empty)
        return whole

    return _Tree(sum(tree.size for tree in trees), build)


def _either(trees: Sequence[_Tree]) -> _Tree:
    def build(pattern: Pattern) -> _Part:
        whole = _Part(0, 0, 0)
        for tree in trees:
            part = tree.build(pattern)
            whole = _Part(whole.first | part.first, whole.last | part.last, whole.empty | part.empty)
        return whole

    return _Tree(sum(tree.size for tree in trees), build)


def _repeated(tree: _Tree, least: int, most: int | None) -> _Tree:
    def optional(pattern: Pattern) -> _Part:
        return tree.build(pattern)._replace(empty=1)

    def endless(pattern: Pattern) -> _Part:
        part = tree.build(pattern)
        pattern.connect(part.last, part.first)
        return part

    if most is not None:
        return _joined(
            [*[tree] * min(least, POSITIONS + 1), *[_Tree(tree.size, optional)] * min(most - least, POSITIONS + 1)]
        )
    loop = _Tree(tree.size, endless)
    if least:
        return _joined([*[tree] * (least - 1), loop])
    return _Tree(tree.size, lambda pattern: endless(pattern)._replace(empty=1))


def _union(masks: Sequence[int], states: int) -> int:
    union = 0
    while states:
        lowest = states & -states
        union |= masks[lowest.bit_length() - 1]
        states ^= lowest
    return union


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3
