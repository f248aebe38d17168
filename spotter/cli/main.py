"""The `spotter` command. Subcommands are imported only when they run, so that serving never imports torch."""

import importlib
from typing import Any, NamedTuple, cast

import click
from click.shell_completion import CompletionItem

from spotter import __version__


class Command(NamedTuple):
    """A subcommand. target: its module and function. summary: one line. extra: the extra of the package that it needs,
    if any."""

    target: str
    summary: str
    extra: str | None = None


GROUPS: dict[str, dict[str, Command]] = {
    "Serve": {
        "serve": Command("spotter.service.cli:serve", "Run the HTTP service."),
        "demo": Command("spotter.cli.demo:demo", "Run it for a look: a browser opens with a sample read."),
    },
    "Read": {
        "spot": Command("spotter.formats.cli:spot", "Read pictures from the shell."),
        "bulk": Command("spotter.bulk.cli:bulk", "Read archives of pictures, multi-page TIFF and PDF.", "bulk"),
        "video": Command("spotter.video.cli:video", "Read a video or stream, its words followed over time.", "video"),
        "mcp": Command("spotter.mcp.cli:mcp", "Let assistants read: the Model Context Protocol.", "mcp"),
    },
    "Train": {
        "synth": Command(
            "spotter.training.synthesis.cli:synth", "Write or preview synthetic training pictures.", "train"
        ),
        "data": Command(
            "spotter.training.data.cli:data", "Label pictures with a teacher, cut lines into words.", "train"
        ),
        "import-weights": Command(
            "spotter.training.cli:import_weights", "Convert a published recogniser's weights.", "train"
        ),
        "language": Command("spotter.training.cli:language", "Build the language model that reading uses.", "train"),
        "train": Command("spotter.training.cli:train", "Train, resume, or continue in time-boxed slices.", "train"),
        "average": Command("spotter.training.cli:average", "Average the weights of several runs.", "train"),
        "combine": Command(
            "spotter.training.cli:combine", "Join a detector and a recogniser that were trained apart.", "train"
        ),
        "prune": Command("spotter.training.pruning.cli:prune", "Make a checkpoint's detector smaller.", "train"),
        "fit-orientation": Command(
            "spotter.training.cli:fit_orientation", "Teach a spotter which way up a picture lies.", "train"
        ),
        "calibrate": Command(
            "spotter.cli.calibrate:calibrate", "Fit a checkpoint's scores to what it reads right.", "train"
        ),
        "evaluate": Command("spotter.cli.evaluate:evaluate", "Score a bundle or checkpoint on a dataset.", "train"),
        "ablate": Command(
            "spotter.training.cli:ablate", "Train the same run several times, with one change each.", "train"
        ),
        "search": Command(
            "spotter.cli.search:search", "Look for a smaller detector by short runs of many.", "train,export"
        ),
        "export": Command("spotter.export.cli:export", "Turn a checkpoint into a verified bundle.", "export"),
        "rescore": Command("spotter.export.cli:rescore", "Give an evaluated bundle its scores.", "export"),
    },
    "Operate": {
        "doctor": Command("spotter.cli.doctor:doctor", "Say what this machine has, what is missing, and what to do."),
        "models": Command("spotter.registry.cli:models", "Publish, list, alias, roll back and verify bundles."),
        "build-ops": Command("spotter.ops.cli:build_ops", "Compile the native kernels of the graph's operators."),
        "bench": Command("spotter.cli.bench:bench", "Run the benchmarks.", "dev"),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}


class LazyGroup(click.Group):
    """Imports a subcommand's module only when that subcommand is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].target.split(":")
        try:
            return cast(click.Command, getattr(importlib.import_module(module), attribute))
        except ModuleNotFoundError as error:
            raise _lacking(cmd_name, error) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise _lacking(ctx.invoked_subcommand, error) from error

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [name for name in COMMANDS if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=COMMANDS[name].summary) for name in names]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, command.summary) for name, command in commands.items()])


def _lacking(name: str | None, error: ModuleNotFoundError) -> Exception:
    """An error that says which extra contains the package that a subcommand lacks; the original error where no extra
    contains it."""
    extra = COMMANDS[name].extra if name in COMMANDS else None
    package = (error.name or "").partition(".")[0]
    if extra is None or package in ("", "spotter"):
        return error
    remedy = f"pip install 'spotter-ocr[{extra}]'"
    return click.ClickException(f"`spotter {name}` needs {package}, which is missing: {remedy}")


@click.command(
    cls=LazyGroup,
    epilog="`spotter COMMAND --help` explains each. Exit codes: 0 done, 1 failed, 2 wrong usage; docs/cli.md has more.",
)
@click.version_option(__version__)
def main() -> None:
    """Spotter reads text in pictures.

    \b
      spotter demo                    look at it in a browser
      spotter serve                   answer on http://127.0.0.1:8000
      spotter spot picture.jpg        read from the shell
      spotter doctor                  see what this machine has
    """
