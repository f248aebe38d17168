"""What the configuration may choose below the head ends in a graph that computes the same, at any size of picture, in
eight bits, too."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spotter.export.folding import folded
from spotter.export.quantise import quantise
from spotter.families.build import build_spotter
from spotter.families.config import SpotterConfig
from spotter.model.excitation import LevelGate
from spotter.model.neck import RefinedNeck
from spotter.model.roles import Roles, joined
from spotter.model.spotter import normalised, real_part
from tests.export.conftest import TIMEOUT, write_part
from tests.model.choices import MAPS

pytestmark = pytest.mark.timeout(TIMEOUT)

NAMES = tuple(MAPS)
AROUND = tuple(name for name, config in MAPS.items() if config.backbone.needs_padding_mask or config.gate)


class Shared(nn.Module):
    """From pictures to the map that head and recogniser share, without the pyramid."""

    def __init__(self, config: SpotterConfig) -> None:
        super().__init__()
        spotter = build_spotter(config)
        self.backbone, self.neck, self.masked = spotter.backbone, spotter.neck, spotter.masked

    def forward(self, images: Tensor, sizes: Tensor) -> Tensor:
        """images uint8 [B, H, W, 3], sizes int32 [B, 2]."""
        pictures = normalised(images)
        inside = real_part(pictures, sizes) if self.masked else None
        _, *maps = self.backbone(pictures, inside)
        given = (F.avg_pool2d(inside, 4),) if inside is not None and isinstance(self.neck, RefinedNeck) else ()
        shared: Tensor = self.neck(maps, *given)
        return shared


class All(nn.Module):
    """One of each choice, side by side: a graph takes long to write."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.parts = nn.ModuleList(Shared(config) for config in MAPS.values())
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):  # as a trained network's, not those of a new one
                module.get_buffer("running_mean").uniform_(-0.2, 0.2)
                module.get_buffer("running_var").uniform_(0.5, 1.5)
            if isinstance(module, LevelGate):
                nn.init.normal_(module.choose.weight)
        self.eval()

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        return tuple(part(images, sizes) for part in self.parts)

    @property
    def roles(self) -> Roles:
        """Of all weights."""
        return joined(
            {
                f"parts.{number}.{name}": getattr(part, name).roles
                for number, part in enumerate(self.parts)
                for name in ("backbone", "neck")
            }
        )


@pytest.fixture(scope="module", name="model")
def make_model() -> All:
    return All()


@pytest.fixture(scope="module", name="graph")
def make_graph(model: All, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("choices") / "model.onnx"
    rows, columns = torch.export.Dim("rows", min=2, max=64), torch.export.Dim("columns", min=2, max=64)
    batch = torch.export.Dim("batch", min=1, max=8)
    shapes = {"images": {0: batch, 1: 16 * rows, 2: 16 * columns}, "sizes": {0: batch}}
    write_part(folded(model), (*pictures(2, 96, 64),), path, shapes)
    return path


def pictures(batch: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Noise, the last picture without its lower rows and right columns, which are black."""
    images = torch.randint(0, 256, (batch, height, width, 3), dtype=torch.uint8)
    images[-1, height - 20 :], images[-1, :, width - 8 :] = 0, 0
    sizes = torch.tensor([[height, width]] * batch, dtype=torch.int32)
    sizes[-1] -= torch.tensor([20, 8], dtype=torch.int32)
    return images, sizes


def run(path: Path, images: Tensor, sizes: Tensor) -> list[NDArray[np.float32]]:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return [np.asarray(value) for value in session.run(None, {"images": images.numpy(), "sizes": sizes.numpy()})]


@pytest.mark.parametrize("shape", [(2, 96, 64), (1, 32, 144)])
def test_graphs_compute_what_networks_do(model: All, graph: Path, shape: tuple[int, int, int]) -> None:
    given = pictures(*shape)
    with torch.no_grad():
        expected = model(*given)
    for name, found, wanted in zip(NAMES, run(graph, *given), expected, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), atol=2e-4, rtol=1e-3, err_msg=name)
        assert found.std() > 1e-3


def test_nothing_is_left_of_loops_norms_and_branches_that_were_trained_apart(graph: Path) -> None:
    nodes = onnx.load(str(graph)).graph.node
    assert not {"Loop", "Scan", "If", "BatchNormalization"} & {node.op_type for node in nodes}
    number = NAMES.index("branched blocks")
    weights = {node.input[1] for node in nodes if node.op_type == "Conv"}
    found = {name.split("backbone.")[1] for name in weights if f"parts.{number}.backbone" in name}
    stages = {f"stages.{stage}.{layer}.weight" for stage in range(2) for layer in ("0.0", "1.merged")}
    assert found == {"stem.0.weight"} | stages


def test_they_go_into_eight_bits(model: All, graph: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seen = [rng.integers(0, 256, (96, 64, 3), dtype=np.uint8) for _ in range(4)]
    quantise(graph, tmp_path / "int8.onnx", seen, model.roles)
    given = torch.from_numpy(np.stack(seen[:2])), torch.tensor([[96, 64]] * 2, dtype=torch.int32)
    for name, found, wanted in zip(NAMES, run(tmp_path / "int8.onnx", *given), run(graph, *given), strict=True):
        assert not np.array_equal(found, wanted), name
        assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.8, name


def test_padding_has_no_say_in_what_whole_maps_say(model: All) -> None:
    """Something in the padding, further from the picture than convolutions reach; then as a part of the picture."""
    images, _ = pictures(1, 64, 384)
    other = images.clone()
    other[:, :, 320:] = 0
    for width, names in ((64, ()), (384, AROUND)):
        sizes = torch.tensor([[64, width]], dtype=torch.int32)
        with torch.no_grad():
            pairs = zip(NAMES, model(images, sizes), model(other, sizes), strict=True)
        differing = {name for name, one, two in pairs if not torch.equal(one[..., :16], two[..., :16])}
        assert differing == set(names)
