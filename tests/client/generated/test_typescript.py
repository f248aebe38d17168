"""Clients for TypeScript that @hey-api/openapi-ts and openapi-typescript generate from a running service's OpenAPI
document, checked by tsc and run by node against that service. They want node and npm's packages, so `make chaos` has
them; there, where something is missing, they fail."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.client.generated.conftest import KEY
from tests.client.samples import FORM, STREET, STREET_WORDS
from tests.lengths import LONG
from tests.programs import OUTSIDE, find
from tests.service.serving import Serving

PROGRAMS = Path(__file__).parent / "typescript"

pytestmark = [
    pytest.mark.skipif(not LONG, reason="clients in TypeScript want node and packages of npm: make chaos"),
    pytest.mark.timeout(900),
]


def run(folder: Path, *command: str, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**OUTSIDE, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_generated_clients_are_well_typed_and_read(server: Serving, tmp_path: Path) -> None:
    for program in ("node", "npm"):
        assert find(program), f"there is no {program} here: apt-get install nodejs npm (node 20.19 or newer)"
    folder = shutil.copytree(PROGRAMS, tmp_path / "typescript")
    programs = folder / "node_modules" / ".bin"
    document = f"{server.url}/openapi.json"
    run(folder, "npm", "install", "--no-audit", "--no-fund")
    run(folder, str(programs / "openapi-ts"), "-i", document, "-o", "spotter", "-c", "@hey-api/client-fetch")
    run(folder, str(programs / "openapi-typescript"), document, "-o", "schema.ts")
    run(folder, str(programs / "tsc"))
    tests = [str(file.with_suffix(".js").name) for file in PROGRAMS.glob("*.test.ts")]
    assert len(tests) == 2
    sent = {"STREET": str(STREET), "FORM": str(FORM), "STREET_WORDS": " ".join(sorted(STREET_WORDS))}
    out = run(folder / "built", "node", "--test", "--test-reporter=tap", *tests, SERVICE=server.url, KEY=KEY, **sent)
    assert {"# pass 10", "# fail 0"} <= set(out.splitlines()), out
