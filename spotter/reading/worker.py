"""The program of isolated processes: reads a file and requests from standard input, writes answers to standard output.
Both consist of lines of JSON, each followed by as many bytes as its `length` says.

The first line contains limits and is followed by the file. Each further line is a request, whose `do` names a method of
`_Session`; what follows it is the method's `payload`. An answer with a `problem` names a class of `errors`.
"""

import json
import os
import resource
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np
from PIL import AvifImagePlugin

from spotter.reading.decoding import OpenedPicture
from spotter.reading.errors import BrokenPictureError, ProblemError
from spotter.reading.pdf import Pdf
from spotter.reading.pdf_copy import PdfCopy
from spotter.reading.prepared import PictureLimits, Region
from spotter.registry.manifest import InputSpec

Answer = tuple[dict[str, Any], bytes]


class _Session:
    """The requests about one file."""

    def __init__(self, data: bytes, limits: PictureLimits) -> None:
        self._data, self._limits = data, limits
        self._opened: OpenedPicture | None = None
        self._pdf: Pdf | None = None
        self._copy: PdfCopy | None = None

    def open(self, spec: dict[str, Any], region: dict[str, int] | None) -> Answer:
        """Reads the header of a picture."""
        steps = tuple(tuple(step) for step in spec.pop("bucket_steps"))
        shown = None if region is None else Region(**region)
        self._opened = OpenedPicture(self._data, InputSpec(**spec, bucket_steps=steps), self._limits, shown)
        return {"cost": self._opened.cost, "shape": self._opened.shape}, b""

    def decode(self) -> Answer:
        """Decodes the picture at its working size."""
        assert self._opened is not None
        prepared = self._opened.decode()
        region = None if prepared.region is None else asdict(prepared.region)
        head = {"shape": prepared.padded.shape, "working": prepared.working, "upload": prepared.upload}
        return {**head, "region": region}, prepared.padded.tobytes()

    def whole(self) -> Answer:
        """Decodes the picture at its own size."""
        assert self._opened is not None
        image = self._opened.whole()
        return {"size": image.size}, np.asarray(image).tobytes()

    def pages(self) -> Answer:
        """Opens a PDF and counts its pages."""
        self._pdf = Pdf(self._data)
        return {"count": self._pdf.count}, b""

    def page(self, number: int, side: int, text: bool) -> Answer:
        """The size of a page, and with `text` its embedded text."""
        assert self._pdf is not None
        found = self._pdf.text(number, side) if text else {}
        return {"size": self._pdf.size(number, side), **found}, b""

    def draw(self, number: int, side: int) -> Answer:
        """Draws a page."""
        assert self._pdf is not None
        pixels = self._pdf.draw(number, side)
        return {"shape": pixels.shape}, pixels.tobytes()

    def bare(self, number: int, side: int) -> Answer:
        """Begins to change a page of a PDF: see `PdfCopy.bare`."""
        return {"words": self._writable().bare(number, side)}, b""

    def lay(self, number: int, payload: bytes) -> Answer:
        """Puts a layer on it."""
        self._writable().lay(number, payload)
        return {}, b""

    def save(self, numbers: list[int]) -> Answer:
        """Writes it with these of its pages."""
        return {}, self._writable().save(numbers)

    def _writable(self) -> PdfCopy:
        self._copy = self._copy or PdfCopy(self._data)
        return self._copy


def main(source: BinaryIO, sink: BinaryIO) -> None:
    """Answers requests until the input ends."""
    if (first := _receive(source)) is None:
        return
    head, data = first
    _bound(head["memory"])
    session = _Session(data, PictureLimits(**head["limits"]))
    while (asked := _receive(source)) is not None:
        _bound_time(head["seconds"])
        message = {name: value for name, value in asked[0].items() if name != "length"}
        if asked[1]:
            message["payload"] = asked[1]
        try:
            answer, payload = getattr(session, message.pop("do"))(**message)
        except ProblemError as problem:
            answer, payload = {"problem": type(problem).__name__, "detail": problem.detail}, b""
        except MemoryError:
            detail = "decoding it takes more memory than a picture may take"
            answer, payload = {"problem": BrokenPictureError.__name__, "detail": detail}, b""
        sink.write(json.dumps({**answer, "length": len(payload)}).encode() + b"\n")
        sink.write(payload)
        sink.flush()


def _receive(source: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    if not (line := source.readline()):
        return None
    head = json.loads(line)
    return head, source.read(head["length"])


def _bound(memory: int) -> None:
    """Limits address space, and forbids writing files and core dumps, which decoding does not need."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # each thread takes address space, and other processes use the cores
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _bound_time(seconds: int) -> None:
    """Limits processor time from now on. The parent watches wall time; this limit holds if the parent is gone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, resource.RLIM_INFINITY))


if __name__ == "__main__":
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # libraries' output must not mix with answers
    main(sys.stdin.buffer, answers)
