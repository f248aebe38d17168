# The service, without torch and without a compiler: `docker build -t spotter .`, and for a GPU
#   docker build --target cuda -t spotter:cuda . && docker run --gpus all -p 8000:8000 spotter:cuda
# deploy/locks/ lists the packages by version and hash; update.sh there writes the lists.
ARG BASE=python:3.11-slim
ARG CUDA_BUILD=nvidia/cuda:13.0.1-devel-ubuntu24.04
ARG CUDA_BASE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04

FROM ${CUDA_BUILD} AS build-cuda
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 DEBIAN_FRONTEND=noninteractive
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends g++ python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/spotter
ENV PATH=/opt/spotter/bin:$PATH
WORKDIR /src
COPY deploy/locks deploy/locks
RUN version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])') \
 && pip install --require-hashes -r "deploy/locks/build-$version.txt" -r "deploy/locks/cuda-$version.txt"
COPY pyproject.toml setup.py README.md LICENSE ./
COPY spotter spotter
# The package depends on the CPU's package of ONNX Runtime, which must not be installed here: hence --no-deps.
RUN pip install --no-deps --no-build-isolation . \
 && spotter build-ops --cuda --force \
 && pip uninstall -y setuptools pip \
 && python -m compileall -q /opt/spotter/lib

FROM ${CUDA_BASE} AS cuda
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Spotter" \
      org.opencontainers.image.description="Reads text in pictures, on a GPU" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin spotter
COPY --from=build-cuda /opt/spotter /opt/spotter
ENV PATH=/opt/spotter/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SPOTTER_HOST=0.0.0.0 \
    SPOTTER_PORT=8000 \
    SPOTTER_DEVICE=cuda \
    SPOTTER_CACHE=/tmp/spotter
USER 10001
WORKDIR /
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['SPOTTER_PORT'] + '/health/ready', timeout=2)"]
ENTRYPOINT ["spotter"]
CMD ["serve"]

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/spotter
ENV PATH=/opt/spotter/bin:$PATH
WORKDIR /src
COPY deploy/locks deploy/locks
RUN version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])') \
 && pip install --require-hashes -r "deploy/locks/build-$version.txt" -r "deploy/locks/cpu-$version.txt"
COPY pyproject.toml setup.py README.md LICENSE ./
COPY spotter spotter
# Without a compiler pip only warns: hence the second command, which fails if there are no kernels.
RUN pip install --no-deps --no-build-isolation . \
 && spotter build-ops \
 && pip uninstall -y setuptools pip \
 && python -m compileall -q /opt/spotter/lib
# Remove what is never loaded: a second copy of ONNX Runtime, for programs in C; NumPy's own tests; debug symbols.
RUN find /opt/spotter/lib -depth \( -name 'libonnxruntime.so.*' -o -path '*/numpy/*' -type d -name tests \) -exec rm -r {} + \
 && strip --strip-debug /opt/spotter/lib/python*/site-packages/uvloop/*.so /opt/spotter/lib/python*/site-packages/httptools/parser/*.so

# The last stage, so that it is built if no target is named.
FROM ${BASE} AS cpu
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Spotter" \
      org.opencontainers.image.description="Reads text in pictures" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin spotter
COPY --from=build /opt/spotter /opt/spotter
ENV PATH=/opt/spotter/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SPOTTER_HOST=0.0.0.0 \
    SPOTTER_PORT=8000 \
    SPOTTER_DEVICE=cpu \
    SPOTTER_CACHE=/tmp/spotter
USER 10001
WORKDIR /
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['SPOTTER_PORT'] + '/health/ready', timeout=2)"]
# Exec form: the service itself gets SIGTERM and drains.
ENTRYPOINT ["spotter"]
CMD ["serve"]
