"""Other readers, timed in turns with Spotter on the same pixels in the same run. None is a dependency."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotter.training.data import tesseract
from spotter.training.data.ppocr import SMALL, ModelsError, find_models
from spotter.training.data.tesseract import TesseractError

PEERS = ("rapidocr", "rapidocr-openvino", "tesseract")


class PeerError(Exception):
    """A peer cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Peer:
    """label: of its row. read: reads decoded pixels, uint8 [H, W, 3] RGB, and returns the number of words."""

    label: str
    read: Callable[[NDArray[np.uint8]], int]


def with_models(names: Sequence[str], models: Sequence[str]) -> list[tuple[str, str]]:
    """Each peer with each of the models, named as for `ppocr.find_models`; a peer with its own model appears once."""
    return [
        (name, each) for name in names for each in ((models or (SMALL,)) if name.startswith("rapidocr") else (SMALL,))
    ]


def open_peer(name: str, threads: int, models: str) -> Peer:
    """The reader of this name. Raises PeerError when there is none, or its package or models are missing."""
    if name in ("rapidocr", "rapidocr-openvino"):
        return _rapidocr(threads, models, openvino=name == "rapidocr-openvino")
    if name == "tesseract":
        return _tesseract(threads)
    raise PeerError(f"there is no peer {name!r}; known: {', '.join(PEERS)}")


def _tesseract(threads: int) -> Peer:
    try:
        version = tesseract.require()
    except TesseractError as error:
        raise PeerError(f"the peer {error}") from None
    return Peer(f"Tesseract {version}", lambda pixels: len(tesseract.read(pixels, threads)))


def _rapidocr(threads: int, models: str, openvino: bool) -> Peer:
    """RapidOCR with its own settings, but without its orientation classifier, which makes it faster, in ONNX Runtime or
    OpenVINO; models: named as for `ppocr.find_models`."""
    try:
        import cv2
        import rapidocr
    except ImportError as error:
        raise PeerError(f"the peer rapidocr is not installed: {error}") from None
    if openvino and find_spec("openvino") is None:
        raise PeerError("the peer rapidocr-openvino is not installed: there is no openvino")
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    params: dict[str, Any] = {
        "Global.use_cls": False,
        "Global.log_level": "error",
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "EngineConfig.openvino.inference_num_threads": threads,
    }
    if openvino:
        params |= {f"{part}.engine_type": rapidocr.EngineType.OPENVINO for part in ("Det", "Cls", "Rec")}
    try:
        found = find_models(models)
    except ModelsError as error:
        raise PeerError(str(error)) from None
    params |= found.settings
    cv2.setNumThreads(threads)
    engine = rapidocr.RapidOCR(params=params)

    def read(pixels: NDArray[np.uint8]) -> int:
        return len(engine(np.ascontiguousarray(pixels[:, :, ::-1])))

    label = f"{engine.cfg.Det.ocr_version.value} {found.label}"
    return Peer(f"RapidOCR {label}{', OpenVINO' if openvino else ''}", read)
