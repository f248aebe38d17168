import pytest

from spotter.training.synthesis.fonts import FontSet, find_fonts
from spotter.training.synthesis.pool import PatchPool


@pytest.fixture(scope="session")
def own_font() -> FontSet:
    """The face that Pillow brings, so that tests draw the same everywhere."""
    return find_fonts((), usual=False)


@pytest.fixture(scope="session")
def pool(own_font: FontSet) -> PatchPool:
    return PatchPool.build(400, seed=5, fonts=own_font)
