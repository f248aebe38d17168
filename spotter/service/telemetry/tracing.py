"""Exports requests as OpenTelemetry spans, where the `otel` extra is installed and a collector is configured.

Spans are written when a request has ended, from times that are measured anyway, so tracing does not slow it down.
"""

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from spotter import __version__
from spotter.service.telemetry.timing import Timing

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class Spans:
    """Writes a server span for each request, with its stages as children and the caller's `traceparent` as the
    parent."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer("spotter", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._provider = provider

    def record(
        self, method: str, path: str, status: int, request_id: str, parents: Mapping[str, str], timing: Timing
    ) -> None:
        """Writes the spans of a request that ends now (W3C trace context, https://www.w3.org/TR/trace-context/)."""
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        ended, now = time.time_ns(), time.monotonic()

        def at(moment: float) -> int:
            return ended - round((now - moment) * 1e9)

        span = self._tracer.start_span(
            f"{method} {path}",
            self._propagator.extract(parents),
            SpanKind.SERVER,
            {
                "http.request.method": method,
                "url.path": path,
                "http.response.status_code": status,
                "spotter.request_id": request_id,
            },
            start_time=at(timing.began),
        )
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        inside = set_span_in_context(span)
        for stage, began, stopped in timing.spans:
            self._tracer.start_span(stage, inside, start_time=at(began)).end(at(stopped))
        span.end(ended)

    def close(self) -> None:
        """Sends pending spans."""
        shutdown = getattr(self._provider, "shutdown", None)
        if shutdown is not None:
            shutdown()


def spans_from_environment() -> Spans | None:
    """Spans for the collector that OTEL_EXPORTER_OTLP_ENDPOINT names; None where it is unset.

    Raises RuntimeError when it is set and the `otel` extra is not installed.
    """
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise RuntimeError("OTEL_EXPORTER_OTLP_ENDPOINT is set, but the otel extra is not installed") from error
    name = os.environ.get("OTEL_SERVICE_NAME", "spotter")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Spans(provider)
