import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spotter.registry.errors import BundleError, RegistryError
from spotter.registry.mlflow import MlflowStore
from spotter.registry.rest import HttpError, RestClient


class Handler(BaseHTTPRequestHandler):
    """Answers with what the path says."""

    def do_GET(self) -> None:
        status, content = 200, b'{"ok": true}'
        if self.path == "/html":
            content = b"<html>"
        elif self.path == "/refuses":
            status, content = 404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such thing"}'
        elif self.path == "/breaks":
            status, content = 502, b"bad gateway"
        elif self.path == "/who":
            content = b'{"who": "%s"}' % (self.headers["Authorization"] or "").encode()
        elif "get-download-uri" in self.path:
            content = b'{"artifact_uri": "s3://bucket/x"}'
        elif "model-versions/get" in self.path:
            content = b'{"model_version": {"name": "m", "version": "1"}}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) + (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keeps quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_object_is_read(url: str) -> None:
    assert RestClient(url).get("/x", a="b c") == {"ok": True}


def test_a_refusal_says_what_the_server_said(url: str) -> None:
    with pytest.raises(HttpError, match="answers 404 to GET /refuses: no such thing") as refused:
        RestClient(url).get("/refuses")
    assert (refused.value.status, refused.value.code) == (404, "RESOURCE_DOES_NOT_EXIST")
    with pytest.raises(HttpError, match="502"):
        RestClient(url).get("/breaks")


@pytest.mark.parametrize("path", ["/html", "/cut"])
def test_what_is_no_object_is_an_error(url: str, path: str) -> None:
    with pytest.raises(RegistryError):
        RestClient(url).get(path)


def test_a_server_that_is_away_may_come_back(url: str) -> None:
    with pytest.raises(RegistryError, match="cannot be reached") as refused:
        RestClient("http://127.0.0.1:1").get("/x")
    assert not isinstance(refused.value, BundleError)


def test_credentials_are_sent_and_never_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = RestClient(url.replace("//", "//me:s%40cret@"))
    assert rest.get("/who") == {"who": "Basic " + base64.b64encode(b"me:s@cret").decode()}
    with pytest.raises(HttpError) as refused:
        rest.get("/refuses")
    assert "cret" not in str(refused.value) + rest.url
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc")
    assert MlflowStore(url)._client.get("/who") == {"who": "Bearer abc"}


def test_artifacts_that_the_server_does_not_keep_are_refused(url: str) -> None:
    with pytest.raises(BundleError, match="s3://bucket/x"):
        MlflowStore(url).location("m", "1")
