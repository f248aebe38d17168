# The service, without torch. CPU by default; for a GPU:
#   docker build --build-arg DEVICE=cuda -t spotter:cuda . && docker run --gpus all -p 8000:8000 spotter:cuda
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ARG DEVICE=cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/spotter
ENV PATH=/opt/spotter/bin:$PATH
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY spotter spotter
RUN pip install . \
 # Both flavours of ONNX Runtime install the same module: the one must go before the other comes.
 && if [ "$DEVICE" = cuda ]; then \
        pip uninstall -y onnxruntime && pip install "onnxruntime-gpu[cuda,cudnn]>=1.21"; \
    elif [ "$DEVICE" != cpu ]; then \
        echo "DEVICE must be cpu or cuda" >&2; exit 1; \
    fi \
 && python -m compileall -q /opt/spotter/lib

FROM ${BASE}
ARG DEVICE=cpu
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin spotter
COPY --from=build /opt/spotter /opt/spotter
ENV PATH=/opt/spotter/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SPOTTER_HOST=0.0.0.0 \
    SPOTTER_PORT=8000 \
    SPOTTER_DEVICE=${DEVICE} \
    SPOTTER_CACHE=/tmp/spotter
USER 10001
WORKDIR /
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['SPOTTER_PORT'] + '/health/ready', timeout=2)"]
# Exec form: the service itself gets SIGTERM and drains.
ENTRYPOINT ["spotter"]
CMD ["serve"]
