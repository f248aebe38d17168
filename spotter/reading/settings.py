"""Settings of reading, with or without the service: the model, the device, and the limits of pictures."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from spotter.reading.imaging import PictureLimits
from spotter.reading.session import SessionOptions
from spotter.registry.errors import RegistryError
from spotter.registry.folder import FolderStore
from spotter.registry.reference import ModelReference
from spotter.registry.source import LIVE
from spotter.registry.stores import open_store

PILLOW_BOMB_PIXELS = 178_956_970
"""Pillow rejects pictures of more pixels, whatever the settings."""


def _as_text(value: object) -> object:
    """An empty variable counts as unset: Compose passes every variable, empty where none is given."""
    return str(value) if isinstance(value, Path) else value or None


class ReadingSettings(BaseSettings):
    """From the environment (`SPOTTER_*`), checked. docs/service.md explains each."""

    model_config = SettingsConfigDict(
        env_prefix="SPOTTER_", env_ignore_empty=True, extra="forbid", frozen=True, populate_by_name=True
    )

    registry: Annotated[str | None, BeforeValidator(_as_text)] = None
    model: str = "spotter"
    alias: str = LIVE
    cache: Path | None = None

    device: Literal["cpu", "cuda", "tensorrt"] = "cpu"
    cuda_graphs: bool = False
    threads: int = Field(default=0, ge=0, le=256)

    max_pixels: int = Field(default=64_000_000, ge=1, le=PILLOW_BOMB_PIXELS)
    max_side: int = Field(default=32_768, ge=1, le=65_535)
    max_frames: int = Field(default=1_000, ge=1)
    max_working_side: int = Field(default=2272, ge=64, le=16_384)
    second_look: bool = True

    @model_validator(mode="before")
    @classmethod
    def _divided(cls, values: Any) -> Any:
        """A model that is given as NAME@ALIAS also sets the alias."""
        if not isinstance(values, dict) or "@" not in str(values.get("model", "")):
            return values
        if "alias" in values:
            raise ValueError(f"model: {values['model']} names an alias, and so does alias")
        reference = ModelReference.parse(values["model"])
        return {**values, "model": reference.name, "alias": reference.alias}

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.cuda_graphs and self.device != "cuda":
            raise ValueError("cuda_graphs is for the device cuda")
        try:
            store = open_store(self.registry)
        except RegistryError as error:
            raise ValueError(f"registry: {error}") from None
        if isinstance(store, FolderStore) and not store.root.is_dir():
            raise ValueError(f"registry {self.registry} is not a folder")
        return self

    @property
    def engine_threads(self) -> int:
        """The number of the engine's threads: as set, or one for each core that this process may use."""
        return self.threads or cores()

    @property
    def session(self) -> SessionOptions:
        """The options of the session."""
        return SessionOptions(self.engine_threads, self.device, self.cuda_graphs)

    @property
    def limits(self) -> PictureLimits:
        """The limits of a picture."""
        return PictureLimits(self.max_pixels, self.max_side, self.max_frames)

    @property
    def closest(self) -> int:
        """The longest side, in pixels, of a second look at pictures of small words; 0: no second looks."""
        return self.max_working_side if self.second_look else 0


def cores() -> int:
    """The number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))
