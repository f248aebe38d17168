"""The server process: uvicorn with graceful draining, and logs in JSON."""

import json
import logging
import logging.config
import os
import resource
import sys
import time
import traceback
from types import FrameType
from typing import NoReturn

import uvicorn
from fastapi import FastAPI

from spotter.service.background import unfinished
from spotter.service.http.protocol import HttpLimits, bounded_http
from spotter.service.lifecycle import Lifecycle, State
from spotter.service.settings import Settings, unknown_variables

logger = logging.getLogger(__name__)

FAILED_TO_LOAD = 3
FILES = 128
"""Open files in addition to the connections: libraries, the registry, the cache, pipes, logs."""


class Server(uvicorn.Server):
    """On SIGTERM it becomes unready, serves for the grace period, finishes accepted requests and returns. On SIGINT it
    does the same without the grace period. A second signal ends the process at once."""

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, grace: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._grace = grace
        self._close_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._close_at is not None:
            os._exit(128 + sig)
        self._lifecycle.to(State.DRAINING)
        self._close_at = time.monotonic() + (self._grace if sig == 15 else 0.0)

    async def on_tick(self, counter: int) -> bool:
        if self._lifecycle.state is State.FAILED:
            self.should_exit = True
        if self._close_at is not None and time.monotonic() >= self._close_at:
            self._lifecycle.to(State.CLOSING)
            self.should_exit = True
        return await super().on_tick(counter)


def run(app: FastAPI, settings: Settings) -> int:
    """Serves until told to stop; returns the process's exit code."""
    lifecycle: Lifecycle = app.state.service.lifecycle
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=log_config(settings.log_level),
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.drain_timeout)),
        ws="none",
        http=bounded_http(
            HttpLimits(settings.max_header_bytes, settings.header_timeout, settings.max_connections),
            app.state.service.metrics,
        ),
        timeout_keep_alive=75,  # longer than a balancer keeps idle connections, so that the balancer closes them first
    )
    for name in unknown_variables():
        logger.warning("%s is no setting", name)
    allow_files(settings.max_connections + FILES)
    logging.captureWarnings(True)  # Pillow warns of damage that it tolerates: as log lines, not as plain text
    server = Server(config, lifecycle, settings.grace)
    open_now = app.state.service.metrics.connections.labels("open")
    # Computed when the metrics page is requested, so that it costs other requests nothing.
    open_now.set_function(lambda: len(server.server_state.connections))
    try:
        server.run()
    except SystemExit:
        # uvicorn exits when it cannot listen, with a code that here means a model that cannot be loaded
        return 1
    if lifecycle.state is State.FAILED:
        return FAILED_TO_LOAD
    return 0 if server.started else 1


def allow_files(wanted: int) -> None:
    """Raises this process's limit of open files to `wanted`, or to the hard limit where that is lower, which is logged.
    Without free file descriptors connections are dropped without an answer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        logger.warning("%d files may be open, %d are needed: lower SPOTTER_MAX_CONNECTIONS", allowed, wanted)


def leave(code: int) -> NoReturn:
    """Ends the process. While a model is being loaded or run, or a picture decoded, the interpreter is not shut down
    first: native code could crash during the shutdown or block it."""
    if unfinished():
        logging.shutdown()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


class JsonFormatter(logging.Formatter):
    """Formats a log line as a JSON object; access lines are objects already."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if isinstance(record.msg, dict):
            entry |= record.msg
        else:
            entry["message"] = record.getMessage()
        if record.exc_info:
            entry["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def log_config(level: str) -> dict[str, object]:
    """A configuration that logs to standard error, one JSON object a line."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": sys.stderr}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {"uvicorn.error": {"level": level.upper()}, "PIL": {"level": "WARNING"}},
    }
