"""The `spotter` command: subcommands that load only when they run, so that serving never imports torch."""

import importlib
from typing import cast

import click

from spotter import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("spotter.service.cli:serve", "Run the HTTP service."),
    "spot": ("spotter.formats.cli:spot", "Read pictures from the shell."),
    "mcp": ("spotter.mcp.cli:mcp", "Let assistants read: the Model Context Protocol."),
    "bulk": ("spotter.bulk.cli:bulk", "Read archives of pictures, multi-page TIFF and PDF."),
    "synth": ("spotter.training.synthesis.cli:synth", "Write or preview synthetic training pictures."),
    "data": ("spotter.training.data.cli:data", "Label pictures with a teacher, cut lines into words."),
    "language": ("spotter.training.cli:language", "Build the language model that reading uses."),
    "train": ("spotter.training.cli:train", "Train, resume, or continue in time-boxed slices."),
    "average": ("spotter.training.cli:average", "Average the weights of several runs."),
    "import-weights": ("spotter.training.cli:import_weights", "Convert a published recogniser's weights."),
    "combine": ("spotter.training.cli:combine", "Join a detector and a recogniser that were trained apart."),
    "fit-orientation": ("spotter.training.cli:fit_orientation", "Teach a spotter which way up a picture lies."),
    "ablate": ("spotter.training.cli:ablate", "Train the same run several times, with one change each."),
    "evaluate": ("spotter.cli.evaluate:evaluate", "Score a bundle or checkpoint on a dataset."),
    "calibrate": ("spotter.cli.calibrate:calibrate", "Fit a checkpoint's scores to what it reads right."),
    "export": ("spotter.export.cli:export", "Turn a checkpoint into a verified bundle."),
    "build-ops": ("spotter.ops.cli:build_ops", "Compile the native kernels of the graph's operators."),
    "models": ("spotter.registry.cli:models", "Publish, list, alias, roll back and verify bundles."),
    "bench": ("spotter.cli.bench:bench", "Run the benchmarks."),
}


class LazyGroup(click.Group):
    """Imports a subcommand's module when that subcommand is asked for, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        return cast(click.Command, getattr(importlib.import_module(module), attribute))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.command(cls=LazyGroup)
@click.version_option(__version__)
def main() -> None:
    """Spotter reads text in pictures."""
