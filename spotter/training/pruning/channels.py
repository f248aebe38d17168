"""Groups of channels of a network that depend on each other, their importance, and their removal.

Channels that are added to each other, or that one layer writes and others read, can only be removed together; they form
a group. Torch-Pruning's dependency graph finds the groups (Fang et al. 2023, DepGraph, arXiv:2301.12900).
"""

from collections.abc import Callable, Iterator, Mapping

import torch
import torch_pruning
from torch import Tensor, nn

from spotter.model.recogniser import Recogniser
from spotter.model.spotter import Spotter

_SIDE = 128  # pixels of the picture with which dependencies are traced; twice every backbone's stride
_COLUMNS = 8  # columns of the patches that a recogniser reads from the maps in it
_OUTSIDE = ("recogniser.", "orientation.")


class _Followed(nn.Module):
    """All parts of a spotter that use the detector's maps, as one function of a picture, for tracing dependencies."""

    def __init__(self, model: Spotter) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> list[Tensor]:
        features = self.model.features(images)
        maps = self.model.detect(features)
        found = [value for value in vars(maps).values() if isinstance(value, Tensor) and value.requires_grad]
        reader = self.model.recogniser
        if isinstance(reader, Recogniser):
            rows = reader.config.height
            fine = features.fine[..., : 2 * rows, : 2 * _COLUMNS]
            coarse = features.shared[..., :rows, :_COLUMNS]
            found.append(reader.look(fine, coarse, torch.ones(1, _COLUMNS)))
        return found


class Channels:
    """The groups of channels of a spotter's detector; a group is named by a convolution that writes it."""

    def __init__(self, model: Spotter) -> None:
        followed = _Followed(model.eval().requires_grad_(True))
        picture = torch.zeros(1, _SIDE, _SIDE, 3, dtype=torch.uint8)
        self._model = model
        self._graph = torch_pruning.DependencyGraph().build_dependency(followed, picture)

    def groups(self) -> Iterator[tuple[str, "torch_pruning.Group"]]:
        """Each of Torch-Pruning's groups once, with its name."""
        names = {module: name for name, module in self._model.named_modules()}
        for group in self._graph.get_all_groups(root_module_types=[nn.Conv2d]):
            name = names[group[0].dep.target.module]
            if not name.startswith(_OUTSIDE):
                yield name, group

    def judged(self, judge: Callable[["torch_pruning.Group"], Tensor]) -> dict[str, Tensor]:
        """The importance of the channels [C] of each group, by one of Torch-Pruning's importance functions."""
        return {name: judge(group).detach() for name, group in self.groups()}

    def keep(self, kept: Mapping[str, Tensor]) -> None:
        """Removes from the model all channels of these groups except the given ones, int64 [K]."""
        for name, indices in kept.items():
            layer = self._model.get_submodule(name)
            assert isinstance(layer, nn.Conv2d)
            removed = sorted(set(range(layer.out_channels)) - set(indices.tolist()))
            self._graph.get_pruning_group(layer, torch_pruning.prune_conv_out_channels, removed).prune()
