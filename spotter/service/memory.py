"""An upper bound of the memory that the service takes with its settings, in addition to the program and its models."""

from spotter.reading.imaging import QUICK_PIXELS
from spotter.reading.isolated import BASE_BYTES, BYTES_PER_PIXEL
from spotter.reading.pages import PDF_PIXELS
from spotter.service.settings import Settings

CONNECTION_BYTES = 64 * 1024 + 256 * 1024
"""The unread body of a connection: uvicorn's high-water mark and one read."""
FETCHES = 2
"""The number of pictures that are fetched from URLs at once."""
DECODER_BYTES = 22
"""Measured bytes per pixel while a picture is decoded. The worst cases are: 21 of a lossless WebP (two canvases, and
their copies), 17 of samples wider than a byte, 13 with transparency, 6 of a progressive JPEG, below 1 of any other
JPEG."""
IDLE_BYTES = 64 << 20
"""Memory of a spare decoding process; 43 MB were measured."""
UNTOUCHED_BYTES = 96 << 20
"""The measured part of such a process's address space that libraries map and never use."""
GRAPH_BYTES = 160
"""Measured bytes per padded pixel while the shipped graph runs on a CPU."""


def bound(settings: Settings) -> dict[str, int]:
    """The most bytes of each consumer. Memory that models keep between pictures depends on the bundle and is not
    included."""
    # A single lane arranges the next batch in a second buffer. Several lanes have one buffer each, or none where a
    # batch is one picture.
    lanes = 2 if settings.lanes == 1 else settings.lanes if settings.batch_limit > 1 else 0
    models = len(settings.references)
    decoding = settings.lanes if settings.lanes_decode else 0
    decoded = settings.decoders * settings.max_pixels + decoding * min(settings.max_pixels, QUICK_PIXELS)
    return {
        # An upload's chunks, and a copy while they are joined; uploads that are still being decoded for clients that
        # disconnected; JSON while it is parsed; fetched pictures.
        "uploads": 2 * settings.max_upload_bytes_total
        + (settings.decoders + decoding + 2 + (FETCHES if settings.fetch_urls else 0)) * settings.max_bytes,
        "connections": settings.max_connections * CONNECTION_BYTES,
        "decoding": decoded * DECODER_BYTES,
        "processes": _processes(settings),
        "queue": 3 * settings.queue_pixels,
        "batches": models * lanes * 3 * settings.batch_pixels,
        "graphs": models * settings.lanes * settings.max_working_side**2 * GRAPH_BYTES
        if settings.device == "cpu"
        else 0,
    }


def _processes(settings: Settings) -> int:
    """Bytes of the isolated decoding processes: those of the decoders, those of open documents, and a spare one."""
    picture = BASE_BYTES - UNTOUCHED_BYTES + 2 * settings.max_bytes
    document = picture + BYTES_PER_PIXEL * min(settings.max_pixels, PDF_PIXELS)
    return settings.decoders * (document + picture) + IDLE_BYTES
