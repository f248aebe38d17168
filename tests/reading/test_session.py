from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.ops.interface import OUTPUTS
from spotter.reading.session import Session, SessionOptions
from spotter.registry.bundle import open_bundle
from tests.reading.tiny import write_tiny_bundle


@pytest.fixture
def session(tmp_path: Path) -> Session:
    write_tiny_bundle(tmp_path / "tiny")
    return Session(open_bundle(tmp_path / "tiny"), SessionOptions(threads=2))


def batch(*reds: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    images = np.zeros((len(reds), 32, 64, 3), np.uint8)
    images[..., 0] = np.array(reds)[:, None, None]
    return images, np.array([[32, 64]] * len(reds), np.int32)


def test_each_picture_of_a_batch_gets_its_own_rows(session: Session) -> None:
    found = session.run(*batch(1, 0, 30))
    assert [rows.characters.tolist() for rows in found] == [[[17, 17, 18]], [], [[17, 20, 17]]]


def test_a_lone_picture_has_all_threads_and_each_of_a_crowd_has_one(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    multi, single = Asked(), Asked()
    monkeypatch.setattr(session, "_multi_threaded", multi)
    monkeypatch.setattr(session, "_single_threaded", single)
    session.run(*batch(1))
    session.run(*batch(1, 2), crowded=True)
    session.run(*batch(1), crowded=False)
    assert (len(multi.asked), len(single.asked)) == (2, 2)


def test_they_differ_in_their_threads(session: Session) -> None:
    threads = [
        each.get_session_options().intra_op_num_threads for each in (session._multi_threaded, session._single_threaded)
    ]
    assert threads == [2, 1]


class Asked:
    """An ONNX Runtime session that notes what it is asked, and whether to give its memory back."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[int, ...], bool]] = []

    def run(self, names: object, inputs: dict[str, NDArray[np.uint8]], options: Any) -> list[NDArray[np.float32]]:
        shrinks = (
            options is not None and options.get_run_config_entry("memory.enable_memory_arena_shrinkage") == "cpu:0"
        )
        self.asked.append((inputs["images"].shape[1:3], shrinks))
        return [np.zeros((0, 4), np.float32) for _ in OUTPUTS]


def test_memory_is_given_back_after_unusual_pictures_and_on_request(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    multi, single = Asked(), Asked()
    monkeypatch.setattr(session, "_multi_threaded", multi)
    monkeypatch.setattr(session, "_single_threaded", single)
    monkeypatch.setattr(session, "_usual", 64 * 96)
    for height, width in ((64, 96), (96, 64), (64, 128)):
        session.run(np.zeros((1, height, width, 3), np.uint8), np.array([[height, width]], np.int32))
    assert multi.asked == [((64, 96), False), ((96, 64), False), ((64, 128), True)]
    session.release_memory()
    assert [shrinks for _, shrinks in multi.asked[3:] + single.asked] == [True, True]


def test_a_session_that_gave_its_memory_back_reads_as_before(session: Session) -> None:
    session.release_memory()
    assert [rows.characters.tolist() for rows in session.run(*batch(1))] == [[[17, 17, 18]]]
