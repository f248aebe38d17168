"""The families that exist, by their names in recipes and checkpoints."""

from spotter.families.abcnet.family import ABCNet
from spotter.families.fots.family import FOTS
from spotter.families.interface import Family

FAMILIES: dict[str, Family] = {"fots": FOTS(), "abcnet": ABCNet()}


def family_named(name: str) -> Family:
    """The family of that name. Raises ValueError where there is none."""
    if name not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}")
    return FAMILIES[name]
