"""Runs what a page shows, one command after the other, in a folder of its own."""

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from spotter.cli.main import main
from tests.docs.pages import OPERATORS, ROOT, words_of
from tests.service.serving import serving

_SETTING = re.compile(r"(\w+)=(.*)", re.DOTALL)
_PAGES_ADDRESS = "localhost:8000"
_SPOTTER = """-c 'import sys; sys.argv[0] = "spotter"; from spotter.cli.main import main; main()'"""
"""What the installed program does."""


class Shell:
    """A folder in which commands run, and the service that answers there at `localhost:8000`.

    `spotter` runs in this process, where a line asks nothing of a shell, and `spotter serve` as a process that goes on
    until the end; everything else is bash's, with `spotter` and `python` those of the tests.
    """

    def __init__(self, folder: Path, address: str, processes: contextlib.ExitStack) -> None:
        """address: host:port of a service that is there already."""
        self.folder, self.address = folder, address
        self._processes = processes
        self._programs = folder / ".bin"
        self._programs.mkdir()
        for name, code in {"spotter": _SPOTTER, "python": ""}.items():
            (self._programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {code} "$@"\n')
            (self._programs / name).chmod(0o755)
        (folder / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")

    def run(self, line: str) -> str:
        """What a line prints to standard output. Raises AssertionError, with what it says, where it fails."""
        words = words_of(line)
        settings = {}
        while found := _SETTING.fullmatch(words[0]):
            settings[found[1]] = found[2]
            words.pop(0)
        if any(OPERATORS.issuperset(word) or "$(" in word for word in words):
            return self._by_bash(line)
        match words:
            case ["spotter", "serve", *options]:
                return self._serve(options, settings)
            case ["spotter", *arguments]:
                return self._spotter(arguments, settings)
            case ["python", "-m", module, *arguments]:
                return self._module(module, arguments)
        return self._by_bash(line)

    def python(self, code: str) -> str:
        """What an example in Python prints; it may await, as in a notebook."""
        compiled = compile(
            code.replace(_PAGES_ADDRESS, self.address), "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            result = eval(compiled, {"__name__": "__main__"})
            if inspect.iscoroutine(result):
                asyncio.run(result)
        return printed.getvalue()

    def _spotter(self, arguments: list[str], settings: dict[str, str]) -> str:
        result = CliRunner().invoke(main, arguments, env=settings, standalone_mode=False)
        if isinstance(result.exception, SystemExit):
            assert result.exit_code == 0, result.output
        elif isinstance(result.exception, click.ClickException):
            raise AssertionError(result.exception.format_message())
        elif result.exception is not None:
            raise result.exception
        return result.stdout

    def _serve(self, options: list[str], settings: dict[str, str]) -> str:
        """The address; without settings and options it is that of the service that is there already."""
        if settings or options:
            within = {name.removeprefix("SPOTTER_").lower(): value for name, value in settings.items()}
            registry = self.folder / within.pop("registry")
            server = self._processes.enter_context(serving(*options, registry=registry, threads=1, **within))
            server.find("running on", 300)
            server.ready(300)
            self.address = f"127.0.0.1:{server.port}"
        return self.address

    def _module(self, module: str, arguments: list[str]) -> str:
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
            patch.setattr(sys, "argv", [module, *arguments])
            patch.delitem(sys.modules, module, raising=False)  # another test may have imported it
            runpy.run_module(module, run_name="__main__")
        return printed.getvalue()

    def _by_bash(self, line: str) -> str:
        variables = {
            **os.environ,
            "CURL_HOME": str(self.folder),
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        command = ["bash", "-e", "-o", "pipefail", "-c", line.replace(_PAGES_ADDRESS, self.address)]
        done = subprocess.run(
            command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout
