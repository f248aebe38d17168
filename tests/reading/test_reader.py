from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from spotter.reading.errors import BrokenPictureError
from spotter.reading.imaging import Prepared
from spotter.reading.reader import Reader
from spotter.reading.session import Rows
from spotter.registry.errors import BundleError
from tests.reading.tiny import picture, write_tiny_bundle


@pytest.fixture
def bundle(registry: Path) -> Path:
    return registry / "spotter" / "versions" / "1"


def test_reads_pixels(bundle: Path) -> None:
    words = Reader.open(bundle, threads=1).read(np.full((50, 300, 3), (7, 8, 9), np.uint8))
    assert [word.text for word in words] == ["007", "008"]
    np.testing.assert_allclose(words[1].polygon, [[0, 25], [300, 25], [300, 50], [0, 50]], atol=0.01)
    assert words[0].score == pytest.approx(0.9)


def test_stages_agree_with_the_whole_and_batches_with_singles(bundle: Path) -> None:
    reader = Reader.open(bundle)
    images = [np.full((64, 64, 3), value, np.uint8) for value in (3, 0, 250)]
    prepared = [reader.prepare(image) for image in images]
    for image, item, rows in zip(images, prepared, reader.infer(prepared), strict=True):
        texts = [word.text for word in reader.page(rows, item).words]
        assert texts == [word.text for word in reader.read(image)]


@pytest.mark.parametrize(
    ("max_side", "closest", "seen"), [(None, 400, [128, 400]), (None, 0, [128]), (256, 400, [256])]
)
def test_small_words_are_looked_at_again_unless_a_side_was_asked_for(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, max_side: int | None, closest: int, seen: list[int]
) -> None:
    opened = Reader.open(bundle)
    reader = Reader(opened.bundle, opened.session, max_side=max_side)
    reader.input = replace(reader.input, max_side=max_side or 128)  # the tiny model would see it whole
    monkeypatch.setattr("spotter.reading.second_look.closer_side", lambda _a, _b, _c, limit: limit or None)
    sides: list[int] = []

    def infer(batch: Sequence[Prepared]) -> list[Rows]:
        sides.extend(max(item.working) for item in batch)
        return really(batch)

    really = reader.infer
    monkeypatch.setattr(reader, "infer", infer)
    words = reader.read(np.full((500, 500, 3), (7, 8, 9), np.uint8), closest=closest)
    assert [word.text for word in words] == ["007", "008"]
    np.testing.assert_allclose(words[1].polygon, [[0, 250], [500, 250], [500, 500], [0, 500]], atol=0.01)
    assert sides == seen


def test_a_picture_that_stands_on_its_head_is_read_upright(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spotter.reading.turning._WORDS", 0)  # the tiny model reads two at most
    write_tiny_bundle(tmp_path / "bundle", orientation=True)
    reader = Reader.open(tmp_path / "bundle")
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, :40], image[:, 40:] = (0, 0, 200), (7, 8, 0)  # upright, its top left is where its bottom right is now
    words = reader.read(image)
    assert [word.text for word in words] == ["007", "008"]
    # Each reads from right to left, the first across the lower half.
    np.testing.assert_allclose(words[0].polygon, [[80, 40], [0, 40], [0, 20], [80, 20]], atol=0.01)
    assert [word.direction for word in words] == [180.0, 180.0]


def test_pictures_of_a_batch_lie_each_in_their_own_way(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "bundle", orientation=True)
    reader = Reader.open(tmp_path / "bundle")
    images = np.stack([np.full((64, 64, 3), colour, np.uint8) for colour in ((1, 0, 0), (1, 0, 255), (0, 0, 0))])
    split = [rows.orientation for rows in reader.session.run(images, np.full((3, 2), 64, np.int32))]
    assert [each.tolist() for each in split if each is not None] == [[1, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]


def test_reads_bytes_as_lines(bundle: Path) -> None:
    reader = Reader.open(bundle)
    page = reader.read_page(picture((1, 2, 3), (90, 60)))
    assert page.size == (90, 60)
    assert [line.text for line in page.lines] == ["001", "002"]
    assert reader.read_page(picture((1, 2, 3)), threshold=0.99).words == []
    with pytest.raises(BrokenPictureError):
        reader.read_page(b"")


def test_the_golden_picture_must_be_read(bundle: Path, tmp_path: Path) -> None:
    Reader.open(bundle).check_golden()
    write_tiny_bundle(tmp_path / "wrong", golden=("073", "073"))
    with pytest.raises(BundleError, match=r"must read \['073'\]"):
        Reader.open(tmp_path / "wrong").check_golden()


def test_a_graph_of_another_kind_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.reading.tiny.tiny_model", lambda *given: _other_model())
    write_tiny_bundle(tmp_path / "other")
    with pytest.raises(BundleError, match="graph's inputs are"):
        Reader.open(tmp_path / "other")


def _other_model() -> onnx.ModelProto:

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "other", [value], [out])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_what_onnx_runtime_refuses_is_a_bundle_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.reading.tiny.onnx.save", lambda model, path: path.write_bytes(b"\x3a\x02\x12\x00"))
    write_tiny_bundle(tmp_path / "none")
    with pytest.raises(BundleError, match="refuses the model"):
        Reader.open(tmp_path / "none")
