import re
import shutil
import subprocess
from pathlib import Path

import pytest

from spotter.ops import build
from spotter.ops.build import BuildError, build_fuzzer, compiler
from spotter.ops.native import SOURCES, inspect
from tests.lengths import compiles

ROUNDS = 5_000


def test_the_library_knows_what_it_is(library: Path) -> None:
    found = inspect(library)
    assert found.path == library
    assert not found.cuda


def test_it_needs_nothing_of_the_compiler_s(library: Path) -> None:
    if shutil.which("ldd") is None:
        pytest.skip("no ldd")
    needed = subprocess.run(["ldd", str(library)], capture_output=True, text=True, check=True).stdout
    assert "libstdc++" not in needed
    assert "onnxruntime" not in needed


def test_the_compiler_s_words_are_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(BuildError, match=r"^false .*sample\.cpp"):
        build.build(tmp_path / "lib.so")
    assert list(tmp_path.iterdir()) == []


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(BuildError, match="no C\\+\\+ compiler"):
        build.build(tmp_path / "lib.so")
    with pytest.raises(BuildError, match="no nvcc"):
        build.build(tmp_path / "lib.so", cuda=True)
    monkeypatch.setenv("CXX", "surely-no-compiler")
    with pytest.raises(BuildError, match="surely-no-compiler"):
        build.build(tmp_path / "lib.so")


@compiles
@pytest.mark.timeout(900)
def test_sanitizers_find_nothing_in_random_nonsense(tmp_path: Path) -> None:
    """Kernels for every instruction set, on small and empty maps, with places and indices of any kind, each bin
    compared with a plain sum; searches of any kind, each compared with a plain one; and convolutions."""
    try:
        compiler()
    except BuildError as error:
        pytest.skip(str(error))
    fuzzer = tmp_path / "fuzz"
    try:
        build_fuzzer(fuzzer)
    except BuildError as error:
        if "asan" in str(error) or "ubsan" in str(error):
            pytest.skip("this compiler has no sanitizers")
        raise
    ran = subprocess.run([str(fuzzer), "1", str(ROUNDS)], capture_output=True, text=True, timeout=800, check=False)
    assert (ran.returncode, ran.stdout) == (0, f"{ROUNDS} rounds agree\n"), ran.stdout + ran.stderr


def test_places_in_the_abi_are_the_official_ones(tmp_path: Path) -> None:
    """Where ONNX Runtime's header is (on the compiler's path, or where Debian puts it)."""
    checks = [
        f"static_assert(offsetof(OrtApi, {name}) == {place} * sizeof(void *));"
        for name, place in re.findall(r"using (\w+)\s*=\s*(?:Entry|Release)<(\d+)", (SOURCES / "ort_abi.h").read_text())
    ]
    assert len(checks) > 20
    fields = re.findall(r"\(\*(\w+)\)\(", (SOURCES / "ort_abi.h").read_text().split("struct OrtCustomOp {")[1])
    checks += [f"static_assert(offsetof(OrtCustomOp, {name}) == offsetof(ours, {name}));" for name in fields]
    source = tmp_path / "check.cpp"
    include = ["-I", "/usr/include/onnxruntime", "-I", str(SOURCES)]
    source.write_text("#include <onnxruntime_c_api.h>\n")
    command = [shutil.which("c++") or "c++", "-std=c++17", "-fsyntax-only", *include, str(source)]
    if shutil.which("c++") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no header of ONNX Runtime")
    source.write_text(
        "#include <cstddef>\n#include <onnxruntime_c_api.h>\n#include <ort_abi.h>\nusing ours = spotter::OrtCustomOp;\n"
        + "\n".join(checks)
        + "static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT == spotter::kFloat);\n"
        "static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 == spotter::kUint8);\n"
        "static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 == spotter::kInt8);\n"
        "static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16 == spotter::kUint16);\n"
        "static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 == spotter::kInt32);\n"
        "static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 == spotter::kInt64);\n"
        "static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 == spotter::kFloat16);\n"
        "static_assert(ORT_INVALID_ARGUMENT == spotter::kInvalidArgument);\n"
        "static_assert(ORT_OP_ATTR_INT == spotter::kOpAttributeInt);\n"
        "static_assert(INPUT_OUTPUT_REQUIRED == spotter::kRequired);\n"
        "static_assert(OrtMemTypeDefault == spotter::kMemoryOfTheProvider);\n"
    )
    checked = subprocess.run([*command, "-Wno-invalid-offsetof"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@compiles
@pytest.mark.timeout(900)
def test_the_gpu_s_kernels_compile(tmp_path: Path) -> None:
    """Where nvcc is. They run on the CPU too in so far as places and weights are the same code."""
    if shutil.which("nvcc") is None:
        pytest.skip("no nvcc")
    build.build(tmp_path / "lib.so", cuda=True)
    assert inspect(tmp_path / "lib.so").cuda
