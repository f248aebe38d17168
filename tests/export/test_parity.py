from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spotter.export import parity
from spotter.export.parity import ParityError, cases, check_parity, compare
from tests.export.conftest import TIMEOUT, Exported, noisy_cases
from tests.model.small import spotter_of_turned_pictures

pytestmark = pytest.mark.timeout(TIMEOUT)

Answer = list[NDArray[Any]]


def answer() -> Answer:
    """Three words in two pictures, the first two alike but for their picture."""
    corners = np.array([[10, 10], [50, 10], [50, 30], [10, 30]], np.float32)
    return [
        np.array([0, 1, 1], np.int32),
        np.stack((corners, corners, corners + 60)),
        np.array([0.9, 0.8, 0.7], np.float32),
        np.array([[34, 0, 35], [36, 0, 37], [38, 39, 0]], np.int32),
        np.array([[0.9, 0.9, 0.9], [0.9, 0.9, 0.9], [0.9, 0.505, 0.9]], np.float32),
    ]


def changed(field: int, place: tuple[int, ...], value: float) -> Answer:
    other = [array.copy() for array in answer()]
    other[field][place] = value
    return other


def test_rows_may_come_in_any_order() -> None:
    shuffled = [array[[2, 0, 1]] for array in answer()]
    assert compare(answer(), shuffled, "case") == 3


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([array[:2] for array in answer()], "case: the network finds 3 words, the graph 2"),
        (changed(0, (0,), 1), "word 0 is not in the graph's answer"),
        (changed(1, (2, 1, 0), 110.6), "word 2 is not in the graph's answer within 0.5 pixels"),
        (changed(2, (1,), 0.803), "word 1 scores 0.8000, in the graph 0.8030"),
        (changed(2, (2,), 0.711), "word 2 scores 0.7000, in the graph 0.7110"),
        (changed(3, (0, 2), 40), "word 0 reads otherwise"),
        (changed(4, (1, 0), 0.88), "word 1's characters are otherwise probable"),
    ],
)
def test_an_answer_that_differs_is_refused(found: Answer, message: str) -> None:
    with pytest.raises(ParityError, match=message):
        compare(answer(), found, "case")


def test_rounding_is_no_difference() -> None:
    assert compare(answer(), changed(1, (2, 1, 0), 110.3), "case") == 3
    assert compare(answer(), changed(2, (1,), 0.801), "case") == 3
    assert compare(answer(), changed(2, (2,), 0.708), "case") == 3  # a character is as good as unknown
    assert compare(answer(), changed(3, (2, 1), 40), "case") == 3  # a tie: neither was more likely than the other


def test_two_rows_are_not_matched_by_one() -> None:
    doubled = [array[[0, 1, 1]] for array in answer()]
    with pytest.raises(ParityError, match="word 2 is not in"):
        compare(answer(), doubled, "case")


def test_the_cases_hold_text_no_text_and_padding() -> None:
    found = cases(64)
    assert all(side % 64 == 0 for case in found for side in case.images.shape[1:3])
    assert {len(case.images) for case in found} >= {1, 2, 3, 4}
    partly = [case for case in found if (case.sizes < case.images.shape[1:3]).any()]
    assert partly
    for case in partly:
        height, width = case.sizes[0]
        assert not case.images[:, height:].any()
        assert not case.images[:, :, width:].any()


def test_the_graph_of_a_network_passes_with_words_compared(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "cases", noisy_cases)
    assert check_parity(exported.model, exported.graph, 64) > 10


@pytest.mark.parametrize(
    "name",
    ["backbone.stem.0.weight", "head.out.bias", "recogniser.network.head.bias", "recogniser.network.neck.b.0.f2.bias"],
)
def test_the_graph_of_another_network_does_not(exported: Exported, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "cases", noisy_cases)
    other = spotter_of_turned_pictures()
    with torch.no_grad():
        other.get_parameter(name).add_(
            torch.linspace(-0.5, 0.5, other.get_parameter(name).numel()).reshape_as(other.get_parameter(name))
        )
    with pytest.raises(ParityError):
        check_parity(other, exported.graph, 64)


def test_a_file_that_is_no_graph_raises(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(exported.graph.read_bytes()[:100])
    with pytest.raises(Exception, match=r"model\.onnx"):
        check_parity(exported.model, tmp_path / "model.onnx", 64)
