"""Whether docker-compose.yml is one:

python -m tests.deploy.compose
"""

import re
import sys
from pathlib import Path
from typing import Any

import yaml
from compose_spec import PyCompose

FILE = Path(__file__).parents[2] / "docker-compose.yml"


def composed(**environment: str) -> str:
    """docker-compose.yml with its variables filled in."""
    return re.sub(r"\$\{([A-Z_]+):-([^}]*)\}", lambda match: environment.get(match[1], match[2]), FILE.read_text())


def check(text: str) -> None:
    """Raises ValueError unless a file follows the specification and names only what it has."""
    PyCompose.from_yaml(text).validate()
    document: dict[str, Any] = yaml.safe_load(text)
    services, volumes = document["services"], document.get("volumes", {})
    for name, service in services.items():
        for other in service.get("depends_on", []):
            if other not in services:
                raise ValueError(f"{name} depends on {other}, which is no service")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                if not (FILE.parent / source).exists():
                    raise ValueError(f"{name} mounts {source}, which is not there")
            elif source not in volumes:
                raise ValueError(f"{name} mounts {source}, which is no volume")


if __name__ == "__main__":
    try:
        check(composed())
    except ValueError as problem:
        sys.exit(f"docker-compose.yml: {problem}")
