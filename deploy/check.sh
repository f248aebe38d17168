#!/usr/bin/env bash
# Checks what lies in deploy/ with the programs it is for, where they are installed; says so where they are not.
set -euo pipefail
cd "$(dirname "$0")"
PATH="$PATH:/usr/sbin:/usr/local/sbin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

have() { command -v "$1" > /dev/null || { echo "NOT CHECKED: $2 (no $1 here)"; return 1; }; }

if have haproxy "haproxy/haproxy.cfg"; then
    haproxy -c -q -f haproxy/haproxy.cfg
fi
if have promtool "prometheus/"; then
    # The rules lie elsewhere in the container.
    sed "s#/etc/prometheus/#$PWD/prometheus/#" prometheus/prometheus.yml > "$work/prometheus.yml"
    promtool check config "$work/prometheus.yml" > /dev/null
    promtool check rules prometheus/rules.yml > /dev/null
    promtool test rules prometheus/tests/*.yml > /dev/null
fi
if have hadolint "Dockerfile"; then
    hadolint ../Dockerfile
fi
if have kubectl "kubernetes/"; then
    for overlay in kubernetes/overlays/*/; do
        kubectl kustomize "$overlay" > "$work/objects.yaml"
        # Custom resources have no schema there: tests/deploy checks them, and that everything fits together.
        kubernetes-validate --strict --quiet --no-warn -k 1.35 "$work/objects.yaml"
    done
fi
python - << 'PYTHON'
import json
from pathlib import Path
import yaml
for file in [Path("../docker-compose.yml"), *Path(".").rglob("*.yml"), *Path(".").rglob("*.yaml")]:
    list(yaml.safe_load_all(file.read_text()))
for file in Path(".").rglob("*.json"):
    json.loads(file.read_text())
PYTHON
echo "deploy/ checked"
