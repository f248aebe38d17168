from pathlib import Path

import pytest
from pydantic import ValidationError

from spotter.reading.session import SessionOptions
from spotter.service.settings import Settings


def test_port_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().port == 8000
    monkeypatch.setenv("PORT", "9001")
    assert Settings().port == 9001
    monkeypatch.setenv("SPOTTER_PORT", "9002")
    assert Settings().port == 9002
    assert Settings(port=9003).port == 9003


def test_listens_to_this_machine_only_unless_set() -> None:
    assert Settings().host == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("MAX_BYTES", "0"),
        ("MAX_PIXELS", "999999999"),
        ("MAX_PICTURES", "100"),
        ("MAX_UPLOAD_BYTES_TOTAL", "2048"),
        ("TIMEOUT", "0"),
        ("TIMEOUT", "inf"),
        ("TIMEOUT", "nan"),
        ("QUEUE_PICTURES", "0"),
        ("BATCH_WAIT_MS", "50"),
        ("DEVICE", "tpu"),
        ("CUDA_GRAPHS", "true"),
        ("REGISTRY", "/nowhere/at/all"),
        ("LOG_LEVEL", "loud"),
        ("LEXICONS", "/nowhere/at/all"),
    ],
)
def test_unsafe_values_are_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"SPOTTER_{name}", value)
    with pytest.raises(ValidationError):
        Settings()


def test_the_graph_runs_as_set() -> None:
    settings = Settings(device="cuda", threads=3, cuda_graphs=True)
    assert settings.session == SessionOptions(3, "cuda", cuda_graphs=True)


def test_every_setting_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "service.md").read_text()
    for name in Settings.model_fields:
        assert f"`SPOTTER_{name.upper()}`" in page
