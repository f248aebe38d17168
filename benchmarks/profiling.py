"""Measures the graph's time by stage and by operator, with ONNX Runtime's profiler.

A node's stage is that of the module from which it was exported, found by the node's name, by an output of the original
graph that it still has, or by the weights that it reads. A node without a module belongs to the stage of its inputs, or
to the stage after that.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from benchmarks import table
from spotter.ops import loading
from spotter.ops.interface import DOMAIN, OUTPUTS
from spotter.reading.imaging import prepare_pixels
from spotter.reading.reader import sizes_of
from spotter.registry.bundle import Bundle
from spotter.registry.graph import opset_version

STAGES = ("input", "backbone", "neck", "detection", "regions", "sampling", "recogniser")
_MODULES = {
    "backbone": "backbone",
    "neck": "neck",
    "head": "detection",
    "sampler": "sampling",
    "recogniser": "recogniser",
}
_AFTER = {"backbone": "sampling", "neck": "sampling", "detection": "regions"}
"""The stage of nodes outside any module that follow a stage: boxes are computed from the head's maps, patches from
feature maps."""
_LAYOUT = ("ReorderInput", "ReorderOutput", "Upsample", "QuantizeLinear", "DequantizeLinear")
"""Operators that only convert the output of a stage."""
_WARM_UP = 2


class Node(Protocol):
    """The used part of an ONNX node."""

    name: str
    op_type: str
    input: Iterable[str]
    output: Iterable[str]


@dataclass(frozen=True)
class Share:
    """One line: milliseconds per picture, and the number of nodes."""

    name: str
    milliseconds: float
    nodes: int


@dataclass(frozen=True)
class Profile:
    """The time in the nodes of a graph, by stage in the order of the network, and by operator, the longest first."""

    stages: tuple[Share, ...]
    operators: tuple[Share, ...]

    @property
    def milliseconds(self) -> float:
        """The milliseconds of all nodes per picture."""
        return sum(share.milliseconds for share in self.stages)

    def as_table(self, longest: int = 12) -> str:
        """Both tables; of the operators only the `longest` with most time."""
        tables = []
        for header, shares in (("stage", self.stages), ("operator", self.operators[:longest])):
            rows = [
                (each.name, each.milliseconds, 100 * each.milliseconds / self.milliseconds, each.nodes)
                for each in shares
            ]
            tables.append(table.render((header, "ms", "%", "nodes"), rows))
        return "\n\n".join(tables)


def profile(bundle: Bundle, pixels: NDArray[np.uint8], threads: int, rounds: int) -> Profile:
    """Runs the graph on a picture, uint8 [H, W, 3] RGB, `rounds` times under the profiler, on the CPU. Raises
    ImportError without the `onnx` package, which reads the graph that ONNX Runtime has rewritten."""
    import onnx

    prepared = prepare_pixels(pixels, bundle.manifest.input)

    with tempfile.TemporaryDirectory() as temporary:
        rewritten = Path(temporary) / "rewritten.onnx"
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.enable_profiling = True
        loading.register(options, opset_version(bundle.model, DOMAIN), "cpu")
        options.profile_file_prefix = str(Path(temporary) / "profile")
        options.optimized_model_filepath = str(rewritten)
        session = ort.InferenceSession(bundle.model, options, providers=["CPUExecutionProvider"])
        feeds = {"images": prepared.padded[None], "sizes": sizes_of([prepared])}
        for _ in range(_WARM_UP + rounds):
            session.run(OUTPUTS, feeds)
        events = json.loads(Path(session.end_profiling()).read_bytes())
        stages = stages_of(
            onnx.load(str(rewritten)).graph.node, scopes_of(onnx.load_from_string(bundle.model).graph.node)
        )
    return summarise(events, stages, rounds)


def scopes_of(nodes: Iterable[Any]) -> dict[str, str]:
    """The stage of each node and output of a graph that torch exported, from the module scopes in its metadata."""
    found: dict[str, str] = {}
    for node in nodes:
        scopes = next((each.value for each in node.metadata_props if each.key == "pkg.torch.onnx.name_scopes"), "")
        module = scopes.split("'")[3] if scopes.count("'") >= 4 else ""
        stage = _MODULES.get(module.partition(".")[0])
        if stage is not None:
            found.update(dict.fromkeys((node.name, *node.output), stage))
    return found


def stages_of(nodes: Iterable[Node], scopes: Mapping[str, str]) -> dict[str, str]:
    """The stage of each named node of a rewritten graph, whose nodes are in topological order."""
    made_by: dict[str, str] = {}
    stages: dict[str, str] = {}
    for node in nodes:
        stage = _stage(node, scopes, made_by)
        made_by.update(dict.fromkeys(node.output, stage))
        if node.name:
            stages[node.name] = stage
    return stages


def _stage(node: Node, scopes: Mapping[str, str], made_by: Mapping[str, str]) -> str:
    kept = (node.name, node.name.removesuffix("_nchwc"), *node.output)
    known = next((scopes[name] for name in kept if name in scopes), None)
    weights = (_MODULES.get(name.partition(".")[0]) for name in node.input if "." in name)
    known = known or next((stage for stage in weights if stage is not None), None)
    if known is not None:
        return known
    made = max((made_by.get(name, "input") for name in node.input), key=STAGES.index, default="input")
    return made if node.op_type in _LAYOUT else _AFTER.get(made, made)


def summarise(events: Iterable[Mapping[str, Any]], stages: Mapping[str, str], rounds: int) -> Profile:
    """Sums the profiler's events over the last `rounds` runs. Nodes without a name come from the bodies of the sampling
    operators."""
    listed = list(events)
    begins = sorted(event["ts"] for event in listed if event.get("name") == "model_run")[-rounds]
    by_stage: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    by_operator: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for event in listed:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith("_kernel_time") and event["ts"] >= begins:
            node = name.removesuffix("_kernel_time")
            milliseconds = event["dur"] / 1000 / rounds
            by_stage[stages.get(node, "sampling")][node] += milliseconds
            by_operator[event["args"]["op_name"]][node] += milliseconds
    ordered = [
        Share(stage, sum(by_stage[stage].values()), len(by_stage[stage])) for stage in STAGES if stage in by_stage
    ]
    operators = [Share(name, sum(nodes.values()), len(nodes)) for name, nodes in by_operator.items()]
    return Profile(tuple(ordered), tuple(sorted(operators, key=lambda share: -share.milliseconds)))
