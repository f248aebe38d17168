"""`python -m benchmarks.under_litserve BUNDLE PORT THREADS WORKERS`: the same reader, served by LitServe
as its documentation shows it (https://lightning.ai/docs/litserve)."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import litserve
from fastapi import File

from spotter.reading import imaging
from spotter.reading.imaging import Prepared
from spotter.reading.reader import Reader
from spotter.reading.words import Word, render


class Spot(litserve.LitAPI):  # type: ignore[misc]
    """Decodes, reads and answers like Spotter's service, one picture after the other in each worker."""

    def __init__(self, bundle: Path, threads: int) -> None:
        super().__init__()
        self._bundle = bundle
        self._threads = threads

    def setup(self, device: str) -> None:
        self.reader = Reader.open(self._bundle, self._threads)

    def decode_request(self, request: Annotated[bytes, File()]) -> Prepared:
        return imaging.prepare(request, self.reader.manifest.input, self.reader.limits)

    def predict(self, prepared: Prepared) -> Sequence[Word]:
        return self.reader.page(self.reader.infer([prepared])[0], prepared).words

    def encode_response(self, words: Sequence[Word]) -> dict[str, Any]:
        return {"words": [render(word) for word in words]}


def main(bundle: str, port: str, threads: str, workers: str) -> None:
    """Serves until killed."""
    server = litserve.LitServer(
        Spot(Path(bundle), int(threads)), accelerator="cpu", workers_per_device=int(workers), timeout=False
    )
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False, log_level="error")


if __name__ == "__main__":
    main(*sys.argv[1:])
