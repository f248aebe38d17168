"""Compiles the kernels where there is a compiler; everything else is in pyproject.toml. Without a compiler the package
installs and works, too."""

import logging
import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).parent))

from spotter.ops.build import BuildError, build, compiler


class BuildOps(build_ext):
    """Compiles a library for ONNX Runtime rather than a module for Python."""

    def build_extension(self, ext: Extension) -> None:
        try:
            build(Path(self.get_ext_fullpath(ext.name)))
        except BuildError as error:
            self.warn(f"without native kernels: {error}")

    def get_ext_filename(self, ext_name: str) -> str:
        return os.path.join(*ext_name.split(".")) + ".so"


class BuildWheel(bdist_wheel):
    """The library is for one platform, but for any version of Python."""

    def get_tag(self) -> tuple[str, str, str]:
        *_, platform = super().get_tag()
        return "py3", "none", platform


def kernels() -> list[Extension]:
    """The extension to compile; none where there is no compiler, so that the wheel is for any platform."""
    try:
        compiler()
    except BuildError as error:
        logging.warning("without native kernels: %s", error)
        return []
    return [Extension("spotter.ops.kernels.libspotter_ops", ["spotter/ops/kernels/sample.cpp"], optional=True)]


setup(ext_modules=kernels(), cmdclass={"build_ext": BuildOps, "bdist_wheel": BuildWheel})
