"""Everything else is in pyproject.toml: here only the kernels, which are compiled where a compiler is. Without one the
package installs and works all the same."""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).parent))

from spotter.ops.build import BuildError, build


class BuildOps(build_ext):
    """Compiles a library for ONNX Runtime rather than a module for Python."""

    def build_extension(self, ext: Extension) -> None:
        try:
            build(Path(self.get_ext_fullpath(ext.name)))
        except BuildError as error:
            self.warn(f"without native kernels: {error}")

    def get_ext_filename(self, ext_name: str) -> str:
        return os.path.join(*ext_name.split(".")) + ".so"


setup(
    ext_modules=[Extension("spotter.ops.kernels.libspotter_ops", ["spotter/ops/kernels/sample.cpp"], optional=True)],
    cmdclass={"build_ext": BuildOps},
)
