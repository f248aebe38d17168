"""Which weights of a network are treated differently from the others; each part of the network states its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Roles:
    """Patterns (as of `fnmatch`) of the names of weights.

    dense: convolutions that take most of the time and lose little in 8 bits. exact: those of them that stay in float
        when the others are quantised to 8 bits; precise: those that stay in float when the others get half precision.
    last: the last convolutions whose maps have the shapes of the pictures; after them shapes depend on the words, so a
        graph is cut in two there.
    ends: first and last layers, whose inputs or outputs are pixels, classes or lengths rather than features.
    matrices: whether the products with constant matrices, except the last one, are quantised to 8 bits as well.
    """

    dense: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    precise: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    matrices: bool = False


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a weight's name matches one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def joined(parts: Mapping[str, Roles]) -> Roles:
    """The roles of a whole network from those of its parts; a part's name is the prefix of its weights' names."""

    def of(kind: str) -> tuple[str, ...]:
        return tuple(f"{name}.{pattern}" for name, roles in parts.items() for pattern in getattr(roles, kind))

    return Roles(
        of("dense"), of("exact"), of("precise"), of("last"), of("ends"), any(role.matrices for role in parts.values())
    )
