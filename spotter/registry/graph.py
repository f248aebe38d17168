"""Inspects an ONNX file without the ONNX package: whether it has weights in other files, and which operators it uses.

Reads the protobuf wire format (https://protobuf.dev/programming-guides/encoding) along the fields of
onnx.proto that can hold a tensor.
"""

from collections.abc import Iterator

from spotter.registry.errors import BundleError

# onnx.proto: message -> {field number: message within}
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"
    },
    "sparse": {1: "tensor", 2: "tensor"},
}  # fmt: skip
_MODEL_OPSET_IMPORT, _OPSET_DOMAIN, _OPSET_VERSION = 8, 1, 2
_TENSOR_EXTERNAL_DATA = 13
_TENSOR_DATA_LOCATION = 14
_MAX_DEPTH = 32


def refuse_external_data(model: bytes) -> None:
    """Raises BundleError when a tensor of the model is stored in another file, or the bytes are no protobuf."""
    _walk(memoryview(model), "model", 0)


def opset_version(model: bytes, domain: str) -> int | None:
    """The version of a domain's operators that the model uses; None when it uses none of them. Raises BundleError when
    the bytes are no protobuf."""
    for number, value in _fields(memoryview(model)):
        if number == _MODEL_OPSET_IMPORT and isinstance(value, memoryview):
            entry = dict(_fields(value))
            name, version = entry.get(_OPSET_DOMAIN, memoryview(b"")), entry.get(_OPSET_VERSION, 0)
            if isinstance(name, memoryview) and isinstance(version, int) and bytes(name) == domain.encode():
                return version
    return None


def _walk(data: memoryview, message: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise BundleError("the model's graph is nested too deeply")
    for number, value in _fields(data):
        if message == "tensor":
            if number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value == 1):
                raise BundleError("the model keeps weights in another file (external data)")
        elif (within := _FIELDS[message].get(number)) is not None and isinstance(value, memoryview):
            _walk(value, within, depth + 1)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        wire = key & 7
        value: int | memoryview
        if wire == 0:
            value, position = _varint(data, position)
        elif wire in (1, 2, 5):
            size = 8 if wire == 1 else 4
            if wire == 2:
                size, position = _varint(data, position)
            if size > len(data) - position:
                raise BundleError("the model is cut short")
            value = data[position : position + size]
            position += size
        else:
            raise BundleError("the model is not an ONNX file")
        yield key >> 3, value


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise BundleError("the model is not an ONNX file")
