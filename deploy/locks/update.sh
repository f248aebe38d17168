#!/usr/bin/env bash
# Writes the lock files of the images' packages, versions and hashes, from pyproject.toml. Needs uv (pip install uv).
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 - "$work" << 'PYTHON'
import sys, tomllib
from pathlib import Path

work = Path(sys.argv[1])
project = tomllib.loads(Path("../../pyproject.toml").read_text())
needed = project["project"]["dependencies"]
# The CPU's and the GPU's package of ONNX Runtime install the same module: only one of them may be installed.
without = [line for line in needed if not line.startswith("onnxruntime")]
(work / "cpu.in").write_text("\n".join(needed))
(work / "cuda.in").write_text("\n".join([*without, *project["project"]["optional-dependencies"]["gpu"]]))
(work / "build.in").write_text("\n".join(project["build-system"]["requires"]))
PYTHON

lock() {  # what, version of Python
    {
        echo "# $1, Python $2: written by update.sh"
        uv pip compile --quiet --no-config --no-header --no-annotate --generate-hashes \
            --python-version "$2" --universal "$work/$1.in"
    } > "$1-$2.txt"
}

for version in 3.11 3.12; do
    lock cpu "$version"
    lock cuda "$version"
    lock build "$version"
done
