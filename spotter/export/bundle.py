"""Exports a checkpoint as a verified bundle."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from spotter.export.card import Origin, model_card, provenance, scores
from spotter.export.characters import described
from spotter.export.golden import GOLDEN_LINES, draw_lines
from spotter.export.graph import export_graph
from spotter.export.parity import ParityError, check_parity, check_rounded
from spotter.export.parts import check_parts, split
from spotter.export.quantise import Picture, check_agreement, halve, quantise
from spotter.model.charset import Charset
from spotter.model.language import LanguageModel
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.spotter import Spotter
from spotter.ops.interface import OPSET, OUTPUTS
from spotter.registry.bundle import DENSE, WORDS, write_bundle
from spotter.registry.manifest import Decoding, InputSpec, Manifest

STRIDE = 64
_GOLDEN_MARGIN = 0.02
# The largest side from 640 to 1248 at which a picture takes less than half of PP-OCRv6 tiny's time; docs/benchmarks.md,
# "Accuracy and time against size". How far small pictures are enlarged: docs/training.md, "Bundle 18".
INPUT = InputSpec(
    stride=STRIDE,
    min_side=STRIDE,
    max_side=1120,
    target_side=1120,
    max_upscale=1.4,
    bucket_steps=((65536, STRIDE),),
)

Step = Callable[[str], AbstractContextManager[object]]
"""The context of an export's step, by its name."""


def steps(quantised: bool, half: bool) -> int:
    """How many steps an export has."""
    return 3 + (2 if quantised else 3 if half else 0)


def golden_words(graph: Path, picture: NDArray[np.uint8], score_threshold: float, charset: Charset) -> list[str]:
    """The words of the golden picture that the graph reads correctly, with scores well above the threshold. Raises
    ParityError when there are none."""
    height, width = picture.shape[:2]
    padded = np.zeros((1, -(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE, 3), np.uint8)
    padded[0, :height, :width] = picture
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    feed = {"images": padded, "sizes": np.array([[height, width]], np.int32)}
    _, _, scores, characters, _ = (np.asarray(value) for value in session.run(list(OUTPUTS), feed))
    sure = scores > score_threshold + _GOLDEN_MARGIN
    read = [charset.decode(row.tolist()) for row in characters[sure]]
    drawn = [word for line in GOLDEN_LINES for word in line.split() if word in read]
    if not drawn:
        raise ParityError(f"the graph reads none of the golden picture's words, only {read}")
    return drawn


def decoding_of(model: Spotter) -> Decoding | None:
    """How the network computes its rows, for the manifest; None where a language model influences them."""
    if model.language is not None:
        return None
    score, recogniser = model.score, model.recogniser
    margin = recogniser.config.margin_x if isinstance(recogniser, PictureRecogniser) and not model.head.reads else 0.0
    return Decoding(score.bias, score.detection, score.character, score.text, margin, score.length)


def check_final(exact: Path, rounded: Path, pictures: Sequence[Picture], score_threshold: float) -> float:
    """The share of the pictures' words that the rounded graph, which will be written, reads like the one in fp32.

    Raises ParityError when that share, or the one on the parity check's cases, is too small to be caused by rounding,
    and when no picture has a word to compare.
    """
    check_rounded(exact, rounded, STRIDE, score_threshold)
    return check_agreement(exact, rounded, pictures, score_threshold)


def export_bundle(
    model: Spotter,
    folder: Path,
    *,
    name: str,
    version: str,
    score_threshold: float,
    origin: Origin,
    calibration: Sequence[Picture] = (),
    half: bool = False,
    spec: InputSpec = INPUT,
    step: Step = nullcontext,
) -> tuple[Manifest, int]:
    """Exports, checks parity and writes the bundle; returns its manifest and the number of words compared.

    calibration: pictures with which the quantisation of the dense part to int8 is calibrated; without any the graph
    stays in fp32. half: instead the dense part in fp16, for GPUs, and additionally the graph in two parts. spec: the
    size at which pictures are read. step: gives the context of each of the `steps` by its name, to show
    progress. Raises ParityError when graph and network disagree, BundleError when the folder is not empty, ValueError
    when the origin's metrics are invalid; no bundle is left behind then.
    """
    metrics = scores(origin.metrics)
    if half and calibration:
        raise ValueError("a bundle is in int8 or in fp16, not in both")
    record = provenance(origin) | {"precision": "int8" if calibration else "fp16" if half else "fp32"}
    record |= {"summary": model.head.summary, "reads": described(model.charset.characters)}
    if isinstance(model.language, LanguageModel):
        record |= {"language": {"states": len(model.language.costs), **asdict(model.language.config)}}
    with tempfile.TemporaryDirectory() as scratch:
        graph = Path(scratch) / "model.onnx"
        with step("writing the graph"):
            export_graph(model, graph)
        with step("comparing it with the network"):
            compared = check_parity(model, graph, STRIDE)
        if calibration:
            exact, graph = graph, Path(scratch) / "int8.onnx"
            with step("quantising"):
                quantise(exact, graph, calibration, model.roles)
            with step("comparing what is rounded"):
                share = check_final(exact, graph, calibration, score_threshold)
            record |= {"calibration_pictures": len(calibration), "words_as_in_fp32": round(share, 3)}
        parts = None
        # Drawn at the working size, so that the service reads exactly the same pixels.
        picture = draw_lines(GOLDEN_LINES, spec.target_side, 6 * STRIDE, 26)
        if half:
            exact, graph = graph, Path(scratch) / "fp16.onnx"
            with step("halving the precision"):
                halve(exact, graph, model.roles)
            cut = picture[:, : spec.target_side // STRIDE * STRIDE]
            with step("comparing what is rounded"):
                record |= {"words_as_in_fp32": round(check_final(exact, graph, [cut], score_threshold), 3)}
            parts = Path(scratch) / DENSE, Path(scratch) / WORDS
            with step("splitting the graph"):
                split(graph, *parts, model.roles)
                check_parts(graph, *parts, STRIDE)
        golden = Path(scratch) / "golden.png"
        Image.fromarray(picture).save(golden)
        with step("writing the bundle"):
            manifest = write_bundle(
                folder,
                model=graph,
                golden_picture=golden,
                golden_words=golden_words(graph, picture, score_threshold, model.charset),
                name=name,
                version=version,
                charset=model.charset.characters,
                input=spec,
                opset=OPSET,
                provenance=record,
                metrics=metrics,
                score_threshold=score_threshold,
                card=model_card(name, version, origin, record, metrics),
                parts=parts,
                decoding=decoding_of(model),
            )
    return manifest, compared
