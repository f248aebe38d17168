import pytest


@pytest.fixture(autouse=True)
def _own_environment(own_environment: None) -> None:
    """For every test here."""
