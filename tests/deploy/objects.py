"""Whether Kubernetes would take what kustomize rendered:

python -m tests.deploy.objects RENDERED.yaml...
"""

import sys
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate  # type: ignore[import-untyped]
import yaml

from tests.deploy.crds import SCHEMAS

VERSIONS = ("1.31", "1.35")
"""Of Kubernetes, the oldest and the newest that the manifests are for."""


def check(each: dict[str, Any]) -> None:
    """Raises ValueError unless an object follows its schema; one of a kind without a schema does not."""
    name = f"{each['kind']} {each['metadata']['name']}"
    try:
        if each["kind"] in SCHEMAS:
            jsonschema.validate(each, SCHEMAS[each["kind"]])
            return
        for version in VERSIONS:
            kubernetes_validate.validate(each, version, strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        raise ValueError(f"{name}: {error.message}") from error
    except kubernetes_validate.SchemaNotFoundError as error:
        raise ValueError(f"{name}: there is no schema of {each['apiVersion']} {each['kind']}") from error


if __name__ == "__main__":
    for file in sys.argv[1:]:
        for found in yaml.safe_load_all(Path(file).read_text()):
            try:
                check(found)
            except ValueError as problem:
                sys.exit(f"{file}: {problem}")
