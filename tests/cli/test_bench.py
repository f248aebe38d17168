from pathlib import Path

import pytest
from click.testing import CliRunner

from spotter.cli import bench


def test_a_checkout_has_the_benchmarks() -> None:
    assert bench.find() is not bench.missing
    assert "accuracy" in CliRunner().invoke(bench.find(), ["--help"]).output


def test_elsewhere_the_command_says_where_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "checkouts", lambda: iter([tmp_path]))
    result = CliRunner().invoke(bench.find(), ["graph", "--threads", "2"])
    assert result.exit_code == 1
    assert "checkout of Spotter's repository" in result.output
