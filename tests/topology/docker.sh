#!/usr/bin/env bash
# Builds an image with Docker's engine and runs it as a careful operator would: read-only, no capabilities, an ordinary
# user. Fails at the first thing that is not so; skips loudly where there is no engine.
#
# docker.sh [cpu|cuda]: the image for processors, or the one for GPUs. Where no GPU is, that one serves on the processors.
# The registry that holds the base may be out of reach: SPOTTER_DOCKER_DEBOOTSTRAP=1 makes one from Debian's packages
# (root and debootstrap needed) and, for GPUs, this machine's CUDA. Where the engine has no bridge:
# SPOTTER_DOCKER_NETWORK=host and, more words for `docker build`, SPOTTER_DOCKER_BUILD=--network=host. PICTURE: what is
# read, drawn otherwise.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${1:-cpu}
image=spotter:topology
container=spotter-topology-$$
base=python:3.11-slim
limit_mb=230
device=cpu
run_words=()
if [ "$target" = cuda ]; then
    image=spotter:topology-cuda
    base=$(sed -n 's/^ARG CUDA_BASE=//p' Dockerfile)
    limit_mb=800 # most of it ONNX Runtime's CUDA provider
    if docker info --format '{{json .Runtimes}}' 2> /dev/null | grep -q nvidia; then
        device=cuda
        run_words=(--gpus all)
    fi
fi
work=$(mktemp -d)
build_words=${SPOTTER_DOCKER_BUILD:-}
network=${SPOTTER_DOCKER_NETWORK:-bridge}
port=${SPOTTER_DOCKER_PORT:-18080}

cleanup() {
    docker rm --force "$container" > /dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

fail() {
    echo "FAILED: $1" >&2
    docker logs "$container" 2>&1 | tail -20 >&2 || true
    exit 1
}

if ! docker info > /dev/null 2>&1; then
    echo "SKIPPED: no Docker engine answers, so the image is NOT checked"
    exit 77
fi

bases=(--build-arg "BASE=$base")
[ "$target" = cuda ] && bases=()

# A root file system as an image, named $2; as in the image that it stands for, with this machine's certificates,
# whatever stands between it and the packages.
import_root() {
    ln -sf python3 "$1/usr/bin/python"
    cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"
    rm -rf "$1/var/cache/apt/archives/"*.deb "$1/var/lib/apt/lists/"*
    tar -C "$1" -c . | docker import --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' \
        --change 'ENV PATH=/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$2" > /dev/null
}

if [ "${SPOTTER_DOCKER_DEBOOTSTRAP:-0}" = 1 ]; then
    base=spotter-base:bookworm
    bases=(--build-arg "BASE=$base")
    cuda_build=spotter-cuda-build:bookworm
    if ! docker image inspect "$base" > /dev/null 2>&1 || { [ "$target" = cuda ] && ! docker image inspect "$cuda_build" > /dev/null 2>&1; }; then
        debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$work/root" > "$work/log" \
            || { tail "$work/log"; fail "debootstrap"; }
        import_root "$work/root" "$base"
        if [ "$target" = cuda ]; then
            mkdir -p "$work/root/usr/local/cuda"
            cp -rL /usr/local/cuda/. "$work/root/usr/local/cuda/" || fail "there is no CUDA in /usr/local/cuda"
            import_root "$work/root" "$cuda_build"
        fi
    fi
    [ "$target" = cuda ] && bases=(--build-arg "CUDA_BUILD=$cuda_build" --build-arg "CUDA_BASE=$base")
fi

# Words on purpose.
# shellcheck disable=SC2086
# Without BuildKit the stages of the other image would be built, too.
DOCKER_BUILDKIT=1 docker build $build_words "${bases[@]}" --target "$target" --tag "$image" .

size_of() { docker image inspect --format '{{.Size}}' "$1"; }
added=$((($(size_of "$image") - $(size_of "$base")) / 1000000))
echo "beyond the base: $added MB"
[ "$added" -lt "$limit_mb" ] || fail "the image is $added MB beyond its base, more than $limit_mb"

docker image inspect --format '{{.Config.User}}' "$image" | grep -qx 10001 || fail "the user is not 10001"
docker image inspect --format '{{json .Config.Labels}}' "$image" | grep -q org.opencontainers.image.version || fail "no labels"

docker run --rm --network none --read-only --tmpfs /tmp --entrypoint python "$image" -c '
import shutil
from importlib.util import find_spec
from spotter.ops import native
compilers = [name for name in ("cc", "gcc", "g++", "c++", "clang", "nvcc", "ld", "make") if shutil.which(name)]
packages = [name for name in ("torch", "onnx", "cv2") if find_spec(name)]
assert not compilers and not packages, (compilers, packages)
found = native.find()
assert found.cuda == ("'"$target"'" == "cuda"), found
print("no compiler and no torch; kernels:", found.path, "for GPUs, too" if found.cuda else "")
' || fail "what is installed"

docker run --detach --name "$container" --network "$network" $([ "$network" = host ] || echo "--publish 127.0.0.1:$port:8000") \
    --env "SPOTTER_PORT=$([ "$network" = host ] && echo "$port" || echo 8000)" \
    --env "SPOTTER_DEVICE=$device" --env SPOTTER_GRACE=1 ${run_words[@]+"${run_words[@]}"} --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges "$image" > /dev/null

url=http://127.0.0.1:$port
for _ in $(seq 120); do
    curl --silent --fail --max-time 2 "$url/health/ready" > /dev/null && break
    sleep 0.5
done
curl --silent --fail --max-time 5 "$url/health/ready" > /dev/null || fail "not ready within a minute"

for _ in $(seq 60); do
    health=$(docker inspect --format '{{.State.Health.Status}}' "$container")
    [ "$health" = healthy ] && break
    sleep 0.5
done
[ "$health" = healthy ] || fail "the health check says $health"

read -r uid _ < <(docker exec "$container" id -u)
[ "$uid" = 10001 ] || fail "it runs as $uid"
! docker exec "$container" touch /opt/spotter/here 2> /dev/null || fail "the root file system can be written to"

picture=${PICTURE:-$work/picture.jpg}
[ -s "$picture" ] || "${PYTHON:-python3}" -c '
import sys
from benchmarks import pictures
open(sys.argv[1], "wb").write(pictures.jpeg(pictures.draw(1280, 720, 20, 0), quality=85))' "$picture"

post() { curl --silent --max-time 60 --output "$1" --write-out '%{http_code}' --header 'Content-Type: image/jpeg' --data-binary "@$picture" "$url/spot"; }
code=$(post "$work/answer.json") || fail "no answer"
[ "$code" = 200 ] || fail "a picture was answered $code"
words=$("${PYTHON:-python3}" -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["words"]))' "$work/answer.json")
[ "$words" -gt 0 ] || fail "no words were read"
echo "read $words words, device $device"

# What was accepted is answered though the service is told to stop.
posts=()
for number in 1 2 3 4; do
    post "$work/$number.json" > "$work/$number.code" &
    posts+=($!)
done
sleep 0.1
docker kill --signal TERM "$container" > /dev/null
for each in "${posts[@]}"; do wait "$each" || fail "a request was cut off"; done
for number in 1 2 3 4; do
    [ "$(cat "$work/$number.code")" = 200 ] || fail "answered $(cat "$work/$number.code") while it drained"
done
status=$(timeout 60 docker wait "$container") || fail "it did not end"
[ "$status" = 0 ] || fail "it ended with $status"
echo "stopped after answering all 4 requests in work, with exit code 0"
echo "PASSED"
