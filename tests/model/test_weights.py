import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from spotter.model.weights import load_state
from tests.model.small import small_config, small_spotter


def state(seed: int = 0) -> dict[str, Any]:
    return {"model_config": small_config().to_dict(), "weights": small_spotter(seed).state_dict()}


@pytest.mark.parametrize("content", [{"weights": {}}, {"model_config": {}}, [1, 2], torch.zeros(3)])
def test_something_else_is_no_checkpoint(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="not a Spotter checkpoint"):
        load_state(tmp_path / "model.pt")


def test_a_truncated_or_absent_file_is_named(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "model.pt")
    whole = (tmp_path / "model.pt").read_bytes()
    (tmp_path / "model.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"model\.pt is not a readable checkpoint"):
        load_state(tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"absent\.pt is not a readable checkpoint"):
        load_state(tmp_path / "absent.pt")


class Trap:
    """Would write a file if a reader ran what the file says."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"model_config": {}, "weights": Trap(tmp_path / "sprung")}, tmp_path / "zip.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    for name in ("zip.pt", "bare.pt"):
        with pytest.raises(ValueError, match="not a readable checkpoint"):
            load_state(tmp_path / name)
    assert not (tmp_path / "sprung").exists()
