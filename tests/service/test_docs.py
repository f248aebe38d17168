"""The guide names tests for what it claims: they exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_proof_that_the_guide_names_is_a_test() -> None:
    named = re.findall(r"`(tests/[a-z_/]+\.py)::(test_\w+)`", (ROOT / "docs" / "service.md").read_text())
    assert len(named) > 30
    for file, name in named:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{name}"
