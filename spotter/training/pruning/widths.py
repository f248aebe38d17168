"""The widths of a detector that pruning may reduce, by name."""

from collections.abc import Mapping
from dataclasses import fields, replace

from spotter.families.config import SpotterConfig
from spotter.training.recipe_tables import toml_tables

_OF_HEADS = ("channels", "bend")  # the families' settings that are widths of convolutions
_STAGE, _HEAD = "stage ", "head "  # prefixes of the widths' names
_FAMILIES = ("fots", "abcnet")
_BLOCKS = ("residual", "bottleneck", "separable", "inverted", "branched")
_NECKS = ("fpn", "pan")


def widths_of(config: SpotterConfig) -> dict[str, int]:
    """The channels of the stem, of each stage, of the neck and of the head's branches."""
    stages = {f"{_STAGE}{number}": width for number, width in enumerate(config.backbone.channels, 1)}
    head = {
        f"{_HEAD}{item.name}": getattr(config.detection, item.name)
        for item in fields(config.detection)
        if item.name in _OF_HEADS
    }
    return {"stem": config.backbone.stem, **stages, "neck": config.neck, **head}


def with_widths(config: SpotterConfig, widths: Mapping[str, int]) -> SpotterConfig:
    """The configuration with these widths, which are all that `widths_of` names. Raises ValueError for impossible
    ones."""
    stages = tuple(width for name, width in widths.items() if name.startswith(_STAGE))
    head = {name.removeprefix(_HEAD): width for name, width in widths.items() if name.startswith(_HEAD)}
    return replace(
        config,
        backbone=replace(config.backbone, stem=widths["stem"], channels=stages),
        neck=widths["neck"],
        detection=replace(config.detection, **head),
    )


def as_recipe(config: SpotterConfig) -> str:
    """The widths as tables of a recipe."""
    head = {name.removeprefix(_HEAD): width for name, width in widths_of(config).items() if name.startswith(_HEAD)}
    backbone = {"stem": config.backbone.stem, "channels": config.backbone.channels}
    return "\n".join(toml_tables("model", {"neck": config.neck, "backbone": backbone, "detection": head}))


def check_prunable(config: SpotterConfig) -> None:
    """Raises ValueError, which says what to do, for networks whose channels' dependencies cannot be traced."""
    if config.family not in _FAMILIES:
        raise ValueError(
            f"a detector of family {config.family} cannot be pruned: prune the detector that it starts from, "
            "and train its head from that (`spotter train --start-from`)"
        )
    for name, value, possible in (
        ("block", config.backbone.block, _BLOCKS),
        ("neck_kind", config.neck_kind, _NECKS),
        ("gate", config.gate, (False,)),
    ):
        if value not in possible:
            raise ValueError(
                f"a network whose {name} is {value!r} cannot be pruned, only {', '.join(map(repr, possible))}: train "
                "smaller widths by a recipe instead, with this checkpoint as the teacher of [train.distill]"
            )
