import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from spotter.registry.errors import BundleError
from spotter.registry.graph import refuse_external_data


def _model(tensor: onnx.TensorProto, *, within: str = "initializer") -> bytes:
    nodes = [helper.make_node("Identity", ["w"], ["y"])]
    initializers = [tensor]
    if within == "attribute":
        nodes.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))
        initializers = []
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    if within == "branch":
        inner = helper.make_graph(nodes, "inner", [], [output], initializers)
        condition = numpy_helper.from_array(np.array(True), "c")
        nodes = [helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)]
        initializers = [condition]
    functions = []
    if within == "function":
        nodes.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))
        functions = [helper.make_function("spotter", "F", [], ["y"], nodes, [helper.make_opsetid("", 18)])]
        nodes, initializers = [helper.make_node("F", [], ["y"], domain="spotter")], []
    graph = helper.make_graph(nodes, "g", [], [output], initializers)
    return bytes(helper.make_model(graph, functions=functions).SerializeToString())


def _tensor(external: bool) -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
    if external:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


@pytest.mark.parametrize("within", ["initializer", "attribute", "branch", "function"])
def test_weights_in_another_file_are_found_wherever_they_are_named(within: str) -> None:
    refuse_external_data(_model(_tensor(False), within=within))
    with pytest.raises(BundleError, match="external data"):
        refuse_external_data(_model(_tensor(True), within=within))


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_cut_model_is_refused(cut: int) -> None:
    model = _model(_tensor(False))
    with pytest.raises(BundleError):
        refuse_external_data(model[:-cut])


def test_noise_is_refused() -> None:
    for noise in (b"\xff" * 50, b"PK\x03\x04 not a model", b"\x3a\xff\xff\xff\xff\x0f"):
        with pytest.raises(BundleError):
            refuse_external_data(noise)


def test_a_bottomless_graph_is_refused() -> None:
    data = b""
    for _ in range(40):  # graph(7) > node(1) > attribute(5) > graph(6) ...
        data = _field(6, data)
        data = _field(1, _field(5, data))
    with pytest.raises(BundleError, match="deep"):
        refuse_external_data(_field(7, data))


def _field(number: int, content: bytes) -> bytes:
    size, length = bytearray(), len(content)
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2]) + bytes(size) + bytes([length]) + content
