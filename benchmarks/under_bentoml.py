"""`python -m bentoml serve benchmarks.under_bentoml:Spot`: the same reader, served by BentoML as its
documentation shows it (https://docs.bentoml.com).

The variables SPOTTER_BENCH_BUNDLE, _THREADS and _WORKERS configure it; BentoML imports this module in each of its
processes.
"""

import os
from pathlib import Path
from typing import Annotated, Any

import bentoml
from bentoml.validators import ContentType

from spotter.reading import imaging
from spotter.reading.reader import Reader
from spotter.reading.words import render


@bentoml.service(workers=int(os.environ["SPOTTER_BENCH_WORKERS"]), traffic={"timeout": 600})
class Spot:
    """Decodes, reads and answers like Spotter's service."""

    def __init__(self) -> None:
        self.reader = Reader.open(Path(os.environ["SPOTTER_BENCH_BUNDLE"]), int(os.environ["SPOTTER_BENCH_THREADS"]))

    @bentoml.api(route="/spot")  # type: ignore[untyped-decorator]
    def spot(self, image: Annotated[bytes, ContentType("image/jpeg")], /) -> dict[str, Any]:
        prepared = imaging.prepare(image, self.reader.manifest.input, self.reader.limits)
        words = self.reader.page(self.reader.infer([prepared])[0], prepared).words
        return {"words": [render(word) for word in words]}
