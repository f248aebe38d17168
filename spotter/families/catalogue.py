"""The families that exist, by their names in recipes and checkpoints."""

from spotter.families.abcnet.family import ABCNet
from spotter.families.fots.family import FOTS
from spotter.families.interface import Family
from spotter.families.mask_textspotter.family import MaskTextSpotter

FAMILIES: dict[str, Family] = {"fots": FOTS(), "abcnet": ABCNet(), "mask_textspotter": MaskTextSpotter()}


def family_named(name: str) -> Family:
    """The family of that name. Raises ValueError where there is none."""
    if name not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}")
    return FAMILIES[name]
