#!/usr/bin/env bash
# Starts what docker-compose.yml describes, but for Grafana, around the image that docker.sh built: four replicas that the
# balancer and Prometheus must find by Docker's names, one of which dies, and more of them; then replicas that follow an
# alias in MLflow's own server. Fails at the first thing that is not so; skips loudly where there is no engine or no Compose.
#
# The registry that holds the other images may be out of reach: with SPOTTER_DOCKER_DEBOOTSTRAP=1 Debian's packages and
# MLflow's from PyPI, on docker.sh's base, stand in for them. An engine with --iptables=false needs a host that forwards:
# `iptables -P FORWARD ACCEPT`, where an engine before it left DROP.
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
    compose --profile mlflow down --volumes --timeout 5 > /dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

fail() {
    echo "FAILED: $1" >&2
    compose logs --tail 10 >&2 || true
    exit 1
}

if [ "${SPOTTER_DOCKER_DEBOOTSTRAP:-0}" = 1 ]; then
    mlflow_version=$(sed -n 's|.*mlflow/mlflow:v\([0-9.]*\).*|\1|p' docker-compose.yml)
    cat > "$work/Dockerfile" << 'DOCKERFILE'
FROM spotter-base:bookworm AS both
RUN apt-get update && apt-get install -y --no-install-recommends haproxy prometheus && mkdir /prometheus && chown nobody /prometheus
FROM both AS haproxy
USER haproxy
CMD ["/usr/sbin/haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
FROM both AS prometheus
USER nobody
CMD ["/usr/bin/prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
FROM spotter-base:bookworm AS mlflow
ARG VERSION
# It imports what SQLAlchemy 2.1 no longer has.
RUN python3 -m venv /opt/mlflow && /opt/mlflow/bin/pip install --no-cache-dir "mlflow==$VERSION" "sqlalchemy<2.1"
ENV PATH=/opt/mlflow/bin:$PATH
DOCKERFILE
    for name in haproxy prometheus mlflow; do
        # Words on purpose.
        # shellcheck disable=SC2086
        DOCKER_BUILDKIT=1 docker build ${SPOTTER_DOCKER_BUILD:-} --quiet --build-arg "VERSION=$mlflow_version" --target "$name" \
            --tag "spotter-$name:bookworm" - < "$work/Dockerfile" > /dev/null
    done
    export HAPROXY_IMAGE=spotter-haproxy:bookworm PROMETHEUS_IMAGE=spotter-prometheus:bookworm MLFLOW_IMAGE=spotter-mlflow:bookworm
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
from benchmarks import pictures
open(sys.argv[1], "wb").write(pictures.jpeg(pictures.draw(640, 360, 5, 0), quality=85))' "$picture"

spot() {  # where to write the answer; prints its code
    curl --silent --max-time 60 --output "$1" --write-out '%{http_code}' --header 'Content-Type: image/jpeg' --data-binary "@$picture" "$url/spot"
}

all_answered() {  # how many pictures, one after another
    for _ in $(seq "$1"); do
        code=$(spot "$work/answer.json")
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

# A registry, and replicas that follow an alias in it.
models() { "${PYTHON:-python3}" -m spotter models --registry mlflow+http://127.0.0.1:5000 "$@"; }

until_version() {  # all replicas answer with it, and nothing fails on the way
    for _ in $(seq 60); do
        seen=$(for _ in 1 2 3 4; do
            all_answered 1 > /dev/null
            "${PYTHON:-python3}" -c 'import json, sys; print(json.load(open(sys.argv[1]))["model"]["version"])' "$work/answer.json"
        done | sort -u)
        [ "$seen" = "$1" ] && return
        sleep 1
    done
    fail "version $seen answers, not $1"
}

compose --profile mlflow up --detach --no-build mlflow
for _ in $(seq 120); do
    curl --silent --fail --max-time 2 --output /dev/null http://127.0.0.1:5000/health && break
    sleep 1
done
bundle=$(find spotter/registry/embedded/spotter/versions -mindepth 1 -maxdepth 1)
models publish "$bundle" --alias live
models publish "$bundle"
SPOTTER_REGISTRY=mlflow+http://mlflow:5000 compose up --detach --no-build --scale spotter=2 spotter
until_value 'sum(spotter_ready)' 2.0
until_value "$active" 2.0
until_version 1
models alias spotter live 2
until_version 2
models rollback spotter
until_version 1
echo "two replicas follow an alias in MLflow, there and back"
echo "PASSED"
