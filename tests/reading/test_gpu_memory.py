"""The GPU's memory, read from a stand-in for CUDA's driver that wants to be called as the real one does."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from spotter.ops.build import BuildError, compiler
from spotter.reading.gpu_memory import GpuMemory
from spotter.service.app import create_app
from spotter.service.settings import Settings

DRIVER = """
#include <cstddef>
static int context, *current, opened;
extern "C" {
int cuInit(unsigned flags) { opened = 1; return INIT; }
int cuDeviceGet(int *device, int number) { *device = 5 + number; return opened ? 0 : 3; }
int cuDevicePrimaryCtxRetain(int **found, int device) { *found = &context; return device == 5 ? 0 : 101; }
int cuCtxSetCurrent(int *given) { current = given; return 0; }
int cuMemGetInfo_v2(size_t *left, size_t *total) {
    *left = (size_t)30 << 30; *total = (size_t)80 << 30; return current == &context ? 0 : 201;
}
}
"""


@pytest.fixture(name="driver")
def make_driver(tmp_path: Path) -> Callable[[int], str]:
    """Compiles a driver whose cuInit returns a code."""

    def make(code: int) -> str:
        (tmp_path / "cuda.cpp").write_text(DRIVER)
        library = tmp_path / f"libcuda{code}.so"
        command = [compiler(), "-shared", "-fPIC", f"-DINIT={code}", "-o", str(library), str(tmp_path / "cuda.cpp")]
        subprocess.run(command, check=True)
        return str(library)

    try:
        compiler()
    except BuildError as error:
        pytest.skip(f"GPU MEMORY NOT TESTED: {error}")
    return make


def test_used_and_total(driver: Callable[[int], str]) -> None:
    memory = GpuMemory(driver(0))
    assert [memory.read() for _ in range(2)] == [(50 << 30, 80 << 30)] * 2


def test_a_driver_that_fails_or_is_not_there_is_reported_once(
    driver: Callable[[int], str], caplog: pytest.LogCaptureFixture
) -> None:
    for memory, why in ((GpuMemory(driver(100)), "cuInit failed with code 100"), (GpuMemory("libno.so"), "libno.so")):
        caplog.clear()
        assert [memory.read() for _ in range(3)] == [None] * 3
        (record,) = caplog.records
        assert why in record.getMessage()


def test_the_page_shows_it_where_a_gpu_is(driver: Callable[[int], str]) -> None:
    service = create_app(Settings()).state.service
    assert service.gpu_memory is None
    service.refresh_gauges()
    assert b"\nspotter_gpu_memory_bytes{" not in service.metrics.render()
    service.gpu_memory = GpuMemory(driver(0))
    service.refresh_gauges()
    assert b"\nspotter_gpu_memory_bytes{" not in service.metrics.render()  # nothing is on it yet
    service.models.default.loaded.live = SimpleNamespace(engine=SimpleNamespace(waiting=0))
    service.refresh_gauges()
    shown = {
        sample.labels["kind"]: sample.value
        for family in text_string_to_metric_families(service.metrics.render().decode())
        for sample in family.samples
        if sample.name == "spotter_gpu_memory_bytes"
    }
    assert shown == {"used": 50 << 30, "total": 80 << 30}
