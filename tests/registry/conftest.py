from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from spotter.registry.bundle import write_bundle
from spotter.registry.manifest import InputSpec, Manifest

MODEL = b"\x3a\x02\x12\x00"  # a ModelProto whose graph (field 7) has an empty name (field 2)

WriteBundle = Callable[..., Manifest]


@pytest.fixture
def write(tmp_path: Path) -> WriteBundle:
    """Writes a small bundle; keyword arguments override what it says."""

    def write(folder: Path, **changes: object) -> Manifest:
        model, picture = tmp_path / "in.onnx", tmp_path / "in.png"
        model.write_bytes(bytes(changes.pop("content", MODEL)))  # type: ignore[call-overload]
        Image.new("RGB", (8, 8)).save(picture)
        values: dict[str, object] = {
            "model": model,
            "golden_picture": picture,
            "golden_words": ["EXIT"],
            "name": "spotter",
            "version": "7",
            "charset": "abc",
            "input": InputSpec(),
            "opset": 18,
            "provenance": {"data": ["made up"]},
            "metrics": {"none": {"f": 0.5}},
            "score_threshold": 0.5,
            "card": "# Card\n",
            **changes,
        }
        return write_bundle(folder, **values)  # type: ignore[arg-type]

    return write
