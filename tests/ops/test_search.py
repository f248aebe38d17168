"""The search's kernel beside its body and the network's own, and numbers worked by hand."""

import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray

from spotter.model.charset import Charset
from spotter.model.config import SearchConfig
from spotter.model.language import LARGEST_MARGIN, LanguageModel, LanguageTables
from tests.ops.graphs import Floats, open_graph, search_graph

SYMBOLS = "".join(character for character in Charset().characters if not character.isupper())
BEAMS = (1, 2, 12, 64)
Integers = NDArray[np.int64]
Feeds = dict[str, NDArray[np.generic]]
Found = tuple[NDArray[np.int32], Floats]


def tables(states: int = 40, symbols: str = SYMBOLS) -> LanguageTables:
    """Random costs and contexts."""
    rng = np.random.default_rng(5)
    shape = (states, len(symbols) + 1)
    costs = rng.integers(0, 256, shape).astype(np.uint8)
    return LanguageTables(costs, rng.integers(0, states, shape).astype(np.uint16), symbols)


KNOWN = tables()


def noise(words: int, columns: int, sharpness: float, seed: int = 0) -> Floats:
    """Log probabilities of the default charset's classes."""
    numbers = sharpness * np.random.default_rng(seed).standard_normal((words, columns, Charset().classes))
    return torch.from_numpy(numbers.astype(np.float32)).log_softmax(-1).numpy()


def feeds_of(
    log_probabilities: Floats, widths: Integers, known: LanguageTables = KNOWN, characters: str | None = None
) -> Feeds:
    charset = Charset() if characters is None else Charset(characters)
    model = LanguageModel(known, charset, SearchConfig())
    return {
        "log_probabilities": log_probabilities,
        "widths": widths,
        "costs": known.costs,
        "following": known.following,
        "symbols": model.symbols.numpy(),
        "weights": np.array([model.unit, model.config.bonus], np.float32),
    }


def run(session: ort.InferenceSession, feeds: Feeds) -> Found:
    classes, margins = session.run(None, feeds)
    return np.asarray(classes), np.asarray(margins)


def network(beams: int, log_probabilities: Floats, widths: Integers) -> Found:
    config = SearchConfig(beams=beams)
    classes, margins = LanguageModel(KNOWN, Charset(), config)(
        torch.from_numpy(log_probabilities), torch.from_numpy(widths)
    )
    return classes.numpy(), margins.numpy()


def alike(one: Found, other: Found) -> None:
    assert one[0].dtype == other[0].dtype == np.int32
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_allclose(one[1], other[1], atol=1e-4)


@pytest.fixture(scope="module", name="kernels")
def make_kernels(library: Path) -> dict[int, ort.InferenceSession]:
    """By the number of beams."""
    return {beams: open_graph(search_graph(beams), library) for beams in BEAMS}


@pytest.fixture(scope="module", name="bodies")
def make_bodies() -> dict[int, ort.InferenceSession]:
    """By the number of beams."""
    return {beams: open_graph(search_graph(beams), None) for beams in BEAMS}


def test_a_word_worked_by_hand(library: Path) -> None:
    """A unit is 0.05 nats and a character's bonus is 1, so that at the beginning a gains 1 - 1 = 0 and b 1 - 2 = -1;
    after a, b gains 0.5 and the end costs 1; after b, a second b gains -2 and the end costs nothing.

    ab:      a, blank, b: -0.5 - 0.25 - 0.5 + 0 + 0.5 - 0 = -0.75
    b:   blank, blank, b: -1 - 0.25 - 0.5 - 1 - 0         = -2.75
    nothing:              -1 - 0.25 - 2                   = -3.25
    a:   a, blank, blank: -0.5 - 0.25 - 2 + 0 - 1         = -3.75
    Three characters begin with b (-2) or end with a (-3) and are behind: bab = -2 - 1.5 - 0.5 - 1 - 1 + 0.5 = -5.5.
    """
    log_probabilities = np.array([[[-1, -0.5, -2], [-0.25, -1.5, -3], [-2, -3, -0.5]]], np.float32)
    costs = np.array([[20, 40, 10], [60, 10, 20], [40, 60, 0]], np.uint8)
    known = LanguageTables(costs, np.array([[1, 2, 0]] * 3, np.uint16), "ab")
    feeds = feeds_of(log_probabilities, np.array([3]), known, "ab") | {"weights": np.array([0.05, 1], np.float32)}
    model = search_graph(12)
    for session in (open_graph(model, library), open_graph(model, None)):
        classes, margins = run(session, feeds)
        assert classes.tolist() == [[1, 0, 2]]
        assert margins.tolist() == pytest.approx([2.0], abs=1e-6)


@pytest.mark.parametrize("beams", BEAMS)
@pytest.mark.parametrize("sharpness", [0.1, 1.5, 6.0])
def test_kernel_body_and_network_agree(
    kernels: dict[int, ort.InferenceSession], bodies: dict[int, ort.InferenceSession], beams: int, sharpness: float
) -> None:
    log_probabilities, widths = noise(7, 9, sharpness), np.array([9, 0, 1, 9, 5, 2, 8])
    found = run(kernels[beams], feeds_of(log_probabilities, widths))
    alike(found, network(beams, log_probabilities, widths))
    alike(found, run(bodies[beams], feeds_of(log_probabilities, widths)))
    assert not found[0][np.arange(9) >= widths[:, None]].any()
    assert found[0].any()
    assert found[1][1] == LARGEST_MARGIN


@pytest.mark.parametrize("beams", BEAMS)
def test_one_word(
    kernels: dict[int, ort.InferenceSession], bodies: dict[int, ort.InferenceSession], beams: int
) -> None:
    log_probabilities, widths = noise(1, 6, 3.0), np.array([6])
    found = run(kernels[beams], feeds_of(log_probabilities, widths))
    alike(found, network(beams, log_probabilities, widths))
    alike(found, run(bodies[beams], feeds_of(log_probabilities, widths)))


@pytest.mark.parametrize("way", ["kernels", "bodies"])
def test_no_words(way: str, request: pytest.FixtureRequest) -> None:
    classes, margins = run(request.getfixturevalue(way)[12], feeds_of(noise(0, 5, 1.0), np.zeros(0, np.int64)))
    assert classes.shape == (0, 5)
    assert margins.shape == (0,)


def test_more_beams_than_there_are_texts(library: Path) -> None:
    """One column of two classes, by 64 beams: nothing or a, of which a is likelier by ln 3."""
    known = LanguageTables(np.zeros((1, 2), np.uint8), np.zeros((1, 2), np.uint16), "a")
    feeds = feeds_of(np.log([[[0.25, 0.75]]]).astype(np.float32), np.array([1]), known, "a")
    model = search_graph(64)
    for session in (open_graph(model, library), open_graph(model, None)):
        classes, margins = run(session, feeds | {"weights": np.zeros(2, np.float32)})
        assert classes.tolist() == [[1]]
        assert margins.tolist() == pytest.approx([math.log(3)], abs=1e-5)


def test_widths_off_range_are_the_nearest(kernels: dict[int, ort.InferenceSession]) -> None:
    log_probabilities = noise(2, 4, 3.0)
    wild = run(kernels[12], feeds_of(log_probabilities, np.array([-(2**60), 2**60])))
    alike(wild, run(kernels[12], feeds_of(log_probabilities, np.array([0, 4]))))


def test_threads_change_nothing(library: Path) -> None:
    feeds = feeds_of(noise(50, 8, 2.0), np.arange(50) % 9)
    one, four = (run(open_graph(search_graph(12), library, threads), feeds) for threads in (1, 4))
    np.testing.assert_array_equal(one[0], four[0])
    np.testing.assert_array_equal(one[1], four[1])


@pytest.mark.parametrize("wrong", [math.nan, -math.inf])
def test_a_column_of_no_numbers_reads_as_nothing(kernels: dict[int, ort.InferenceSession], wrong: float) -> None:
    """And spoils its own word alone."""
    log_probabilities, widths = noise(3, 5, 3.0), np.array([5, 5, 2])
    before = run(kernels[12], feeds_of(log_probabilities, widths))
    log_probabilities[1, 3] = wrong
    log_probabilities[2, 2:] = wrong  # beyond the word
    classes, margins = run(kernels[12], feeds_of(log_probabilities, widths))
    assert not classes[1].any()
    assert margins[1] == 0
    alike((classes[::2], margins[::2]), (before[0][::2], before[1][::2]))


def test_what_is_no_number_cannot_be_read(kernels: dict[int, ort.InferenceSession]) -> None:
    log_probabilities, widths = noise(4, 6, 1.0), np.full(4, 6)
    wrong = np.random.default_rng(2).random(log_probabilities.shape) < 0.3
    found = run(kernels[12], feeds_of(np.where(wrong, np.float32(np.nan), log_probabilities), widths))
    alike(found, run(kernels[12], feeds_of(np.where(wrong, np.float32(-np.inf), log_probabilities), widths)))
    assert np.isfinite(found[1]).all()


def test_infinities_do_not_stop_the_kernel(kernels: dict[int, ort.InferenceSession]) -> None:
    log_probabilities = noise(2, 5, 1.0)
    log_probabilities[0, 1:4, ::7] = np.inf
    classes, _ = run(kernels[64], feeds_of(log_probabilities, np.array([5, 5])))
    assert ((classes >= 0) & (classes < Charset().classes)).all()


def test_the_kernel_takes_the_place_of_the_body(library: Path, tmp_path: Path) -> None:
    for registered, wanted in ((library, "CtcBeamSearch"), (None, "Scan")):
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
        if registered is not None:
            options.register_custom_ops_library(str(registered))
        ort.InferenceSession(search_graph(12).SerializeToString(), options, providers=["CPUExecutionProvider"])
        nodes = {node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node}
        assert nodes & {"CtcBeamSearch", "Scan"} == {wanted}


def test_shapes_are_inferred(library: Path) -> None:
    outputs = open_graph(search_graph(12, bodies=False), library).get_outputs()
    assert [(output.type, output.shape) for output in outputs] == [
        ("tensor(int32)", ["N", "W"]),
        ("tensor(float)", ["N"]),
    ]


@pytest.mark.parametrize("beams", [0, 65, -1])
def test_beams_are_checked(library: Path, beams: int) -> None:
    with pytest.raises(Exception, match="beams of CtcBeamSearch is out of range"):
        open_graph(search_graph(beams, bodies=False), library)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"log_probabilities": np.zeros((2, 4), np.float32)}, "log_probabilities has 2 dimensions, not 3"),
        ({"log_probabilities": np.zeros((2, 4, 95), np.float32)}, "symbols must have an entry for every class"),
        ({"log_probabilities": np.zeros((2, 4, 1), np.float32)}, "symbols must have an entry for every class"),
        ({"widths": np.zeros(3, np.int64)}, "widths must have an entry for every word"),
        ({"widths": np.zeros((2, 1), np.int64)}, "widths has 2 dimensions, not 1"),
        ({"costs": np.zeros((39, 70), np.uint8)}, "costs and following must be of one shape"),
        ({"following": np.zeros((40, 69), np.uint16)}, "costs and following must be of one shape"),
        ({"costs": np.zeros((0, 70), np.uint8), "following": np.zeros((0, 70), np.uint16)}, "costs must be"),
        ({"costs": np.zeros((1, 257), np.uint8), "following": np.zeros((1, 257), np.uint16)}, "A at most 256"),
        ({"symbols": np.full(96, 70)}, "symbols names a symbol that costs does not have"),
        ({"symbols": np.full(96, -1)}, "symbols names a symbol that costs does not have"),
        ({"weights": np.zeros(3, np.float32)}, "weights must be two numbers"),
        ({"weights": np.array([-0.1, 1], np.float32)}, "must not be negative"),
        ({"following": np.full((40, 70), 40, np.uint16)}, "following names a state that is not there"),
        ({"following": np.full((40, 70), 65535, np.uint16)}, "following names a state that is not there"),
    ],
)
def test_what_does_not_fit_is_refused(library: Path, change: Feeds, said: str) -> None:
    session = open_graph(search_graph(12, bodies=False, shapes=False), library)
    feeds = feeds_of(noise(2, 4, 1.0), np.array([4, 4]))
    run(session, feeds)
    with pytest.raises(Exception, match=said):
        session.run(None, feeds | change)
