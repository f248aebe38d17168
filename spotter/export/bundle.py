"""checkpoint -> verified bundle."""

import json
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from spotter.export.golden import GOLDEN_LINES, draw_lines
from spotter.export.graph import OUTPUTS, export_graph
from spotter.export.operators import OPSET
from spotter.export.parity import ParityError, check_parity
from spotter.export.quantise import Picture, check_agreement, quantise
from spotter.model.charset import Charset
from spotter.model.spotter import Spotter
from spotter.registry.bundle import write_bundle
from spotter.registry.manifest import InputSpec, Manifest

STRIDE = 64
_GOLDEN_MARGIN = 0.02
# Of 1136, 1184, 1216, 1248 and 1280, 1248 read most on the validation parts of ICDAR 2015 and 2003 together.
INPUT = InputSpec(stride=STRIDE, min_side=STRIDE, max_side=1248, target_side=1248, bucket_steps=((65536, STRIDE),))


@dataclass(frozen=True)
class Origin:
    """Where a bundle's weights came from.

    recipe: the training recipe's TOML, whose sources name their data and licences. metrics: scores by data set, as
    `spotter evaluate --json` writes them. limits: what the model cannot read, in sentences for the card.
    """

    recipe: Path | None
    metrics: Mapping[str, Any]
    limits: str
    pictures: int


def _commit() -> str:
    try:
        return subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _provenance(origin: Origin) -> dict[str, Any]:
    sources = tomllib.loads(origin.recipe.read_text())["source"] if origin.recipe else []
    return {
        "code_commit": _commit(),
        "pictures_seen": origin.pictures,
        "data": [
            {
                "source": str(source.get("path", source["kind"])),
                "weight": source["weight"],
                "licence": source.get("licence", "unstated"),
            }
            for source in sources
        ],
    }


def model_card(name: str, version: str, origin: Origin, provenance: Mapping[str, Any]) -> str:
    """Markdown: what the model is, was trained on, scores, and cannot do."""
    data = "\n".join(f"| {entry['source']} | {entry['weight']} | {entry['licence']} |" for entry in provenance["data"])
    return f"""# {name} {version}

A FOTS text spotter: one network that finds words as rotated boxes and reads them as printable ASCII, case kept.

## Trained on

{origin.pictures:,} pictures, drawn from these sources by weight:

| source | weight | licence of the data |
| --- | --- | --- |
{data}

## Scores

```json
{json.dumps(origin.metrics, indent=2)}
```

## Where it fails

{origin.limits}
"""


def golden_words(graph: Path, picture: NDArray[np.uint8], score_threshold: float) -> list[str]:
    """Words of the golden picture that the graph reads as drawn, well above the threshold below which a service
    leaves words out. Raises ParityError when it reads none."""
    height, width = picture.shape[:2]
    padded = np.zeros((1, -(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE, 3), np.uint8)
    padded[0, :height, :width] = picture
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    feed = {"images": padded, "sizes": np.array([[height, width]], np.int32)}
    _, _, scores, characters, _ = (np.asarray(value) for value in session.run(list(OUTPUTS), feed))
    sure = scores > score_threshold + _GOLDEN_MARGIN
    read = [Charset().decode(row.tolist()) for row in characters[sure]]
    drawn = [word for line in GOLDEN_LINES for word in line.split() if word in read]
    if not drawn:
        raise ParityError(f"the graph reads none of the golden picture's words, only {read}")
    return drawn


def export_bundle(
    model: Spotter,
    folder: Path,
    *,
    name: str,
    version: str,
    score_threshold: float,
    origin: Origin,
    calibration: Sequence[Picture] = (),
) -> tuple[Manifest, int]:
    """Exports, checks parity and writes the bundle; returns its manifest and the number of words compared.

    calibration: pictures by which the dense part becomes int8; none leave the graph in fp32.
    Raises ParityError when graph and network disagree, BundleError when the folder is not free; no bundle is left then.
    """
    provenance = _provenance(origin) | {"precision": "int8" if calibration else "fp32"}
    with tempfile.TemporaryDirectory() as scratch:
        graph = Path(scratch) / "model.onnx"
        export_graph(model, graph)
        compared = check_parity(model, graph, STRIDE)
        if calibration:
            exact, graph = graph, Path(scratch) / "int8.onnx"
            quantise(exact, graph, calibration)
            share = check_agreement(exact, graph, calibration, score_threshold)
            provenance |= {"calibration_pictures": len(calibration), "words_as_in_fp32": round(share, 3)}
        # Drawn at the working size, so that the service reads the very pixels that were read here.
        picture = draw_lines(GOLDEN_LINES, INPUT.target_side, 6 * STRIDE, 26)
        golden = Path(scratch) / "golden.png"
        Image.fromarray(picture).save(golden)
        manifest = write_bundle(
            folder,
            model=graph,
            golden_picture=golden,
            golden_words=golden_words(graph, picture, score_threshold),
            name=name,
            version=version,
            charset=Charset().characters,
            input=INPUT,
            opset=OPSET,
            provenance=provenance,
            metrics=origin.metrics,
            score_threshold=score_threshold,
            card=model_card(name, version, origin, provenance),
        )
    return manifest, compared
