#!/usr/bin/env bash
# Starts what docker-compose.yml describes, but for Grafana and MLflow, around the image that docker.sh built: four
# replicas that the balancer and Prometheus must find by Docker's names, one of which dies, and more of them. Fails at
# the first thing that is not so; skips loudly where there is no engine or no Compose.
#
# The registry that holds HAProxy's and Prometheus' images may be out of reach: with SPOTTER_DOCKER_DEBOOTSTRAP=1
# Debian's packages on docker.sh's base stand in for them.
set -euo pipefail
cd "$(dirname "$0")/../.."

export PORT=${SPOTTER_DOCKER_PORT:-18080}
work=$(mktemp -d)
url=http://127.0.0.1:$PORT

if docker compose version > /dev/null 2>&1; then
    program=(docker compose)
elif command -v docker-compose > /dev/null; then
    program=(docker-compose)
else
    program=()
fi
if [ ${#program[@]} = 0 ] || ! docker info > /dev/null 2>&1; then
    echo "SKIPPED: no Docker engine or no Compose, so docker-compose.yml is NOT run"
    exit 77
fi

cat > "$work/override.yml" << 'YAML'
services:
  spotter: {image: "spotter:topology"}
YAML
compose() { "${program[@]}" --project-name "spotter-topology-$$" --project-directory . --file docker-compose.yml --file "$work/override.yml" "$@"; }
replicas() { docker ps --quiet --filter "label=com.docker.compose.project=spotter-topology-$$" --filter label=com.docker.compose.service=spotter; }

cleanup() {
    compose down --volumes --timeout 5 > /dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

fail() {
    echo "FAILED: $1" >&2
    compose logs --tail 10 >&2 || true
    exit 1
}

if [ "${SPOTTER_DOCKER_DEBOOTSTRAP:-0}" = 1 ]; then
    cat > "$work/Dockerfile" << 'DOCKERFILE'
FROM spotter-base:bookworm AS both
RUN apt-get update && apt-get install -y --no-install-recommends haproxy prometheus && mkdir /prometheus && chown nobody /prometheus
FROM both AS haproxy
USER haproxy
CMD ["/usr/sbin/haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
FROM both AS prometheus
USER nobody
CMD ["/usr/bin/prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
DOCKERFILE
    for name in haproxy prometheus; do
        DOCKER_BUILDKIT=1 docker build --quiet --target "$name" --tag "spotter-$name:bookworm" - < "$work/Dockerfile" > /dev/null
    done
    cat >> "$work/override.yml" << 'YAML'
  balancer: {image: "spotter-haproxy:bookworm"}
  prometheus: {image: "spotter-prometheus:bookworm"}
YAML
fi

value() {  # of an expression, as Prometheus has it now
    curl --silent --max-time 5 --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query \
        | "${PYTHON:-python3}" -c 'import json, sys; print(sum(float(each["value"][1]) for each in json.load(sys.stdin)["data"]["result"]))' 2> /dev/null || echo none
}

until_value() {  # expression, value
    for _ in $(seq 180); do
        [ "$(value "$1")" = "$2" ] && return
        sleep 1
    done
    fail "$1 is $(value "$1"), not $2"
}

picture=$work/picture.jpg
"${PYTHON:-python3}" -c '
import sys
from spotter.cli.benchmarks import pictures
open(sys.argv[1], "wb").write(pictures.jpeg(pictures.draw(640, 360, 5, 0), quality=85))' "$picture"

all_answered() {  # how many pictures, one after another
    for _ in $(seq "$1"); do
        code=$(curl --silent --max-time 60 --output /dev/null --write-out '%{http_code}' --header 'Content-Type: image/jpeg' --data-binary "@$picture" "$url/spot")
        [ "$code" = 200 ] || fail "a picture was answered $code"
    done
}

active='haproxy_backend_active_servers{proxy="spotter"}'
compose up --detach --no-build --scale spotter=4 spotter balancer prometheus
until_value 'sum(spotter_ready)' 4.0
until_value "$active" 4.0
all_answered 8
until_value 'count(spotter_requests_total{path="/spot",code="200"} > 0)' 4.0
echo "four replicas are found and share the load"

docker kill "$(replicas | head -1)" > /dev/null
until_value "$active" 3.0
all_answered 8
echo "one died, the others answer"

compose up --detach --no-build --no-recreate --scale spotter=5 spotter
until_value "$active" 5.0
until_value 'sum(spotter_ready)' 5.0
all_answered 5
[ "$(curl --silent --output /dev/null --write-out '%{http_code}' "$url/metrics")" = 404 ] || fail "the balancer shows the metrics"
echo "five replicas"
echo "PASSED"
