import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from spotter.registry.errors import BundleError
from spotter.registry.manifest import Decoding, FileEntry, Golden, InputSpec, Manifest, canonical, dumps, loads

MANIFEST = Manifest(
    name="spotter",
    version="3",
    files={"model.onnx": FileEntry("a" * 64, 10), "golden.png": FileEntry("b" * 64, 5)},
    charset=" !é",
    input=InputSpec(max_upscale=3),
    opset=18,
    golden=Golden("golden.png", ("EXIT", "Größe")),
    score_threshold=1,
    provenance={"data": [{"name": "x", "licence": "MIT"}]},
    metrics={"icdar2015": {"f": 0.5}},
)


def test_what_is_written_is_read() -> None:
    assert loads(dumps(MANIFEST)) == MANIFEST
    assert loads(canonical(MANIFEST)) == MANIFEST


def test_how_rows_are_computed_is_said_or_not() -> None:
    said = replace(MANIFEST, decoding=Decoding(-0.4, 0.4, 3.7, 0.0, 0.2))
    assert loads(dumps(said)) == loads(canonical(said)) == said
    assert said.digest != MANIFEST.digest
    assert "decoding" not in json.loads(dumps(MANIFEST)), "digests of bundles that do not say stay as they were"
    for wrong in ({"bias": 0}, 5, {"bias": 0, "detection": -1, "character": 0, "text": 0, "margin": 0}):
        with pytest.raises(BundleError, match="decoding"):
            loads(json.dumps(json.loads(dumps(said)) | {"decoding": wrong}))


def test_digest_is_that_of_the_content_however_it_is_written() -> None:
    shuffled = json.dumps(dict(reversed(json.loads(dumps(MANIFEST)).items())))
    assert loads(shuffled).digest == loads(dumps(MANIFEST)).digest
    assert replace(MANIFEST, version="4").digest != MANIFEST.digest
    assert MANIFEST.digest.startswith("sha256:")
    assert len(MANIFEST.digest) == 71


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("schema_version",), 2, "schema_version 2"),
        (("name",), "../x", "name must be"),
        (("name",), 5, "name: should be a valid string"),
        (("version",), "", "version must be"),
        (("opset",), 0, "opset"),
        (("opset",), True, "opset: should be a valid integer"),
        (("charset",), "", "charset is empty"),
        (("charset",), "aa", "twice"),
        (("score_threshold",), 1.5, "score_threshold"),
        (("score_threshold",), "0.5", "score_threshold: should be a valid number"),
        (("model",), "other.onnx", "not among the files"),
        (("golden", "words"), [], "at least one word"),
        (("golden", "words"), [1], r"golden\.words\.0: should be a valid string"),
        (("golden", "picture"), "other.png", "not among the files"),
        (("files", "../evil"), {"sha256": "a" * 64, "size": 1}, "not a plain file name"),
        (("files", "model.onnx", "sha256"), "A" * 64, "hex"),
        (("files", "model.onnx", "size"), -1, "negative"),
        (("files", "model.onnx", "extra"), 1, r"files\.model\.onnx\.extra: unknown"),
        (("input", "stride"), 0, "stride"),
        (("input", "max_side"), 99999, "max_side"),
        (("input", "target_side"), 5000, "target_side"),
        (("input", "max_upscale"), 0.5, "max_upscale"),
        (("input", "min_side"), 33, "multiple"),
        (("input", "bucket_steps"), [], "empty"),
        (("input", "bucket_steps"), [[64, 33]], "no multiple"),
        (("input", "bucket_steps"), [[64, 32], [32, 32]], "must grow"),
        (("input", "bucket_steps"), [[64]], r"input\.bucket_steps\.0\.1: missing"),
        (("input", "bucket_steps"), [[64, 32, 1]], "at most 2 items"),
        (("input", "bucket_steps"), [[64, 32.0]], "valid integer"),
        (("input", "max_upscale"), True, "valid number"),
        (("opset",), 1.0, "opset: should be a valid integer"),
        (("schema_version",), True, "schema_version: should be a valid integer"),
        (("charset",), "\ud800", "JSON"),
        (("files",), [], "files: should be an object"),
        (("provenance",), {"loss": float("nan")}, "Out of range"),
        (("surprise",), 1, "surprise: unknown"),
        (("custom_op_abi",), -1, "custom_op_abi"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason(path: tuple[str, ...], value: Any, reason: str) -> None:
    document = json.loads(dumps(MANIFEST))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(BundleError, match=reason):
        loads(json.dumps(document))


@pytest.mark.parametrize("key", [*json.loads(dumps(MANIFEST)), *(f"input.{key}" for key in asdict(MANIFEST.input))])
def test_a_missing_value_is_refused_even_where_there_is_a_default(key: str) -> None:
    document = json.loads(dumps(MANIFEST))
    *parents, name = key.split(".")
    del (document[parents[0]] if parents else document)[name]
    with pytest.raises(BundleError, match=rf"(^|: ){key}: missing"):
        loads(json.dumps(document))


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "nul", '{"opset": NaN}', '{"opset": 1e999}', b"\xff\xfe\xfd", "[" * 100_000]
)
def test_what_is_no_manifest_is_refused(text: str | bytes) -> None:
    with pytest.raises(BundleError):
        loads(text)
