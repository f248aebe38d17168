import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from spotter.service.telemetry.timing import Timing
from spotter.service.telemetry.tracing import ENDPOINTS, Spans, spans_from_environment
from tests.reading.tiny import picture
from tests.service.serving import serving

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("status", "expected"), [(200, StatusCode.UNSET), (429, StatusCode.UNSET), (503, StatusCode.ERROR)]
)
def test_a_request_is_a_span_under_its_caller_with_stages_as_children(status: int, expected: StatusCode) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    timing = Timing(10.0)
    timing.add("decode", (10.1, 10.3))
    timing.add("infer", (10.3, 10.4))
    Spans(provider).record("POST", "/spot", status, "id-1", {"traceparent": f"00-{TRACE}-{PARENT}-01"}, timing)
    *stages, request = exporter.get_finished_spans()
    assert request.parent is not None
    assert (f"{request.context.trace_id:032x}", f"{request.parent.span_id:016x}") == (TRACE, PARENT)
    assert (request.name, request.kind, request.status.status_code) == ("POST /spot", SpanKind.SERVER, expected)
    assert request.attributes is not None
    assert request.attributes["spotter.request_id"] == "id-1"
    assert [span.name for span in stages] == ["decode", "infer"]
    for span, milliseconds, offset in zip(stages, (200, 100), (100, 300), strict=True):
        assert span.parent is not None
        assert span.parent.span_id == request.context.span_id
        assert span.start_time is not None
        assert span.end_time is not None
        assert request.start_time is not None
        assert (span.end_time - span.start_time) / 1e6 == pytest.approx(milliseconds, abs=0.01)
        assert (span.start_time - request.start_time) / 1e6 == pytest.approx(offset, abs=0.01)


def test_no_collector_no_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    assert spans_from_environment() is None


def test_a_collector_without_the_extra_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINTS[0], "http://127.0.0.1:1/v1/traces")
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(RuntimeError, match="otel extra"):
        spans_from_environment()


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP endpoint that keeps what it is sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the base class's name
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_process_sends_its_spans_before_it_ends(
    registry: Path, collector: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, bodies = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    with serving(registry=registry, threads=1, grace=0) as server:
        server.ready()
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        httpx.post(f"{server.url}/spot", content=picture((1, 0, 0)), headers=headers).raise_for_status()
        server.process.terminate()
        assert server.exit_code() == 0
    spans = [
        span
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if span.trace_id.hex() == TRACE
    ]
    assert {span.name for span in spans} == {"POST /spot", "upload", "decode", "queue", "infer", "postprocess"}
