"""Memory of a GPU that all processes together use, as CUDA's driver reports it."""

import ctypes
import logging

logger = logging.getLogger(__name__)

DRIVER = "libcuda.so.1"


class GpuMemory:
    """The memory of the first GPU that the process may see. It is read only after the model was loaded: the
    driver's context is the one that ONNX Runtime uses."""

    def __init__(self, driver: str = DRIVER) -> None:
        self._name = driver
        self._driver: ctypes.CDLL | None = None
        self._context = ctypes.c_void_p()
        self._failed = False

    def read(self) -> tuple[int, int] | None:
        """(used, total) in bytes, None where no driver answers, which is logged once."""
        if self._failed:
            return None
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        try:
            if self._driver is None:
                self._open()
            self._call("cuCtxSetCurrent", self._context)  # the context is set for each thread
            self._call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        except (OSError, AttributeError) as error:
            self._failed = True
            logger.warning("the GPU's memory cannot be read: %s", error)
            return None
        return total.value - free.value, total.value

    def _open(self) -> None:
        self._driver = ctypes.CDLL(self._name)
        device = ctypes.c_int()
        self._call("cuInit", 0)
        self._call("cuDeviceGet", ctypes.byref(device), 0)
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), device)

    def _call(self, function: str, *arguments: object) -> None:
        code = getattr(self._driver, function)(*arguments)
        if code != 0:
            raise OSError(f"{function} failed with code {code}")
