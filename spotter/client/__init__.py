"""A client of the service, for programs that read pictures with a Spotter that runs elsewhere.

It needs only httpx (`pip install 'spotter-ocr[client]'`), not the model or ONNX Runtime: see docs/client.md.
"""

from spotter.client.aio import AsyncClient
from spotter.client.answers import (
    Answer,
    Block,
    Character,
    DocumentAnswer,
    ImageSize,
    Line,
    ModelRef,
    PageAnswer,
    PageProblem,
    PictureAnswer,
    Reading,
    Word,
)
from spotter.client.attempts import Retries
from spotter.client.bulk import Outcome
from spotter.client.errors import (
    BadAnswerError,
    ConnectionLostError,
    DeadlineError,
    MissingPackageError,
    ProblemError,
    SourceError,
    SpotterError,
    UnreachableError,
)
from spotter.client.exchange import KEY, URL
from spotter.client.options import Options
from spotter.client.sources import Source
from spotter.client.sync import Client

__all__ = [
    "KEY",
    "URL",
    "Answer",
    "AsyncClient",
    "BadAnswerError",
    "Block",
    "Character",
    "Client",
    "ConnectionLostError",
    "DeadlineError",
    "DocumentAnswer",
    "ImageSize",
    "Line",
    "MissingPackageError",
    "ModelRef",
    "Options",
    "Outcome",
    "PageAnswer",
    "PageProblem",
    "PictureAnswer",
    "ProblemError",
    "Reading",
    "Retries",
    "Source",
    "SourceError",
    "SpotterError",
    "UnreachableError",
    "Word",
]
