"""Decoding in an isolated process, which is killed when it exceeds its limits of memory and time.

For formats whose decoders are large and whose headers may contradict the data: JPEG 2000, AVIF, HEIC, PDF. A decoder
that crashes or never ends affects only its own picture. A process serves one file; when it ends, a spare process is
started.
"""

import atexit
import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from typing import Any, Self

import numpy as np
from PIL import Image

from spotter.reading import errors
from spotter.reading.errors import BrokenPictureError, ProblemError
from spotter.reading.prepared import PictureLimits, Prepared, Region
from spotter.registry.manifest import InputSpec

SECONDS = 30
"""The limit of each request to a process, in wall time and in processor time."""
BYTES_PER_PIXEL = 22
"""Memory in bytes for each allowed pixel; AVIF, the worst case, took 21 when measured."""
BASE_BYTES = 256 << 20
"""Address space in addition to that and the file: the program with its libraries takes 140 MB."""
_PIPE = 1 << 20

Message = dict[str, Any]


class IsolatedProcess:
    """A process that holds one file and answers requests about it, from one thread at a time. Any thread may close
    it."""

    def __init__(self, data: bytes, limits: PictureLimits, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.RLock()
        self._process = _spares.take()
        memory = BASE_BYTES + 2 * len(data) + BYTES_PER_PIXEL * limits.pixels
        self._first: tuple[Message, bytes] | None = (
            {"limits": asdict(limits), "memory": memory, "seconds": round(seconds)},
            data,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def ask(
        self, do: str, seconds: float | None = None, payload: bytes = b"", **arguments: Any
    ) -> tuple[Message, bytearray]:
        """The answer of `worker` to a request; see there. Raises the ProblemError that it reports, or
        BrokenPictureError where it dies or takes too long."""
        with self._lock:
            return self._ask(do, self._seconds if seconds is None else seconds, payload, arguments)

    def _ask(self, do: str, seconds: float, payload: bytes, arguments: Message) -> tuple[Message, bytearray]:
        until = time.monotonic() + seconds
        try:
            if self._first is not None:
                (head, data), self._first = self._first, None
                self._send(head, data, until)
            self._send({"do": do, **arguments}, payload, until)
            answer, got = self._receive(until)
        except (BrokenPipeError, EOFError):
            self.close()
            raise BrokenPictureError("decoding it takes more memory or time than a picture may take") from None
        except TimeoutError:
            self.close()
            raise BrokenPictureError(f"it is not decoded within {seconds:g} s") from None
        if "problem" in answer:
            raise _problem(answer)
        return answer, got

    def close(self) -> None:
        """Ends the process, whatever it does; later calls do nothing."""
        if (process := self.__dict__.get("_process")) is None:
            return
        process.kill()  # a thread that waits for an answer wakes up and releases the lock
        with self._lock:
            if self.__dict__.pop("_process", None) is not None:
                _end(process)
                _spares.refill()

    def _send(self, head: Message, data: bytes, until: float) -> None:
        line = json.dumps({**head, "length": len(data)}).encode() + b"\n"
        for part in (memoryview(line), memoryview(data)):
            while part:
                self._wait(selectors.EVENT_WRITE, until)
                part = part[os.write(self._descriptor(selectors.EVENT_WRITE), part[:_PIPE]) :]

    def _receive(self, until: float) -> tuple[Message, bytearray]:
        got = bytearray()
        while (end := got.find(b"\n")) < 0:
            got += self._read(until)
        head = json.loads(got[:end])
        del got[: end + 1]
        while len(got) < head["length"]:
            got += self._read(until)
        return head, got

    def _read(self, until: float) -> bytes:
        self._wait(selectors.EVENT_READ, until)
        if not (chunk := os.read(self._descriptor(selectors.EVENT_READ), _PIPE)):
            raise EOFError
        return chunk

    def _wait(self, event: int, until: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor(event), event)
            if not selector.select(max(0.0, until - time.monotonic())):
                raise TimeoutError

    def _descriptor(self, event: int) -> int:
        process = self.__dict__.get("_process")
        if process is None:
            raise EOFError
        file = process.stdin if event == selectors.EVENT_WRITE else process.stdout
        return int(file.fileno())


class IsolatedPicture:
    """As `decoding.OpenedPicture`, for a picture that an isolated process decodes."""

    quick = False

    def __init__(self, data: bytes, spec: InputSpec, limits: PictureLimits, region: Region | None = None) -> None:
        self._decoder = IsolatedProcess(data, limits)
        try:
            answer, _ = self._decoder.ask("open", spec=asdict(spec), region=None if region is None else asdict(region))
        except BaseException:
            self._decoder.close()
            raise
        self.cost: int = answer["cost"]
        self.shape: tuple[int, int] = tuple(answer["shape"])

    def decode(self) -> Prepared:
        """Decodes the picture; to be called once."""
        with self._decoder as decoder:
            answer, pixels = decoder.ask("decode")
        region = None if answer["region"] is None else Region(**answer["region"])
        padded = np.frombuffer(pixels, np.uint8).reshape(answer["shape"])
        return Prepared(padded, tuple(answer["working"]), tuple(answer["upload"]), region)

    def whole(self) -> Image.Image:
        """The picture upright, RGB, at its own size, instead of `decode`."""
        with self._decoder as decoder:
            answer, pixels = decoder.ask("whole")
        return Image.frombytes("RGB", tuple(answer["size"]), bytes(pixels))


class _Spares:
    """Spare processes that wait for a file: at most one, and none before the first was needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[subprocess.Popen[bytes]] = []
        self._closed = False

    def take(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            process = self._waiting.pop() if self._waiting else None
        if process is not None and process.poll() is not None:
            _end(process)
            process = None
        return process or _start()

    def refill(self) -> None:
        with self._lock:
            if not self._waiting and not self._closed:
                self._waiting.append(_start())

    def close(self) -> None:
        with self._lock:
            self._closed = True
            while self._waiting:
                _end(self._waiting.pop())


def _start() -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-m", "spotter.reading.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Threads of a linear-algebra library, each with its own heap, would only take address space.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
        start_new_session=True,  # an interrupt from the terminal must not reach it
    )
    assert process.stdin is not None
    os.set_blocking(process.stdin.fileno(), False)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for file in (process.stdin, process.stdout):
        if file is not None:
            with contextlib.suppress(OSError):  # the rest of the buffer cannot be written to a dead process
                file.close()
    process.wait()


def _problem(answer: Message) -> ProblemError:
    kind = getattr(errors, str(answer["problem"]), BrokenPictureError)
    problem: ProblemError = kind(str(answer["detail"]))
    return problem


_spares = _Spares()
atexit.register(_spares.close)
