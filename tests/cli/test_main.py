import os
import subprocess
import sys
from collections.abc import Iterable

import click
import pytest
from click.testing import CliRunner

from spotter import __version__
from spotter.cli.main import COMMANDS, GROUPS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f"Usage: main {name}" in result.output
    command = main.get_command(click.Context(main), name) if isinstance(main, click.Group) else None
    assert command is not None
    assert command.help


def test_the_list_of_commands_needs_none_of_them() -> None:
    assert loaded_by(["--help"]).isdisjoint({"torch", "fastapi", "onnxruntime", "numpy", "spotter.service"})
    output = CliRunner().invoke(main, ["--help"]).output
    sections = output.partition("Options:")[2]
    assert [title for title in GROUPS if f"\n{title}:\n" in sections] == list(GROUPS)
    for name, command in COMMANDS.items():
        assert name in sections
        assert command.summary in sections


@pytest.mark.parametrize(("command", "absent", "extra"), [("mcp", "mcp", "mcp"), ("synth", "cv2", "train")])
def test_a_missing_package_is_named_with_its_extra(command: str, absent: str, extra: str) -> None:
    script = (
        "import sys\n"
        "class Lacking:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {absent!r}: raise ModuleNotFoundError(f'No module named {{name}}', name=name)\n"
        "sys.meta_path.insert(0, Lacking())\n"
        "from spotter.cli.main import main\n"
        f"main([{command!r}, '--help'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: `spotter {command}` needs {absent}, which is missing: pip install 'spotter-ocr[{extra}]'\n"
    )


@pytest.mark.parametrize(("shell", "at"), [("bash", "1"), ("zsh", "1"), ("fish", "do")])
def test_shells_complete_commands_without_loading_them(shell: str, at: str) -> None:
    variables = {**os.environ, "_SPOTTER_COMPLETE": f"{shell}_complete", "COMP_WORDS": "spotter do", "COMP_CWORD": at}
    script = (
        "import sys; from spotter.cli.main import main\n"
        "sys.modules['spotter.cli.doctor'] = None\n"
        "main(prog_name='spotter')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert "doctor" in done.stdout, done.stderr
    assert "serve" not in done.stdout


def test_an_unknown_command_is_an_error_that_names_it() -> None:
    result = CliRunner().invoke(main, ["serv"])
    assert result.exit_code == 2
    assert "serv" in result.output


def test_the_version_is_the_packages() -> None:
    assert __version__ in CliRunner().invoke(main, ["--version"]).output


def loaded_by(arguments: list[str], absent: Iterable[str] = ()) -> set[str]:
    """Modules that a fresh `spotter ARGUMENTS` has imported when it ends; importing one of `absent` fails it."""
    script = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({list(absent)!r}))\n"
        "from spotter.cli.main import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "print('MODULES', *(name for name, module in sys.modules.items() if module is not None))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("MODULES ")[2].split())


@pytest.mark.parametrize("command", ["serve", "spot", "models"])
def test_serving_works_where_nothing_for_training_is_installed(command: str) -> None:
    training = ("torch", "onnx", "onnxscript", "cv2", "shapely", "tensorboard")
    modules = loaded_by([command, "--help"], absent=training)
    assert modules.isdisjoint(training)
    assert not any(name.startswith(("spotter.model", "spotter.training", "spotter.export")) for name in modules)
