"""How users name a model: `NAME`, or `NAME@ALIAS` with an alias or a version."""

from typing import NamedTuple, Self

from spotter.registry.manifest import is_name
from spotter.registry.source import LIVE


class ModelReference(NamedTuple):
    """A model, and the alias or version of it that is meant."""

    name: str
    alias: str = LIVE

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses NAME or NAME@ALIAS. Raises ValueError."""
        name, at, alias = text.partition("@")
        if not is_name(name) or (at and not is_name(alias)):
            raise ValueError(f"{text[:130]!r} is not a model's name: NAME or NAME@ALIAS")
        return cls(name, alias) if at else cls(name)

    def __str__(self) -> str:
        return self.name if self.alias == LIVE else f"{self.name}@{self.alias}"
