"""Splits the items into parts, and writes this plan before reading, so that a stopped run can be continued."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from spotter.bulk.inputs import Item
from spotter.bulk.store import Store

PLAN = "plan.json"
VERSION = 1


class PlanError(ValueError):
    """The output belongs to another run."""


@dataclass(frozen=True)
class Part:
    """A share of the items, one file of output."""

    number: int
    items: tuple[Item, ...]

    @property
    def name(self) -> str:
        """The name of its output, without a suffix."""
        return f"part-{self.number:05d}"


def parts_of(items: Sequence[Item], size: int) -> list[Part]:
    """The items in order, `size` in each part."""
    return [Part(start // size, tuple(items[start : start + size])) for start in range(0, len(items), size)]


def agree(store: Store, items: Sequence[Item], size: int, settings: Mapping[str, object]) -> list[Part]:
    """The parts of a run into `store`, from its plan, which is written if there is none.

    Raises PlanError where inputs or settings differ from the plan's: one output must not be made by different models.
    """
    now = {
        "version": VERSION,
        "settings": dict(settings),
        "part": size,
        "items": [list(astuple(item)) for item in items],
    }
    written = store.read(PLAN)
    if written is None:
        store.write(PLAN, json.dumps(now).encode())
        return parts_of(items, size)
    before = json.loads(written)
    for name, what in (("version", "version"), ("settings", "settings"), ("items", "inputs")):
        if before.get(name) != now[name]:
            raise PlanError(f"{store.url} was begun with other {what}: finish that run, or choose another output")
    return parts_of(items, before["part"])


def left(store: Store, parts: Sequence[Part], suffix: str) -> list[Part]:
    """The parts that have no output yet."""
    there = store.names()
    return [part for part in parts if part.name + suffix not in there]
