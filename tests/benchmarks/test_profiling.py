import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from benchmarks.cli import bench
from benchmarks.profiling import Profile, Share, scopes_of, stages_of, summarise
from tests.reading.tiny import write_tiny_bundle


def node(name: str, operator: str, inputs: str, outputs: str, scopes: str = "") -> SimpleNamespace:
    metadata = [SimpleNamespace(key="pkg.torch.onnx.name_scopes", value=scopes)]
    return SimpleNamespace(
        name=name, op_type=operator, input=inputs.split(), output=outputs.split(), metadata_props=metadata
    )


def test_an_exported_node_has_the_stage_of_its_module() -> None:
    nodes = [
        node("conv", "Conv", "x", "features", "['', 'backbone', 'backbone.stem', 'conv2d']"),
        node("sig", "Sigmoid", "maps", "score", "['', 'head', 'sigmoid']"),
        node("cast", "Cast", "images", "floats", "['', '_to_copy']"),
        node("shape", "Shape", "images", "rows"),
    ]
    expected = {"conv": "backbone", "features": "backbone", "sig": "detection", "score": "detection"}
    assert scopes_of(nodes) == expected


def test_a_rewritten_node_keeps_or_inherits_its_stage() -> None:
    scopes = {"relu_1": "backbone", "score": "detection", "conv_r": "recogniser"}
    nodes = [
        node("cast", "Cast", "images", "floats"),
        node("relu_1_nchwc", "Conv", "floats reorder", "token_1"),
        node("fused", "Conv", "token_1 token_2 neck.smooth.0.bias", "token_3"),
        node("ReorderOutput_4", "ReorderOutput", "token_3", "shared"),
        node("any", "Mul", "shared", "score"),
        node("top", "TopK", "score", "best"),
        node("crop", "Slice", "shared best", "patches"),
        node("stacked", "Pad", "shared", "mosaic"),
        node("r", "Conv", "patches", "conv_r"),
        node("path", "ArgMax", "conv_r", "characters"),
        node("", "Mul", "patches", "unnamed"),
    ]
    assert stages_of(nodes, scopes) == {
        "cast": "input",
        "relu_1_nchwc": "backbone",
        "fused": "neck",
        "ReorderOutput_4": "neck",
        "any": "detection",
        "top": "regions",
        "crop": "regions",
        "stacked": "sampling",
        "r": "recogniser",
        "path": "recogniser",
    }


def test_events_are_summed_over_the_runs_that_count() -> None:
    def event(name: str, operator: str, start: int, microseconds: int) -> dict[str, object]:
        times = {"ts": start, "dur": microseconds}
        return {"cat": "Node", "name": f"{name}_kernel_time", "args": {"op_name": operator}, **times}

    def run(start: int) -> dict[str, object]:
        return {"cat": "Session", "name": "model_run", "ts": start, "dur": 50}

    events = [
        run(0), event("a", "Conv", 1, 900_000),
        run(100), event("a", "Conv", 101, 3000), event("Mul_7", "Mul", 105, 1000),
        run(200), event("a", "Conv", 201, 5000), event("b", "Conv", 203, 2000),
    ]  # fmt: skip
    found = summarise(events, {"a": "backbone", "b": "neck"}, rounds=2)
    assert found == Profile(
        (Share("backbone", 4.0, 1), Share("neck", 1.0, 1), Share("sampling", 0.5, 1)),
        (Share("Conv", 5.0, 2), Share("Mul", 0.5, 1)),
    )
    assert found.milliseconds == 5.5
    assert found.as_table(longest=1).splitlines()[-1].split() == ["Conv", "5.00", "90.9", "2"]


def test_the_profile_of_a_real_graph(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "tiny")
    arguments = ["graph", "--bundle", str(tmp_path / "tiny"), "--size", "320x192", "--words", "2", "--rounds", "2"]
    result = CliRunner().invoke(bench, [*arguments, "--profile", "--json"], catch_exceptions=False)
    (found,) = json.loads(result.output)["graph"]["profiles"]
    assert len(found["stages"]) == 1  # its nodes bear no names, so they count as a function's body
    assert {"NonZero", "GatherND"} <= {operator["name"] for operator in found["operators"]}
    total = sum(operator["milliseconds"] for operator in found["operators"])
    assert found["stages"][0]["milliseconds"] == pytest.approx(total)


def test_profiling_another_device_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(bench, ["graph", "--profile", "--device", "cuda"])
    assert result.exit_code == 2
    assert "--profile is for the cpu" in result.output
