import os
from pathlib import Path
from typing import IO, Any

import pytest
import torch

from spotter.model.weights import load_state
from spotter.training import checkpoint

STATE = {"model_config": {}, "weights": {"w": torch.arange(5.0)}, "step": 3}


def test_what_is_written_is_read_and_nothing_else_is_left(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "new" / "folder" / "last.pt", STATE)
    checkpoint.save(tmp_path / "new" / "folder" / "last.pt", STATE | {"step": 4})
    state = load_state(tmp_path / "new" / "folder" / "last.pt")
    assert state["step"] == 4
    assert torch.equal(state["weights"]["w"], torch.arange(5.0))
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["last.pt"]


def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.save(tmp_path / "last.pt", STATE)

    def crash(_state: dict[str, Any], file: IO[bytes]) -> None:
        file.write(b"half of a")
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", crash)
        with pytest.raises(OSError, match="No space left"):
            checkpoint.save(tmp_path / "last.pt", STATE | {"step": 4})
    assert load_state(tmp_path / "last.pt")["step"] == 3
    checkpoint.save(tmp_path / "last.pt", STATE | {"step": 5})  # over what the crash left
    assert load_state(tmp_path / "last.pt")["step"] == 5


def test_the_bytes_are_on_disk_before_the_name_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.save(tmp_path / "last.pt", STATE)
    synced: list[int] = []

    def record(descriptor: int) -> None:
        assert load_state(tmp_path / "last.pt")["step"] == 3
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", record)
    checkpoint.save(tmp_path / "last.pt", STATE | {"step": 4})
    assert synced == [(tmp_path / "last.pt").stat().st_size]


def test_shared_weights_halve_floats_alone() -> None:
    weights = {"w": torch.tensor([0.1, 60000.0]), "n": torch.tensor(123456789)}
    state = checkpoint.shared({"neck": 8}, weights, 5, 20)
    assert {name: state[name] for name in ("model_config", "step", "pictures")} == {
        "model_config": {"neck": 8},
        "step": 5,
        "pictures": 20,
    }
    halves = state["weights"]
    assert halves["w"].dtype == torch.float16
    torch.testing.assert_close(halves["w"].float(), weights["w"], rtol=1e-3, atol=0)
    assert int(halves["n"]) == 123456789
