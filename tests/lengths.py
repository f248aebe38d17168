"""How long the tests that have two lengths run."""

import os

import pytest

LONG = os.environ.get("SPOTTER_CHAOS") == "long"
"""`make chaos` and `make kernels` ask for minutes where `make test` gives seconds."""

minutes_long = pytest.mark.skipif(not LONG, reason="writing this graph takes minutes: `make chaos` does it")
"""Marks tests that `make test` leaves to `make chaos`."""

half_a_minute_long = pytest.mark.skipif(not LONG, reason="it takes half a minute: `make chaos` does it")
"""Marks tests that `make test` leaves to `make chaos`, where a shorter one tests most of the same."""

compiles = pytest.mark.skipif(not LONG, reason="compiling for this takes a minute: `make kernels` does it")
"""Marks tests that `make test` leaves to `make kernels`."""
