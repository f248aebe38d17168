"""The configuration of a whole spotter, checked when it is built."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spotter.families.catalogue import family_named
from spotter.model.charset import PRINTABLE_ASCII
from spotter.model.config import (
    CONTEXTS,
    NECKS,
    BackboneConfig,
    PictureRecogniserConfig,
    RecogniserConfig,
    ScoreConfig,
    SearchConfig,
    recogniser_config,
)


@dataclass(frozen=True)
class SpotterConfig:
    """The configuration of a whole spotter.

    neck: channels of the shared map. neck_kind: "fpn", "pan" or "bifpn", see `spotter.model.neck`.
    context: a block after the neck, "dilated" or "branches", see `spotter.model.context`; or "none".
    gate: whether a learnt gate weighs the levels of features for each picture before the neck.
    characters: those that the recogniser knows, in the order of their classes.
    orientation: whether it classifies a picture's orientation, see `spotter.model.orientation`.
    family: see `spotter.families.catalogue`. detection: the family's own settings; None means its defaults.
    """

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    neck: int = 64
    detection: Any = None
    recogniser: RecogniserConfig | PictureRecogniserConfig = field(default_factory=RecogniserConfig)
    score: ScoreConfig = field(default_factory=ScoreConfig)
    neck_kind: str = "fpn"
    search: SearchConfig = field(default_factory=SearchConfig)
    characters: str = PRINTABLE_ASCII
    family: str = "fots"
    orientation: bool = False
    context: str = "none"
    gate: bool = False

    def __post_init__(self) -> None:
        if self.context not in CONTEXTS:
            raise ValueError(f"context must be one of {', '.join(CONTEXTS)}")
        if self.context == "branches" and self.neck % 4:
            raise ValueError("neck must be a multiple of 4 for the branches of its context")
        if self.neck_kind not in NECKS:
            raise ValueError(f"neck_kind must be one of {', '.join(NECKS)}")
        wanted = family_named(self.family).config
        if self.detection is None:
            object.__setattr__(self, "detection", wanted())
        if not isinstance(self.detection, wanted):
            raise ValueError(f"detection of family {self.family} must be a {wanted.__name__}")

    @property
    def map_recogniser(self) -> RecogniserConfig:
        """The recogniser's configuration, where it reads the shared maps. Raises ValueError where it reads the
        picture."""
        if isinstance(self.recogniser, RecogniserConfig):
            return self.recogniser
        raise ValueError("the recogniser reads the picture, not the shared maps")

    def with_priors(self, space: float | None = None, rare: float | None = None) -> "SpotterConfig":
        """The configuration with other numbers added to the logits of spaces and of rare letters (see
        `PictureRecogniserConfig`); None leaves them. Raises ValueError where the recogniser reads the shared maps."""
        if space is None and rare is None:
            return self
        reader = self.recogniser
        if not isinstance(reader, PictureRecogniserConfig):
            raise ValueError("only a recogniser that reads the picture has priors of characters")
        changed = replace(
            reader, space=reader.space if space is None else space, rare=reader.rare if rare is None else rare
        )
        return replace(self, recogniser=changed)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain containers, for a checkpoint or a manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SpotterConfig":
        """Inverse of `to_dict`. Raises TypeError for unknown fields and ValueError for impossible or missing ones."""

        def tuples(name: str) -> dict[str, Any]:
            return {k: tuple(v) if isinstance(v, list) else v for k, v in values[name].items()}

        if not isinstance(values, dict):
            raise TypeError(f"a configuration is a table, not {values!r}")
        if missing := [name for name in ("backbone", "neck", "detection", "recogniser") if name not in values]:
            raise ValueError(f"the network's configuration lacks {', '.join(missing)}")
        family = values.get("family", "fots")
        return cls(
            backbone=BackboneConfig(**tuples("backbone")),
            neck=values["neck"],
            detection=family_named(family).read_config(tuples("detection")),
            recogniser=recogniser_config(tuples("recogniser")),
            score=ScoreConfig(**values.get("score", {})),
            neck_kind=values.get("neck_kind", "fpn"),
            search=SearchConfig(**values.get("search", {})),
            characters=values.get("characters", PRINTABLE_ASCII),
            family=family,
            orientation=values.get("orientation", False),
            context=values.get("context", "none"),
            gate=values.get("gate", False),
        )
