"""Files of the playground, which a client sends."""

from pathlib import Path

import spotter

_SAMPLES = Path(spotter.__file__).parent / "service" / "playground" / "static" / "samples"
STREET = _SAMPLES / "street.webp"
STREET_WORDS = frozenset({"HOTEL", "BAKERY", "LUNCH"})
"""Some of those that can be read in it."""
FORM = _SAMPLES / "form.pdf"
