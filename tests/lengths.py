"""How long the tests that have two lengths run."""

import os

LONG = os.environ.get("SPOTTER_CHAOS") == "long"
"""`make chaos` asks for minutes where `make test` gives seconds."""
