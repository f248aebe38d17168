"""Settings from the environment (`SPOTTER_*`), validated; values that would make the service unsafe are rejected."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from spotter.formats.dialects.names import DialectName
from spotter.reading.lexicons import read_lexicons
from spotter.reading.settings import ReadingSettings, cores
from spotter.registry.reference import ModelReference
from spotter.service.keys import read_keys


def _split(value: object) -> object:
    return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value


class Settings(ReadingSettings):
    """All settings of the service. docs/service.md explains each."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535, validation_alias=AliasChoices("SPOTTER_PORT", "PORT"))

    models: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    poll_seconds: float = Field(default=10.0, ge=0, le=86_400)

    decoders: int = Field(default=2, ge=1, le=64)

    max_bytes: int = Field(default=32 << 20, ge=1024, le=1 << 30)
    max_upload_bytes_total: int = Field(default=256 << 20, ge=1024)
    max_pictures: int = Field(default=16, ge=1, le=256)
    max_pages: int = Field(default=100, ge=1, le=10_000)
    document_timeout: float = Field(default=30.0, gt=0, le=3600)
    lexicons: Path | None = None
    fetch_urls: bool = False
    fetch_timeout: float = Field(default=10.0, gt=0, le=600)
    upload_timeout: float = Field(default=30.0, gt=0, le=600)

    max_header_bytes: int = Field(default=16_384, ge=1024, le=1 << 20)
    header_timeout: float = Field(default=10.0, gt=0, le=600)
    max_connections: int = Field(default=1024, ge=1, le=65_536)
    api_keys_file: Path | None = None
    playground: bool = True
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    compat: Annotated[tuple[DialectName, ...], NoDecode, BeforeValidator(_split)] = ()

    queue_pictures: int = Field(default=64, ge=1, le=4096)
    queue_pixels: int = Field(default=128_000_000, ge=1)
    queue_seconds: float = Field(default=10.0, gt=0, le=600)
    timeout: float = Field(default=30.0, gt=0, le=600)

    batch_pictures: int = Field(default=0, ge=0, le=256)
    batch_pixels: int = Field(default=4_000_000, ge=1)
    batch_wait_ms: float = Field(default=0.0, ge=0, le=2.0)

    engine_timeout: float = Field(default=60.0, ge=1, le=3600)
    grace: float = Field(default=2.0, ge=0, le=300)
    drain_timeout: float = Field(default=30.0, gt=0, le=600)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.models and {"model", "alias"} & self.model_fields_set:
            raise ValueError("models: the first of them is the default, so model and alias are not to be set, too")
        try:
            references = self.references
        except ValueError as error:
            raise ValueError(f"models: {error}") from None
        if len(set(references)) < len(references):
            raise ValueError(f"models: {', '.join(self.models)} names one of them twice")
        if self.max_upload_bytes_total < self.max_bytes:
            raise ValueError("max_upload_bytes_total must be at least max_bytes, or the largest upload never fits")
        if self.max_pictures > self.queue_pictures:
            raise ValueError("queue_pictures must be at least max_pictures, or the largest upload never fits")
        if self.api_keys_file is not None:
            read_keys(self.api_keys_file)
        if self.lexicons is not None:
            read_lexicons(self.lexicons)
        for origin in self.cors_origins:
            if origin != "*" and not re.fullmatch(r"https?://[^/\s*]+", origin):
                raise ValueError(f"cors_origins: {origin!r} is not * or like https://example.org")
        return self

    @property
    def references(self) -> tuple[ModelReference, ...]:
        """The models of the service, the default first."""
        return tuple(map(ModelReference.parse, self.models)) or (ModelReference(self.model, self.alias),)

    def of(self, reference: ModelReference) -> Self:
        """The same settings with only one of the models."""
        return self.model_copy(update={"models": (), "model": reference.name, "alias": reference.alias})

    @property
    def lanes(self) -> int:
        """The number of batches that run at once: on a CPU one for each thread, on a GPU one."""
        return self.engine_threads if self.device == "cpu" else 1

    @property
    def lanes_decode(self) -> bool:
        """Whether a lane decodes the picture that it reads next: where each core has a lane, a separate decoding thread
        would only delay one of the lanes, sometimes the same one repeatedly."""
        return self.device == "cpu" and self.lanes >= cores() and self.batch_limit == 1

    @property
    def batch_limit(self) -> int:
        """The most pictures of a batch: as set, or the best for the device."""
        return self.batch_pictures or (1 if self.device == "cpu" else 8)


def unknown_variables() -> list[str]:
    """Environment variables that look like settings but are unknown: misspelt, or from another version."""
    known = {f"SPOTTER_{name.upper()}" for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith("SPOTTER_") and name not in known)
