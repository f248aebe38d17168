"""`spotter doctor`."""

import json
import sys
import textwrap
from dataclasses import asdict

import click

from spotter.cli.checks import Check, run_checks

_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
def doctor(as_json: bool) -> None:
    """Report what this machine has for reading, what is missing, and what to do about it.

    `note`: reading works without it. `wrong`: nothing can be read until it is repaired, and the exit code is 1.
    """
    found: list[Check] = []
    for check in run_checks():
        found.append(check)
        if not as_json:
            _show(check)
    wrong = [check.name for check in found if check.status == "wrong"]
    if as_json:
        click.echo(json.dumps({"ready": not wrong, "checks": [asdict(check) for check in found]}, indent=2))
    elif wrong:
        click.echo(f"\nNot ready: fix {', '.join(wrong)}.")
    else:
        click.echo("\nReady: `spotter demo` shows it, `spotter serve` serves.")
    sys.exit(1 if wrong else 0)


def _show(check: Check) -> None:
    status = click.style(f"{check.status:<6}", fg=_COLOURS[check.status])
    lines = textwrap.wrap(check.found, 100, break_long_words=False, break_on_hyphens=False)
    lines += textwrap.wrap(f"-> {check.remedy}", 100, subsequent_indent="   ") if check.remedy else []
    click.echo(f"{status}{check.name:<11}" + ("\n" + " " * 17).join(lines))
