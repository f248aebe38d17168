"""Builds a spotter from its configuration, with random weights or with those of a checkpoint."""

from pathlib import Path

from spotter.families.catalogue import family_named
from spotter.families.config import SpotterConfig
from spotter.model.backbone import Backbone
from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig
from spotter.model.language import LanguageModel, LanguageTables
from spotter.model.neck import neck
from spotter.model.orientation import Orientation
from spotter.model.packing import UNIT
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.recogniser import Recogniser
from spotter.model.regions import PatchSize
from spotter.model.spotter import Spotter
from spotter.model.weights import final_weights, load_state


def build_spotter(config: SpotterConfig | None = None, charset: Charset | None = None) -> Spotter:
    """A spotter with random weights."""
    config = config or SpotterConfig()
    family = family_named(config.family)
    reader = config.recogniser
    charset = charset or Charset(config.characters)
    recogniser: Recogniser | PictureRecogniser
    if isinstance(reader, PictureRecogniserConfig):
        size = PatchSize(reader.rows, UNIT, UNIT * reader.longest)
        recogniser = PictureRecogniser(reader, charset, family.geometry)
    else:
        size = PatchSize(reader.height, reader.min_width, reader.max_width)
        recogniser = Recogniser(config.backbone.stem, config.neck, charset.classes, reader)
    return Spotter(
        Backbone(config.backbone),
        neck(config.neck_kind, config.backbone.channels, config.neck, config.context, config.gate),
        family.head(config.neck, config.detection, charset.classes),
        family.sampler(size, config.detection),
        recogniser,
        config.score,
        charset=charset,
        orientation=Orientation(config.neck) if config.orientation else None,
        masked=config.backbone.needs_padding_mask or config.gate,
    )


def load_spotter(
    path: Path, language: Path | None = None, space: float | None = None, rare: float | None = None
) -> Spotter:
    """The spotter of a checkpoint, in evaluation mode, with its EMA weights where the file is the full state of a run.

    language: file of the language model to use, if any. space, rare: instead of the checkpoint's own values, see
    `PictureRecogniserConfig`.
    Raises ValueError when a file is not what it should be or the weights do not fit their configuration.
    """
    state = load_state(path)
    weights = final_weights(state)
    try:
        config = SpotterConfig.from_dict(state["model_config"]).with_priors(space, rare)
        model = build_spotter(config)
        model.load_state_dict({name: v.float() if v.is_floating_point() else v for name, v in weights.items()})
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path}: {error}") from error
    if language is not None:
        model.language = LanguageModel(LanguageTables.load(language), Charset(config.characters), config.search)
    return model.eval()
