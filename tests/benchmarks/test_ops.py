import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import ops
from benchmarks.cli import bench
from benchmarks.ops import Setting
from spotter.ops import native
from spotter.ops.bodies import functions

SMALL = Setting(regions=3, rows=2, columns=5, channels=3, side=12, pictures=2, threads=1)


def test_kernel_body_and_gather_do_the_same(library: Path) -> None:
    found = ops.measure(SMALL, library, rounds=1)
    assert [each.operator for each in found.operators] == ["RoIRotate", "SampleRegions"]
    for each in found.operators:
        assert each.native_ms is not None
        assert min(each.native_ms, each.function_ms, each.gather_ms) > 0
        assert each.difference is not None
        assert each.difference < 1e-3
    assert found.copy_ms > 0
    document = found.as_dict()
    assert document["function_ms"] == found.operators[0].function_ms
    assert {"native_ms", "gather_ms", "copy_ms"} <= set(document)


def test_both_operators_read_the_same_places() -> None:
    feeds = ops._feeds(SMALL)
    grid = ops._grid(SMALL, feeds["boxes"].astype(np.float32))
    patches = [
        ops._bound(ops._graph(name, SMALL, functions()), None, SMALL, {**places, "features": feeds["features"]})()
        for name, places in (
            ("RoIRotate", {key: feeds[key] for key in ("boxes", "image_index")}),
            ("SampleRegions", {"grid": grid, "image_index": feeds["image_index"]}),
        )
    ]
    assert patches[0].any()
    np.testing.assert_allclose(patches[0], patches[1], atol=1e-3)


def test_touched_bytes_count_each_element_once() -> None:
    """One region: two bins at one place, amid four elements, and one half off the map, at two."""
    setting = Setting(regions=1, rows=1, columns=3, channels=2, side=4, pictures=1)
    grid = np.array([[1, 1], [1, 1], [4, 3]], np.float32).reshape(1, 1, 3, 2)
    assert ops._touched_bytes(setting, grid) == 4 * 2 * (4 + 2 + 3)


def test_the_command_prints_its_figures(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def quick(setting: Setting, library: Path | None, rounds: int) -> ops.Measured:
        return measure(SMALL, library, 1)

    measure = ops.measure
    monkeypatch.setattr(ops, "measure", quick)
    monkeypatch.setenv(native.VARIABLE, str(library))
    result = CliRunner().invoke(bench, ["ops", "--json"])
    assert result.exit_code == 0, result.output
    assert {"function_ms", "native_ms", "gather_ms", "copy_ms"} <= set(json.loads(result.output)["ops"])
    monkeypatch.setenv(native.VARIABLE, "off")
    unavailable = CliRunner().invoke(bench, ["ops"])
    assert unavailable.exit_code == 0, unavailable.output
    assert "There are no kernels to time: SPOTTER_OPS is off." in unavailable.output
