"""Recipes: the data and settings of a run, in one TOML file.

[train]                 # fields of TrainConfig
steps = 10000
[train.losses]          # fields of LossConfig, and weights of the family's own parts of the loss
[train.distill]         # fields of DistillConfig
[train.difficulty]      # fields of DifficultyConfig
[[train.stages]]        # fields of Stage
[model]                 # fields of SpotterConfig; charset is "ascii" or "latin-and-greek"
family = "fots"
[model.backbone]        # fields of BackboneConfig; `plan` fills in those of a known network
[model.detection]       # fields of the family's own settings
[[source]]
kind = "labelled"       # scene, page, sheet, curved, labelled, crops, textfree or unlabelled
path = "icdar2015/train"  # below the data folder
weight = 0.2
...                     # further arguments of the source's constructor

A recipe that trains the recogniser alone has no tables but these:

[recogniser_run]        # fields of RecogniserTrainConfig
start = "ppocrv6-small" # or -tiny, or a file of a recogniser alone; random weights without it
[[source]]              # as above
"""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from spotter.families.catalogue import family_named
from spotter.families.config import SpotterConfig
from spotter.families.interface import Family
from spotter.model.charset import LATIN_AND_GREEK, PRINTABLE_ASCII
from spotter.model.config import backbone_fields, recogniser_fields
from spotter.strict_json import read
from spotter.training.config import TrainConfig
from spotter.training.data.backgrounds import TextFreeSource
from spotter.training.data.crops import WordCropSource, crops_not_surely_from
from spotter.training.data.real import LabelledSource
from spotter.training.data.unlabelled import UnlabelledSource
from spotter.training.mixture import Mixture
from spotter.training.recogniser_loop import RecogniserTrainConfig
from spotter.training.sample import Source
from spotter.training.synthesis import Backgrounds, CurvedSource, PageSource, PatchPool, SceneSource, SheetSource
from spotter.training.synthesis.device import DeviceComposer
from spotter.training.synthesis.held_out import Part
from spotter.training.synthesis.sources import LayoutSource
from spotter.training.validation import ValidationSet

T = TypeVar("T")

_CURVED = "curved"
_SYNTHETIC: dict[str, Callable[..., Source]] = {
    "scene": SceneSource,
    "page": PageSource,
    "sheet": SheetSource,
    _CURVED: CurvedSource,
}
_CHARSETS = {"ascii": PRINTABLE_ASCII, "latin-and-greek": LATIN_AND_GREEK}
_TABLES = {"train", "model", "source", "validation", "recogniser_run"}
_RECOGNISER_ALONE = {"source", "recogniser_run"}


class RecipeError(ValueError):
    """A recipe is invalid, or names something that does not exist."""


@dataclass(frozen=True)
class RecogniserRun:
    """A run of the recogniser alone, see `spotter.training.recogniser_loop`. start: starting weights, as in
    `spotter.training.pretrained.starting_recogniser`; None: random weights."""

    config: RecogniserTrainConfig
    start: str | None = None


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe; `sources` are tables whose folders are not opened yet. recogniser_run: set where the recipe
    trains the recogniser alone; `train` and `model` are then unused."""

    train: TrainConfig
    model: SpotterConfig
    sources: tuple[Mapping[str, Any], ...]
    validation: tuple[ValidationSet, ...]
    recogniser_run: RecogniserRun | None = None


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe from a file. Raises RecipeError when a field is unknown or out of range."""
    try:
        return parse_recipe(tomllib.loads(path.read_text()))
    except (OSError, tomllib.TOMLDecodeError, RecipeError) as error:
        raise RecipeError(f"{path}: {error}") from error


def parse_recipe(table: Mapping[str, Any]) -> Recipe:
    """The recipe of a TOML table. Raises RecipeError when a field is unknown or out of range."""
    try:
        if unknown := table.keys() - _TABLES:
            raise ValueError(f"unknown tables: {', '.join(sorted(unknown))}")
        if "recogniser_run" in table and (others := table.keys() - _RECOGNISER_ALONE):
            raise ValueError(f"a recipe of the recogniser alone has no {', '.join(sorted(others))}")
        family = family_named(table.get("model", {}).get("family", "fots"))
        train = dict(table.get("train", {}))
        weights = dict(train.get("losses", {}))
        own = {name: weights.pop(name) for name in family.parts if name in weights}
        run = _filled(TrainConfig, train | {"losses": dict(own=own, **weights)}, "train")
        run.check(family)
        sources = tuple(table["source"])
        if not run.distill.teacher and any(source.get("kind") == "unlabelled" for source in sources):
            raise ValueError("only a teacher, [train.distill], can tell anything of pictures without labels")
        validation = enumerate(table.get("validation", ()))
        return Recipe(
            run,
            _model(table.get("model", {}), family),
            sources,
            tuple(_filled(ValidationSet, item, f"validation.{number}") for number, item in validation),
            _recogniser_run(table["recogniser_run"]) if "recogniser_run" in table else None,
        )
    except (TypeError, ValueError, KeyError) as error:
        raise RecipeError(str(error)) from error


def _model(table: Mapping[str, Any], family: Family) -> SpotterConfig:
    model = dict(table)
    model["backbone"] = backbone_fields(model.get("backbone", {}))
    detection = _filled(family.config, model.pop("detection", {}), "model.detection")
    recogniser = _filled(*recogniser_fields(model.pop("recogniser", {})), "model.recogniser")
    characters = _CHARSETS[model.pop("charset", "ascii")]
    rest = _filled(SpotterConfig, dict(characters=characters, **model), "model")
    return replace(rest, detection=detection, recogniser=recogniser)


def _recogniser_run(table: Mapping[str, Any]) -> RecogniserRun:
    fields = dict(table)
    start = fields.pop("start", None)
    return RecogniserRun(_filled(RecogniserTrainConfig, fields, "recogniser_run"), start)


def _filled(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    return read(kind, json.dumps(table, default=str), where)  # a date becomes text, which most fields reject


def source_folder(data: Path | None, name: str) -> Path:
    """A source's folder below the data folder. Raises RecipeError where it does not exist."""
    if data is None or not (data / name).is_dir():
        raise RecipeError(f"source folder {name!r} is not below the data folder {data}")
    return data / name


def excluded_crops(exclude: Sequence[Mapping[str, Any]], data: Path | None) -> dict[str, set[str]]:
    """For each folder of word crops, the crops that may come from held-out pictures.

    Raises RecipeError when a folder is missing.
    """
    return {
        held["crops"]: crops_not_surely_from(
            source_folder(data, f"word_crops/{held['crops']}"),
            source_folder(data, held["train"]),
            [source_folder(data, held["held_out"])],
        )
        for held in exclude
    }


def build_sources(sources: Sequence[Mapping[str, Any]], data: Path | None, pool: Path | None) -> Mixture:
    """Opens the sources and mixes them.

    Where curved words are among them, no source uses the fonts and backgrounds that are held out for `spotter synth
    write --preset curved`.
    Raises RecipeError when a folder, the pool or a field is missing, or a source does not know a field.
    """
    folder = partial(source_folder, data)
    kinds = {source.get("kind") for source in sources}
    if kinds & _SYNTHETIC.keys() and pool is None:
        raise RecipeError("synthetic sources need a pool of rendered words: `spotter synth pool`, then --pool")
    part: Part = "training" if _CURVED in kinds else "all"
    folders = [folder("backgrounds")] if data and (data / "backgrounds").is_dir() else []
    backgrounds = Backgrounds.load(folders, part=part)
    patches = PatchPool.load(pool).part(part) if pool else None

    def opened(table: Mapping[str, Any]) -> tuple[Source, float]:
        options = _tuples(table)
        kind, weight = options.pop("kind"), options.pop("weight")
        options.pop("licence", None)
        if kind in _SYNTHETIC:
            return _SYNTHETIC[kind](patches, backgrounds, **options), weight
        if kind == "labelled":
            return LabelledSource(folder(options.pop("path")), **options), weight
        if kind == "unlabelled":
            return UnlabelledSource(folder(options.pop("path")), **options), weight
        if kind == "textfree":
            return TextFreeSource(backgrounds.pictures, **options), weight
        if kind == "crops":
            crops = [folder(name) for name in options.pop("path")]
            exclude = excluded_crops(options.pop("exclude", ()), data)
            return WordCropSource(crops, backgrounds.pictures, exclude, **options), weight
        raise RecipeError(f"unknown kind of source {kind!r}")

    mixed: list[tuple[Source, float]] = []
    for table in sources:
        try:
            mixed.append(opened(table))
        except RecipeError:
            raise
        except KeyError as error:
            raise RecipeError(f"source {dict(table)} misses {error}") from error
        except (TypeError, ValueError) as error:
            raise RecipeError(f"source {dict(table)}: {error}") from error
    return Mixture(mixed)


def composer_of(mixture: Mixture, device: str) -> DeviceComposer | None:
    """The composer of the synthetic pictures of a mixture from `build_sources`; None where it has none."""
    synthetic = [source for source in mixture.sources if isinstance(source, LayoutSource)]
    return DeviceComposer(synthetic[0].pool, synthetic[0].backgrounds, device) if synthetic else None
