"""Which weights of a network are treated in a way of their own; each part of the network says so of its own weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Roles:
    """Patterns (as of `fnmatch`) of the names of weights.

    dense: of convolutions that take most of the time and that few bits serve well. exact: those of them that stay in
        float where the others have 8 bits; precise: where the others have half precision.
    last: of the convolutions behind which the shapes of maps follow from the words and no longer from the pictures;
        a graph is cut in two there.
    ends: of first and last layers, whose rows are pixels, classes or measures: no maps between features.
    matrices: whether the products with constant matrices, all but the last, go into 8 bits as well.
    """

    dense: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    precise: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    matrices: bool = False


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a weight's name is one that the patterns mean."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def joined(parts: Mapping[str, Roles]) -> Roles:
    """The roles of a whole, whose parts' weights begin with their names."""

    def of(kind: str) -> tuple[str, ...]:
        return tuple(f"{name}.{pattern}" for name, roles in parts.items() for pattern in getattr(roles, kind))

    return Roles(
        of("dense"), of("exact"), of("precise"), of("last"), of("ends"), any(role.matrices for role in parts.values())
    )
