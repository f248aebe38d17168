"""Other servers for comparison in the same run: LitServe and BentoML with Spotter's model, and RapidOCR's own server
with its default model."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from benchmarks.http_client import post
from benchmarks.process import ServeError, free_port, running
from spotter.registry.bundle import Bundle

Framework = Literal["litserve", "bentoml", "rapidocr_api"]
FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)
_BOUNDARY = "spotter-benchmark"


class Peer:
    """A framework with a number of worker processes, which share the threads. `name` is FRAMEWORK or FRAMEWORK:WORKERS.

    python: an interpreter in whose environment both the framework and Spotter are installed. Raises ServeError for
    another name.
    """

    def __init__(self, name: str, python: Path) -> None:
        framework, _, workers = name.partition(":")
        if framework not in FRAMEWORKS or (workers and not (workers.isdecimal() and int(workers))):
            raise ServeError(f"{name} is none of {', '.join(FRAMEWORKS)}, or one of them with :WORKERS")
        self.framework: Framework = framework
        self.workers = int(workers or 1)
        self.python = python
        self.label = f"{framework}, {self.workers} worker{'' if self.workers == 1 else 's'}"

    def request(self, picture: bytes) -> bytes:
        """A POST of an encoded picture, in the form that the framework expects."""
        if self.framework == "bentoml":
            return post("/spot", picture, "image/jpeg")
        path, field = ("/predict", "request") if self.framework == "litserve" else ("/ocr", "image_file")
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="p"\r\n\r\n'.encode()
        body = head + picture + f"\r\n--{_BOUNDARY}--\r\n".encode()
        return post(path, body, f"multipart/form-data; boundary={_BOUNDARY}")

    @contextlib.contextmanager
    def serving(self, bundle: Bundle, threads: int) -> Iterator[int]:
        """Starts it and yields its port; each worker has its share of the threads. Raises ServeError."""
        share, port = max(1, threads // self.workers), free_port()
        module, environment = "benchmarks.under_", dict(os.environ)
        path = (str(Path(__file__).parents[1]), environment.get("PYTHONPATH", ""))
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        if self.framework == "litserve":
            command = ["-m", module + "litserve", bundle.folder, port, share, self.workers]
            ready = "/health"
        elif self.framework == "rapidocr_api":  # it chooses its threads itself
            command = ["-m", "rapidocr_api.main", "-ip", "127.0.0.1", "-p", port, "-workers", self.workers]
            ready = "/"
        else:
            command = ["-m", "bentoml", "serve", module + "bentoml:Spot", "--host", "127.0.0.1", "--port", port]
            ready = "/readyz"
            environment |= {
                "SPOTTER_BENCH_BUNDLE": str(bundle.folder),
                "SPOTTER_BENCH_THREADS": str(share),
                "SPOTTER_BENCH_WORKERS": str(self.workers),
                "BENTOML_DO_NOT_TRACK": "true",
            }
        with tempfile.TemporaryDirectory() as temporary:
            environment["BENTOML_HOME"] = temporary
            log = Path(temporary) / "log"
            with running([self.python, *command], environment, log, f"http://127.0.0.1:{port}{ready}"):
                yield port
